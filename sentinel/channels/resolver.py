"""Names become addresses that may be reached, at the moment of connecting."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from sentinel.channels.reach import ForbiddenAddressError, Reach


class ReachResolver(AbstractResolver):
    """The addresses it lets through are the ones connected to: a name cannot mean something else a moment later."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host` within reach."""
        found: Sequence[ResolveResult] = await self._resolver.resolve(host, port, family)
        within = [each for each in found if self._reach.contains(ip_address(each["host"]))]
        if not within:
            raise ForbiddenAddressError(f"{host} has no address that a webhook may reach")
        return within

    async def close(self) -> None:
        """Nothing to give back."""
