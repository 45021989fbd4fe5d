"""Rate limits over the `limits` library on Redis, narrowest scope first."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import (
    STRATEGIES,
    FixedWindowRateLimiter,
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)
from redis.exceptions import RedisError

from sentinel import metrics
from sentinel.logs import get_logger
from sentinel.once import Once
from sentinel.settings import Limit, Settings, get_settings
from sentinel.store import get_store

log = get_logger(__name__)

Key = tuple[str, str, str]
"""What is counted together: (scope, channel or `*`, the bucket of who)."""

PATIENCE = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
"""Seconds: a check must not cost more than the message."""

# A message that one recipient's limit holds back must not use up its client's share as well.
NARROWEST_FIRST = ("target", "recipient", "alert_user", "user", "endpoint", "client", "provider")

ADMITTED_SECONDS = 600
"""The limiter remembers for one to two of these whom it let through: longer than a chain is on its way."""

DOWN_WAIT_SECONDS = 5
"""How long a message waits when the limiter is down and `SENTINEL_LIMITER_DOWN=closed`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A message as the limits see it: for each scope who it counts against (absent: the scope does not apply).

    `attempts` so far tells an operator's retry, which counts again, from a message that only comes twice.
    """

    id: str
    channel: str
    scopes: Mapping[str, str]
    attempts: int = 0

    @property
    def mark(self) -> str:
        """What is remembered of a message that was let through."""
        return f"{self.id}:{self.attempts}"


@dataclass(slots=True)
class Verdict:
    """What the limits say of a batch: who goes on, who is dropped, who waits until when, who is told in a digest."""

    admitted: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    deferred: list[tuple[str, datetime]] = field(default_factory=list)
    digested: list[tuple[str, datetime]] = field(default_factory=list)
    """With the moment at which one message more may be sent."""
    held: list[tuple[str, datetime]] = field(default_factory=list)
    """Waiting because the limiter itself is down."""


class Limiter:
    """Counts messages against every limit that applies to them."""

    def __init__(self, settings: Settings) -> None:
        self._limits = [(limit, parse(limit.rate)) for limit in sorted(settings.limits, key=_breadth)]
        self._fails_open = settings.limiter_down == "open"
        self._store = get_store()
        self._strategy = _strategy(settings)

    def admit(self, subjects: Sequence[Subject], *, now: datetime) -> Verdict:
        """Sort a batch by what its limits say. A limit used up by the batch spreads the rest over its windows.

        A message counts once, however often the broker or a sweeper brings it: what was let through stays so.
        """
        verdict = Verdict()
        limited = [subject for subject in subjects if self._is_limited(subject)]
        if not limited:
            verdict.admitted += [subject.id for subject in subjects]
            return verdict
        try:
            known = self._let_through_before(limited, now)
            fresh = self._count([subject for subject in limited if subject.id not in known], verdict)
            if fresh:
                self._remember(fresh, now)
            stopped = {subject.id for subject in limited} - known - {subject.id for subject in fresh}
            verdict.admitted += [subject.id for subject in subjects if subject.id not in stopped]
        except (StorageError, RedisError) as error:
            decided = {*verdict.dropped, *(each for each, _ in (*verdict.deferred, *verdict.digested))}
            undecided = [subject for subject in subjects if subject.id not in decided]
            self._without_limiter(undecided, verdict, now=now, error=error)
        return verdict

    def _is_limited(self, subject: Subject) -> bool:
        return any(_applies(limit, subject) for limit, _ in self._limits)

    def _let_through_before(self, subjects: Sequence[Subject], now: datetime) -> set[str]:
        marks = [subject.mark for subject in subjects]
        with self._store.pipeline(transaction=False) as batch:
            for key in _memories(now):
                batch.smismember(key, marks)
            newer, older = batch.execute()
        return {subject.id for subject, *seen in zip(subjects, newer, older, strict=True) if any(seen)}

    def _remember(self, subjects: Sequence[Subject], now: datetime) -> None:
        key = _memories(now)[0]
        with self._store.pipeline(transaction=False) as batch:
            batch.sadd(key, *(subject.mark for subject in subjects))
            batch.expire(key, 2 * ADMITTED_SECONDS)
            batch.execute()

    def _count(self, subjects: list[Subject], verdict: Verdict) -> list[Subject]:
        """Count the batch against one limit after the other, each in one round trip; returns who passed them all."""
        for limit, rate in self._limits:
            keyed = [(subject, key) for subject in subjects if (key := _key(limit, subject)) is not None]
            passed = self._hit(rate, [key for _, key in keyed])
            stopped = [each for each, has_passed in zip(keyed, passed, strict=True) if not has_passed]
            self._stop(limit, rate, stopped, verdict)
            gone = {subject.id for subject, _ in stopped}
            subjects = [subject for subject in subjects if subject.id not in gone]
        return subjects

    def _stop(
        self, limit: Limit, rate: RateLimitItem, stopped: Sequence[tuple[Subject, Key]], verdict: Verdict
    ) -> None:
        """Say what becomes of messages above a limit."""
        if limit.above == "drop":
            verdict.dropped += [subject.id for subject, _ in stopped]
        elif limit.above == "digest":
            opens = {key: self._opens(rate, key) for _, key in stopped}
            verdict.digested += [(subject.id, opens[key]) for subject, key in stopped]
        else:
            verdict.deferred += self._later(rate, stopped)

    def _hit(self, rate: RateLimitItem, keys: Sequence[Key]) -> list[bool]:
        """Run what the strategy's `hit` runs, the library's own scripts on its own keys, for a whole batch at once."""
        hit, is_within = HITS[type(self._strategy)]
        storage: Any = self._strategy.storage
        with self._store.pipeline(transaction=False) as batch:
            for key in keys:
                hit(storage, batch, rate, rate.key_for(*key))
            return [is_within(answer, rate) for answer in batch.execute()]

    def _later(self, rate: RateLimitItem, stopped: Sequence[tuple[Subject, Key]]) -> list[tuple[str, datetime]]:
        """When each may come again; whoever stands behind a whole window's worth waits a window longer."""
        queued: Counter[Key] = Counter()
        opens: dict[Key, datetime] = {}
        found = []
        for subject, key in stopped:
            if key not in opens:
                opens[key] = self._opens(rate, key)
            windows = queued[key] // rate.amount
            queued[key] += 1
            found.append((subject.id, opens[key] + timedelta(seconds=rate.get_expiry() * windows)))
        return found

    def _opens(self, rate: RateLimitItem, key: Key) -> datetime:
        """When there is room again."""
        return datetime.fromtimestamp(self._strategy.get_window_stats(rate, *key).reset_time, UTC)

    def _without_limiter(
        self, subjects: Sequence[Subject], verdict: Verdict, *, now: datetime, error: Exception
    ) -> None:
        log.warning("limiter_down", messages=len(subjects), let_through=self._fails_open, error=str(error))
        metrics.count("limiter_down_total", len(subjects))
        ids = [subject.id for subject in subjects]
        if self._fails_open:
            verdict.admitted += ids
        else:
            verdict.held += [(each, now + timedelta(seconds=DOWN_WAIT_SECONDS)) for each in ids]


