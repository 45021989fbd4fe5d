"""A Redis or Valkey server: reachable, new enough, keeps what it is given, evicts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis
from redis.exceptions import RedisError

from sentinel.services.watching.diagnosis.findings import Finding, broken, first_line, ok, warning
from sentinel.settings import Settings

OLDEST_VERSION = (6, 2)
TIMEOUT_SECONDS = 3.0
SCHEMES = ("redis://", "rediss://")


def check_redis(settings: Settings) -> Iterator[Finding]:
    """The server of REDIS_URL, and that of BROKER_URL if it is another Redis."""
    url, broker = settings.redis_url.get_secret_value(), settings.broker_url.get_secret_value()
    if not url:
        yield broken("redis", "REDIS_URL is not set", "set REDIS_URL, or run `sentinel up`")
    else:
        yield from _server("redis", "REDIS_URL", url)
    if broker.startswith(SCHEMES) and broker != url:
        yield from _server("broker's redis", "BROKER_URL", broker)


def _server(subject: str, variable: str, url: str) -> Iterator[Finding]:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, decode_responses=True
        ) as client:
            facts: dict[str, Any] = client.info("everything")
            snapshots = _snapshots(client)
    except (RedisError, ValueError) as error:
        remedy = f"check {variable}, and that the server runs and lets this machine in"
        yield broken(subject, f"cannot be used: {first_line(error)}", remedy)
        return
    yield _version(subject, facts)
    yield _persistence(subject, facts, snapshots)
    yield _eviction(subject, facts)


def _snapshots(client: redis.Redis) -> str | None:
    """The `save` setting; None where a hosted server does not tell."""
    try:
        found: Any = client.config_get("save")
    except RedisError:
        return None
    return str(found.get("save", ""))


def _version(subject: str, facts: dict[str, Any]) -> Finding:
    # Valkey gives the Redis version it is compatible with, and its own beside it.
    name = f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {facts['redis_version']}"
    numbers = tuple(int(part) for part in str(facts["redis_version"]).split(".")[:2])
    if numbers < OLDEST_VERSION:
        return broken(subject, f"{name} is too old", "use Redis 6.2 or newer, or Valkey")
    return ok(subject, name)


def _persistence(subject: str, facts: dict[str, Any], snapshots: str | None) -> Finding:
    if facts.get("aof_last_write_status", "ok") != "ok" or facts.get("rdb_last_bgsave_status", "ok") != "ok":
        return broken(subject, "could not write to its disk", "look at its log; most often the disk is full")
    if facts.get("aof_enabled"):
        return ok(subject, "keeps its data (appendonly)")
    if snapshots is None:
        return ok(subject, "does not tell whether it keeps its data")
    if snapshots:
        return ok(subject, f"keeps its data (save {snapshots})")
    message = "forgets everything in a restart: rows go out again only when the sweeper finds them, limits start anew"
    return warning(subject, message, "set appendonly yes")


def _eviction(subject: str, facts: dict[str, Any]) -> Finding:
    policy = facts.get("maxmemory_policy", "unknown")
    if policy in ("noeviction", "unknown"):
        return ok(subject, f"maxmemory-policy {policy}")
    message = f"maxmemory-policy {policy} throws away queued messages when memory is full"
    remedy = "set maxmemory-policy noeviction"
    return broken(subject, message, remedy) if facts.get("maxmemory") else warning(subject, message, remedy)
