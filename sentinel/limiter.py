"""Rate limits over the `limits` library on Redis, narrowest scope first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import redis
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import STRATEGIES, RateLimiter
from redis.exceptions import RedisError

from sentinel.logs import get_logger
from sentinel.settings import Limit, Settings, get_settings

log = get_logger(__name__)

PATIENCE = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
"""Seconds: a check must not cost more than the message."""

# A message that one recipient's limit holds back must not use up its client's share as well.
NARROWEST_FIRST = ("recipient", "user", "endpoint", "client", "provider")

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
    """What the limits say of a batch: who goes on, who is dropped, who waits until when."""

    admitted: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    deferred: list[tuple[str, datetime]] = field(default_factory=list)
    held: list[tuple[str, datetime]] = field(default_factory=list)
    """Waiting because the limiter itself is down."""


class Limiter:
    """Counts messages against every limit that applies to them."""

    def __init__(self, settings: Settings) -> None:
        self._limits = [(limit, parse(limit.rate)) for limit in sorted(settings.limits, key=_breadth)]
        self._fails_open = settings.limiter_down == "open"
        self._store = redis.Redis.from_url(settings.redis_url.get_secret_value(), **PATIENCE)
        self._strategy = _strategy(settings)

    def admit(self, subjects: Sequence[Subject], *, now: datetime) -> Verdict:
        """Sort a batch by what its limits say. A limit used up by the batch spreads the rest over its windows.

        A message counts once, however often the broker or a sweeper brings it: what was let through stays so.
        """
        verdict = Verdict()
        if not (self._limits and subjects):
            verdict.admitted += [subject.id for subject in subjects]
            return verdict
        behind: Counter[str] = Counter()
        try:
            known = self._let_through_before(subjects, now)
            for subject in subjects:
                if subject.id in known:
                    verdict.admitted.append(subject.id)
                else:
                    self._judge(subject, verdict, behind)
            fresh = set(verdict.admitted) - known
            if fresh:
                self._remember([subject for subject in subjects if subject.id in fresh], now)
        except (StorageError, RedisError) as error:
            decided = {*verdict.admitted, *verdict.dropped, *(each for each, _ in verdict.deferred)}
            undecided = [subject for subject in subjects if subject.id not in decided]
            self._without_limiter(undecided, verdict, now=now, error=error)
        return verdict

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

    def _judge(self, subject: Subject, verdict: Verdict, behind: Counter[str]) -> None:
        for limit, rate in self._limits:
            who = subject.scopes.get(limit.scope)
            if who is None or limit.channel not in (None, subject.channel):
                continue
            key = (limit.scope, limit.channel or "*", who)
            if self._strategy.hit(rate, *key):
                continue
            if limit.above == "drop":
                verdict.dropped.append(subject.id)
            else:
                queued = behind["/".join(key)]
                behind["/".join(key)] += 1
                verdict.deferred.append((subject.id, self._free_again(rate, key, queued)))
            return
        verdict.admitted.append(subject.id)

    def _free_again(self, rate: RateLimitItem, key: tuple[str, ...], queued: int) -> datetime:
        """When the window opens; whoever stands behind a whole window's worth waits a window longer."""
        reset_time = self._strategy.get_window_stats(rate, *key).reset_time
        later = timedelta(seconds=rate.get_expiry() * (queued // rate.amount))
        return datetime.fromtimestamp(reset_time, UTC) + later

    def _without_limiter(
        self, subjects: Sequence[Subject], verdict: Verdict, *, now: datetime, error: Exception
    ) -> None:
        log.warning("limiter_down", messages=len(subjects), let_through=self._fails_open, error=str(error))
        ids = [subject.id for subject in subjects]
        if self._fails_open:
            verdict.admitted += ids
        else:
            verdict.held += [(each, now + timedelta(seconds=DOWN_WAIT_SECONDS)) for each in ids]


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


@lru_cache(maxsize=1)
def get_limiter() -> Limiter:
    """Return the limiter of this process; redis-py opens connections of its own after a fork."""
    return Limiter(get_settings())