def _hit_fixed(storage: Any, batch: Any, rate: RateLimitItem, key: str) -> None:
    storage.lua_incr_expire([storage.prefixed_key(key)], [rate.get_expiry(), 1], client=batch)


def _hit_moving(storage: Any, batch: Any, rate: RateLimitItem, key: str) -> None:
    arguments = [time.time(), rate.amount, rate.get_expiry(), 1]
    storage.lua_acquire_moving_window([storage.prefixed_key(key)], arguments, client=batch)


def _hit_sliding(storage: Any, batch: Any, rate: RateLimitItem, key: str) -> None:
    # The braces keep both keys on one node of a Redis cluster, as the library has them.
    current = storage.prefixed_key(f"{{{key}}}")
    storage.lua_acquire_sliding_window([f"{current}/-1", current], [rate.amount, rate.get_expiry(), 1], client=batch)


# A test holds each against the strategy's own `hit`.
HITS: dict[type[RateLimiter], tuple[Callable[..., None], Callable[[Any, RateLimitItem], bool]]] = {
    FixedWindowRateLimiter: (_hit_fixed, lambda count, rate: int(count) <= rate.amount),
    MovingWindowRateLimiter: (_hit_moving, lambda acquired, _: bool(acquired)),
    SlidingWindowCounterRateLimiter: (_hit_sliding, lambda acquired, _: bool(acquired)),
}


def _applies(limit: Limit, subject: Subject) -> bool:
    return limit.scope in subject.scopes and limit.channel in (None, subject.channel)


def _key(limit: Limit, subject: Subject) -> Key | None:
    if not _applies(limit, subject):
        return None
    return (limit.scope, limit.channel or "*", bucket(subject.scopes[limit.scope]))


def bucket(who: str) -> str:
    """Name who is counted without saying who it is: Redis shows its keys to whoever looks after it."""
    return hashlib.blake2b(who.encode(), digest_size=16).hexdigest()


def _memories(now: datetime) -> tuple[str, str]:
    """Name the set of this stretch of time and the one before: one command asks for a whole batch, and both expire."""
    stretch = int(now.timestamp()) // ADMITTED_SECONDS
    return f"sentinel:admitted:{stretch}", f"sentinel:admitted:{stretch - 1}"


def _breadth(limit: Limit) -> int:
    return NARROWEST_FIRST.index(limit.scope)


def _strategy(settings: Settings) -> RateLimiter:
    storage = storage_from_string(
        settings.redis_url.get_secret_value(),
        wrap_exceptions=True,
        key_prefix="sentinel:limits",
        **PATIENCE,
    )
    return STRATEGIES[settings.limit_strategy](storage)


@Once
def get_limiter() -> Limiter:
    """Return the limiter of this process; redis-py opens connections of its own after a fork."""
    return Limiter(get_settings())
