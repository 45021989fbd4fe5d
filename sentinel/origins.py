"""Where requests come from, as limits count it."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

REMEMBERED = 4096
"""Most addresses whose reading is kept: the same ones come again and again."""


@lru_cache(maxsize=REMEMBERED)
def origin_of(address: str | None) -> str:
    """Whom an address stands for: of IPv6 the network, for each machine has billions of addresses of its own."""
    found = read_address(address or "")
    if found is None:
        return "elsewhere"
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)


def read_address(text: str) -> Address | None:
    """An address; one of IPv4 also where a socket for both kinds has written it (`::ffff:192.0.2.7`)."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    return None if found.scope_id else found.ipv4_mapped or found
