"""A Redis Stream, read by a consumer group: what is read stays pending until it is stored, whoever dies meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sentinel import metrics, stopping
from sentinel.errors import ConfigurationError
from sentinel.ingest.entries import DeadLetter, Entry, Pace
from sentinel.ingest.outage import AwayError
from sentinel.ingest.storing import ENTRIES
from sentinel.logs import get_logger

log = get_logger(__name__)

KIND = "redis"
BLOCK_MS = 500
"""How long a read waits for the first entry: so long may a stop take."""
TIMEOUT_SECONDS = 5.0
SLICE_SECONDS = 0.1
START_OF_PENDING, START_OF_STREAM, NEW = "0", "0", ">"
START_OF_CLAIMS = "0-0"
UNUSABLE = (
    "--url cannot be used: write redis://:PASSWORD@HOST:6379/0, or rediss:// for TLS, "
    "with / # and @ of a password as %2F, %23 and %40"
)

Raw = tuple[bytes | None, dict[bytes, bytes] | None]
"""An entry as the client library has it: without fields when it was deleted from the stream meanwhile."""


@dataclass(frozen=True, slots=True)
class Place:
    """A consumer of a group at a stream."""

    stream: str
    group: str
    consumer: str

    @property
    def dead(self) -> str:
        """The stream of what could not be stored."""
        return f"{self.stream}:dead"


def connect(url: str) -> redis.Redis:
    """Return a client that never repeats a read by itself: of an answer that was lost the entries are pending."""
    limits = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    try:
        return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **limits)
    except ValueError:
        raise ConfigurationError(UNUSABLE) from None  # what the library says may be a part of the password


class RedisStream:
    """A consumer's entries: first those that it had read before, then those of dead consumers, then new ones."""

    kind = KIND
    teller = ""

    def __init__(
        self,
        store: redis.Redis,
        place: Place,
        pace: Pace,
        *,
        claim_idle_seconds: float = 60,
        is_here: bool = False,
    ) -> None:
        self._store = store
        self.is_here = is_here
        self.group = place.group
        self._place = place
        self._pace = pace
        self._claim_idle_ms = int(claim_idle_seconds * 1000)
        self._claim_from = START_OF_CLAIMS
        self._claim_at = 0.0
        self._forget()

    def _forget(self) -> None:
        """Take nothing for granted: the group may be gone, and entries of ours may wait that never reached us."""
        self._has_group = False
        self._has_leftovers = True

    def read(self) -> list[Entry]:
        """Gather entries for at most a batch."""
        with self._redis():
            self._ensure_group()
            return self._entries(self._leftovers() or self._claimed() or self._fresh())

    def settle(self, entries: Sequence[Entry], dead: Sequence[DeadLetter]) -> None:
        """Acknowledge all; dead ones in the same transaction as they are put into the stream of the dead."""
        with self._redis(), self._store.pipeline(transaction=bool(dead)) as batch:
            for each in dead:
                fields: dict[Any, Any] = {**each.entry.fields, **each.notes}
                batch.xadd(self._place.dead, fields)
            batch.xack(self._place.stream, self._place.group, *[each.key for each in entries])
            batch.execute()

    def rest(self, seconds: float) -> None:
        """Wait."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stopping.is_asked():
            time.sleep(min(left, SLICE_SECONDS))

    def lags(self) -> dict[str, int]:
        """Count what the whole group has not settled; Redis tells since 7.0, and not of a stream with holes."""
        try:
            groups: Any = self._store.xinfo_groups(self._place.stream)
        except redis.RedisError:
            return {}  # the next read says why
        ours: dict[str, Any] = next((each for each in groups if each["name"] == self.group.encode()), {})
        waiting = ours.get("lag")
        return {} if waiting is None else {self._place.stream: waiting + ours["pending"]}

    def close(self) -> None:
        """Let the connections go; what is pending is this consumer's when it comes again, or claimed by others."""
        self._store.close()

    def _ensure_group(self) -> None:
        if self._has_group:
            return
        try:
            self._store.xgroup_create(self._place.stream, self._place.group, id=START_OF_STREAM, mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # it is there already
                raise
        self._has_group = True

    def _leftovers(self) -> list[Raw]:
        """What this consumer has read and never settled: before a crash, or in an answer that was lost."""
        found = self._ask(START_OF_PENDING, self._pace.batch) if self._has_leftovers else []
        self._has_leftovers = bool(found)
        return found

    def _claimed(self) -> list[Raw]:
        """What others have left lying, looked for now and then."""
        if time.monotonic() < self._claim_at:
            return []
        place = self._place
        answer: Any = self._store.xautoclaim(
            place.stream, place.group, place.consumer, self._claim_idle_ms, self._claim_from, count=self._pace.batch
        )
        following, found, *deleted = answer
        self._tell_deleted([key for keys in deleted for key in keys])  # Redis 7 has settled these itself
        self._claim_from = following
        if following == START_OF_CLAIMS.encode():
            self._claim_at = time.monotonic() + self._claim_idle_ms / 2000
        # Redis 6.2 does not name what was deleted; it is ours now, and named among our pending entries.
        self._has_leftovers = any(key is None for key, _ in found)
        return [each for each in found if each[0] is not None]

    def _fresh(self) -> list[Raw]:
        found = self._ask(NEW, self._pace.batch, block_ms=BLOCK_MS)
        if 0 < len(found) < self._pace.batch and self._pace.linger_seconds:
            time.sleep(self._pace.linger_seconds)  # others come meanwhile, and share the commit
            found += self._ask(NEW, self._pace.batch - len(found))
        return found

    def _ask(self, start: str, count: int, *, block_ms: int | None = None) -> list[Raw]:
        place = self._place
        answer: Any = self._store.xreadgroup(
            place.group, place.consumer, {place.stream: start}, count=count, block=block_ms
        )
        return [raw for _, found in answer or [] for raw in found]

    def _entries(self, raw: list[Raw]) -> list[Entry]:
        stream = self._place.stream
        self._settle_deleted([key for key, fields in raw if key and not fields])
        return [Entry(f"{stream}:{key.decode()}", stream, fields, key) for key, fields in raw if key and fields]

    def _settle_deleted(self, keys: list[bytes]) -> None:
        """Entries that were read, and deleted or trimmed away before they were stored, are gone; say so."""
        if keys:
            self._store.xack(self._place.stream, self._place.group, *keys)
            self._tell_deleted(keys)

    def _tell_deleted(self, keys: list[bytes]) -> None:
        if keys:
            log.warning("entries_deleted", stream=self._place.stream, count=len(keys), first=keys[0].decode())
            metrics.count(ENTRIES, len(keys), source=KIND, stream=self._place.stream, result="deleted")

    @contextmanager
    def _redis(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            self._forget()
            if str(error).startswith("WRONGTYPE"):
                raise ConfigurationError(f"{self._place.stream} or {self._place.dead} is not a stream") from None
            raise AwayError(f"the Redis of the stream: {error}") from None
