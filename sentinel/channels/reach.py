"""Which addresses a webhook may reach: public ones, and the networks the operator names. Judged where we connect."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from sentinel.settings import Network

Address = IPv4Address | IPv6Address

_NEVER_PUBLIC = (
    IPv4Network("192.0.0.0/24"),  # Python before 3.11.10 takes most of it for public
    IPv4Network("168.63.129.16/32"),  # what every machine in Azure asks for its secrets
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("224.0.0.0/4"),
    IPv6Network("3fff::/20"),  # for documentation, since 2024
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """Every address of this name is one that webhooks may not reach."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The addresses one may connect to: those of `networks`, and public ones unless `is_private_only`."""

    networks: tuple[Network, ...] = ()
    is_private_only: bool = False

    def contains(self, address: Address) -> bool:
        """Whether this address may be connected to."""
        inner = _without_wrapping(address)
        if any(each in network for each in (address, inner) for network in self.networks):
            return True
        return not self.is_private_only and _is_public(inner)


def literal_address(host: str) -> Address | None:
    """The address that a host is by itself, in any form the C library takes (1.2.3.4, 16909060, 0x1020304, 1.772)."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _without_wrapping(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where gateways and kernels would take it out."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in _NEVER_PUBLIC)
