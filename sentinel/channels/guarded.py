"""Transports to receivers that others name: each connects only to where its URL may lead."""

from __future__ import annotations

from functools import lru_cache

from sentinel.channels.http import HttpTransport
from sentinel.channels.reach import Reach
from sentinel.channels.urls import parse_url, reach_of
from sentinel.settings import Settings

KNOWN_URLS = 10_000
"""URLs whose taking apart is remembered: it costs a tenth of a send."""


class GuardedTransports:
    """One transport for each reach, opened when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transports: dict[Reach, HttpTransport] = {}
        self._reach = lru_cache(maxsize=KNOWN_URLS)(self._find_reach)

    def leading_to(self, url: str) -> HttpTransport | None:
        """What may connect to this URL; None when it names an address beyond reach, `InvalidInputError` for no URL."""
        reach = self._reach(url)
        if reach is None:
            return None
        if reach not in self._transports:
            self._transports[reach] = HttpTransport(self._settings, reach)
        return self._transports[reach]

    async def close(self) -> None:
        """Give back the connections."""
        for transport in self._transports.values():
            await transport.close()

    def _find_reach(self, recipient: str) -> Reach | None:
        """Where we may connect to; names are judged when they are resolved."""
        url = parse_url(recipient, remedy="correct the endpoint's URL")
        reach = reach_of(url, self._settings)
        return reach if url.literal is None or reach.contains(url.literal) else None
