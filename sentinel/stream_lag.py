"""How far readers of streams are behind, as each tells by itself: no other process knows which streams there are."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from sentinel.logs import get_logger
from sentinel.store import get_store

log = get_logger(__name__)

HASH = "sentinel:ingest:lag"
HERE = "sentinel:ingest:here"
"""The groups whose stream lies on the Redis where this is told: the console may look at it there."""
FRESH_SECONDS = 60
"""Readers of a group that told within this time of the newest one share its streams; others are gone."""
KEPT_SECONDS = 86_400
"""How long a group that nobody reads for any more is remembered."""

Group = tuple[str, str, str]
"""The kind of source, the stream, and who reads it together."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader's part of a group's work on a stream."""

    source: str
    stream: str
    group: str
    name: str

    @property
    def field(self) -> bytes:
        """Its place in the hash."""
        return orjson.dumps([self.source, self.stream, self.group, self.name])

    @property
    def work(self) -> bytes:
        """What it shares with the others of its group."""
        return orjson.dumps([self.source, self.stream, self.group])


@dataclass(frozen=True, slots=True)
class Lag:
    """Entries that are not stored yet, and for how long no reader has told of them."""

    entries: int
    silent_seconds: float


def tell(lags: Mapping[Reader, int], *, is_here: bool = False) -> None:
    """Say how many entries wait for each reader, and whether here; not now when Redis is away."""
    if not lags:
        return
    told: dict[Any, Any] = {reader.field: orjson.dumps([entries, time.time()]) for reader, entries in lags.items()}
    works = [reader.work for reader in lags]
    try:
        with get_store().pipeline(transaction=False) as batch:
            batch.hset(HASH, mapping=told)
            (batch.sadd if is_here else batch.srem)(HERE, *works)
            batch.execute()
    except redis.RedisError as error:
        log.debug("lag_not_told", error=type(error).__name__)


def withdraw(readers: Iterable[Reader]) -> None:
    """Readers that end in good order are not missed."""
    left = list(readers)
    try:
        if left:
            get_store().hdel(HASH, *[each.field for each in left])  # type: ignore[arg-type] # bytes are as good
            get_store().srem(HERE, *[each.work for each in left])
    except redis.RedisError as error:
        log.debug("lag_not_told", error=type(error).__name__)


def lags() -> dict[Group, Lag]:
    """Return how far every group is behind; raises RedisError."""
    told: Any = get_store().hgetall(HASH)
    now, groups = time.time(), defaultdict[Group, list[tuple[float, int]]](list)
    for field, value in told.items():
        source, stream, group, _ = orjson.loads(field)
        entries, at = orjson.loads(value)
        if now - at > KEPT_SECONDS:
            get_store().hdel(HASH, field)
            get_store().srem(HERE, orjson.dumps([source, stream, group]))
        else:
            groups[source, stream, group].append((at, entries))
    return {group: _together(readers, now) for group, readers in groups.items()}


def groups_here() -> set[Group]:
    """Return the groups whose streams lie on this Redis; raises RedisError."""
    told: Any = get_store().smembers(HERE)
    return {tuple(orjson.loads(each)) for each in told}


def _together(readers: list[tuple[float, int]], now: float) -> Lag:
    newest = max(at for at, _ in readers)
    return Lag(sum(entries for at, entries in readers if newest - at < FRESH_SECONDS), max(0.0, now - newest))
