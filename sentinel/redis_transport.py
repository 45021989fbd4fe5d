"""Celery's messages over Redis, with one client kept per channel.

kombu makes a `redis.Redis` for each command: more than half of what a message costs. A client is only a door to the
pool of its channel, safe among threads and worth keeping. See docs/decisions/083-a-client-kept-per-channel.md.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError

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

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        # When a worker lets go of a lost broker, kombu closes channels whose transport is gone already, and those with
        # messages under way want a client once more. Of a lost connection kombu expects this error; its own, of None,
        # ends the worker.
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("this channel has no connection any more")
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


def use_for_redis() -> None:
    """Let every `redis://` and `rediss://` broker of this process be reached by this transport; others stay theirs."""
    TRANSPORT_ALIASES.update(redis=TRANSPORT, rediss=TRANSPORT)
