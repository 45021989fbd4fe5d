"""Where requests come from, as limits count it."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

REMEMBERED = 4096
"""Most addresses whose reading is kept: the same ones come again and again."""


@lru_cache(maxsize=REMEMBERED)
def origin_of(address: str | None) -> str:
    """Whom an address stands for: of IPv6 the network, for each machine has billions of addresses of its own."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "elsewhere"
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)
