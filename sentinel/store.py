"""The Redis connection of this process, for what counts and caches: never for what must not be lost."""

from __future__ import annotations

from functools import lru_cache

import redis

from sentinel.settings import get_settings


@lru_cache(maxsize=1)
def get_store() -> redis.Redis:
    """Return the pool of this process; redis-py opens connections of its own after a fork."""
    url = get_settings().redis_url.get_secret_value()
    if not url:
        raise redis.ConnectionError("REDIS_URL is not set")
    return redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)
