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


@dataclass(frozen=True, slots=True)
class Lag:
    """Entries that are not stored yet, and for how long no reader has told of them."""

    entries: int
    silent_seconds: float


def tell(lags: Mapping[Reader, int]) -> None:
    """Say how many entries wait for each reader; not now when Redis is away."""
    if not lags:
        return
    told: dict[Any, Any] = {reader.field: orjson.dumps([entries, time.time()]) for reader, entries in lags.items()}
    try:
        get_store().hset(HASH, mapping=told)
    except redis.RedisError as error:
        log.debug("lag_not_told", error=type(error).__name__)


def withdraw(readers: Iterable[Reader]) -> None:
    """Readers that end in good order are not missed."""
    fields: list[Any] = [each.field for each in readers]
    try:
        if fields:
            get_store().hdel(HASH, *fields)
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
        else:
            groups[source, stream, group].append((at, entries))
    return {group: _together(readers, now) for group, readers in groups.items()}


def _together(readers: list[tuple[float, int]], now: float) -> Lag:
    newest = max(at for at, _ in readers)
    return Lag(sum(entries for at, entries in readers if newest - at < FRESH_SECONDS), max(0.0, now - newest))
