"""The bell: while it is set, a part-filled chain is on its way to `deliver`, and what comes meanwhile gathers."""

from __future__ import annotations

import redis

from sentinel.logs import get_logger
from sentinel.once import Once
from sentinel.settings import get_settings
from sentinel.store import get_store

log = get_logger(__name__)


class Bell:
    """One flag per channel in Redis, set by who publishes, cleared when `deliver` begins or the chain ends before it.

    It paces, it guards nothing: when Redis is away, or a flag is lost, chains leave sooner and carry less.
    """

    def __init__(self, store: redis.Redis, *, longest_ms: int) -> None:
        self._store = store
        self._longest_ms = longest_ms  # a worker that dies with the chain must not hold up the next one for ever

    def ring(self, channel: str) -> bool:
        """Set the flag; False if it is set already, so a chain is still on its way."""
        try:
            return bool(self._store.set(_key(channel), 1, nx=True, px=self._longest_ms))
        except redis.RedisError as error:
            log.debug("bell_away", channel=channel, error=type(error).__name__)
            return True

    def quiet(self, channel: str) -> None:
        """Clear the flag."""
        try:
            self._store.delete(_key(channel))
        except redis.RedisError as error:
            log.debug("bell_away", channel=channel, error=type(error).__name__)


def _key(channel: str) -> str:
    return f"sentinel:bell:{channel}"


@Once
def get_bell() -> Bell:
    """Return the bell of this process."""
    return Bell(get_store(), longest_ms=get_settings().gather_ms)
