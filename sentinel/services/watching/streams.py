"""The streams that `sentinel ingest` reads: as far as its readers tell, and on our own Redis as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import ResponseError

from sentinel import stream_lag
from sentinel.store import get_store
from sentinel.stream_lag import Group, Lag

DEAD = ":dead"
"""What the name of a stream of dead letters ends with; `sentinel.ingest.redis_stream` writes it."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC).timestamp()

LONGEST_SHOWN = 200
"""Characters of a field that people see."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One reader of a group, as Redis knows it."""

    name: str
    pending: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Insight:
    """What our own Redis tells of a stream."""

    length: int
    pending: int
    oldest_at: float | None
    """When the oldest entry that is not settled came, by the server's clock."""
    consumers: tuple[Consumer, ...]
    dead: int


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream and the group that reads it. Without `insight` it lies where only its readers reach."""

    source: str
    stream: str
    group: str
    lag: Lag
    insight: Insight | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry: its id, when it came if the id tells, and its fields, cut."""

    id: str
    at: datetime | None
    fields: Mapping[str, str]


def streams() -> list[StreamView]:
    """Return all streams that somebody reads or has read lately; raises RedisError."""
    here = stream_lag.groups_here()
    return [
        StreamView(*group, lag, _insight(group) if group in here else None)
        for group, lag in sorted(stream_lag.lags().items())
    ]


def is_here(stream: str) -> bool:
    """Whether readers say that a stream lies on our own Redis: no other key of it is anybody's to look into."""
    return any(stream in (name, f"{name}{DEAD}") for _, name, _ in stream_lag.groups_here())


def last_entries(stream: str, *, most: int) -> list[EntryView]:
    """Return the newest entries of a stream of ours, newest first; raises RedisError."""
    try:
        found: Any = get_store().xrevrange(stream, count=most)
    except ResponseError:  # no stream any more
        return []
    return [_entry(key, fields) for key, fields in found]


def _entry(key: bytes, fields: Mapping[bytes, bytes]) -> EntryView:
    shown = {_text(name): _text(value) for name, value in fields.items()}
    moment = _moment(key)
    return EntryView(key.decode(), None if moment is None else datetime.fromtimestamp(moment, UTC), shown)


def _text(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def _moment(key: bytes | None) -> float | None:
    """When an entry came: Redis begins its id with that, in milliseconds. None: whoever wrote it chose another id."""
    moment = None if key is None else int(key.partition(b"-")[0]) / 1000
    return None if moment is None or moment >= END_OF_TIME else moment


def _insight(group: Group) -> Insight | None:
    _, stream, name = group
    store: Any = get_store()
    try:
        groups = store.xinfo_groups(stream)
        ours = next(each for each in groups if each["name"] == name.encode())
        consumers = store.xinfo_consumers(stream, name)
        oldest = _oldest(store, stream, ours)
    except (ResponseError, StopIteration):  # deleted since its reader has told of it
        return None
    return Insight(
        store.xlen(stream),
        ours["pending"],
        oldest,
        tuple(Consumer(each["name"].decode(), each["pending"], each["idle"] / 1000) for each in consumers),
        store.xlen(f"{stream}{DEAD}"),
    )


def _oldest(store: Any, stream: str, group: Mapping[str, Any]) -> float | None:
    """The oldest entry that was read and not settled, else the first that was not read."""
    if group["pending"]:
        return _moment(store.xpending(stream, group["name"])["min"])
    [*unread] = store.xrange(stream, min=f"({group['last-delivered-id'].decode()}", count=1)
    return _moment(unread[0][0]) if unread else None
