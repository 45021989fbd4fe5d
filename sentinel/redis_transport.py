"""Celery's messages over Redis, with one client kept per channel.

kombu makes a `redis.Redis` for each command: more than half of what a message costs. A client is only a door to the
pool of its channel, safe among threads and worth keeping. See docs/decisions/083-a-client-kept-per-channel.md.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

TRANSPORT = f"{__name__}:Transport"


class Channel(redis.Channel):
    """kombu's channel; its client is made again only when its pool is, as after a fork or a lost broker."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call] # listens on a connection of its own
        kept, pool = self._kept, self.pool
        if kept is None or kept.connection_pool is not pool:
            kept = self._kept = super()._create_client()  # type: ignore[no-untyped-call]
        return kept


class Transport(redis.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


def use_for_redis() -> None:
    """Let every `redis://` and `rediss://` broker of this process be reached by this transport; others stay theirs."""
    TRANSPORT_ALIASES.update(redis=TRANSPORT, rediss=TRANSPORT)
