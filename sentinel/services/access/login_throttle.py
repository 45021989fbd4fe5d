"""How often passwords may be tried: by name and origin together, and by origin. Counted in Redis, else in memory."""

from __future__ import annotations

import hashlib
import math
import time
from functools import cached_property

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from sentinel.logs import get_logger
from sentinel.settings import Settings

log = get_logger(__name__)

PER_NAME = parse("5 per 5 minutes")
"""Of one name from one origin: whoever guesses elsewhere cannot lock the owner out."""
PER_ORIGIN = parse("50 per 5 minutes")
"""Of all names together: the same password tried on many."""

NEWS = parse("1 per 5 minutes")
"""How often it is written down that an address is held up: whoever goes on trying must not fill the audit trail."""

PATIENCE = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}


class LoginThrottle:
    """Counts tries before the password is looked at; a login that succeeds is forgiven its own."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.redis_url.get_secret_value()
        self._own = FixedWindowRateLimiter(MemoryStorage())

    @cached_property
    def _shared(self) -> FixedWindowRateLimiter:
        storage = storage_from_string(self._url, wrap_exceptions=True, key_prefix="sentinel:logins", **PATIENCE)
        return FixedWindowRateLimiter(storage)

    def seconds_to_wait(self, name: str, origin: str) -> int:
        """Count a try; 0 if it may go on."""
        try:
            return _tried(self._shared, name, origin)
        except StorageError as error:
            # Without Redis each process counts for itself: guessing gets no easier than by the number of processes.
            log.warning("login_throttle_without_redis", error=str(error))
            return _tried(self._own, name, origin)

    def is_news(self, origin: str) -> bool:
        """Whether it was not written down of late that this origin is held up."""
        for limiter in (self._shared, self._own):
            try:
                return limiter.hit(NEWS, "news", origin)
            except StorageError as error:
                log.warning("login_throttle_without_redis", error=str(error))
        return False

    def forgive(self, name: str, origin: str) -> None:
        """Forget the tries of somebody who knew the password in the end."""
        for limiter in (self._shared, self._own):
            try:
                limiter.clear(PER_NAME, *_pair(name, origin))
            except StorageError as error:
                log.warning("login_throttle_without_redis", error=str(error))


def _tried(limiter: FixedWindowRateLimiter, name: str, origin: str) -> int:
    waits = [_hit(limiter, PER_ORIGIN, ("origin", origin)), _hit(limiter, PER_NAME, _pair(name, origin))]
    return max(waits)


def _hit(limiter: FixedWindowRateLimiter, rate: RateLimitItem, key: tuple[str, ...]) -> int:
    if limiter.hit(rate, *key):
        return 0
    return max(1, math.ceil(limiter.get_window_stats(rate, *key).reset_time - time.time()))


def _pair(name: str, origin: str) -> tuple[str, str, str]:
    # Hashed: people type passwords into the field for the name.
    return ("name", hashlib.sha256(name.encode(errors="replace")).hexdigest(), origin)
