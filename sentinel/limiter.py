"""Rate limits over the `limits` library on Redis, narrowest scope first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import STRATEGIES, RateLimiter

from sentinel.logs import get_logger
from sentinel.settings import Limit, Settings, get_settings

log = get_logger(__name__)

# A message that one recipient's limit holds back must not use up its client's share as well.
NARROWEST_FIRST = ("recipient", "user", "endpoint", "client", "provider")

DOWN_WAIT_SECONDS = 5
"""How long a message waits when the limiter is down and `SENTINEL_LIMITER_DOWN=closed`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A message as the limits see it: for each scope who it counts against (absent: the scope does not apply)."""

    id: str
    channel: str
    scopes: Mapping[str, str]


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
        self._strategy = _strategy(settings)

    def admit(self, subjects: Sequence[Subject], *, now: datetime) -> Verdict:
        """Sort a batch by what its limits say. A limit used up by the batch spreads the rest over its windows."""
        verdict = Verdict()
        behind: Counter[str] = Counter()
        for position, subject in enumerate(subjects):
            try:
                self._judge(subject, verdict, behind)
            except StorageError as error:
                self._without_limiter(subjects[position:], verdict, now=now, error=error)
                break
        return verdict

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


def _breadth(limit: Limit) -> int:
    return NARROWEST_FIRST.index(limit.scope)


def _strategy(settings: Settings) -> RateLimiter:
    storage = storage_from_string(
        settings.redis_url.get_secret_value(),
        wrap_exceptions=True,
        key_prefix="sentinel:limits",
        socket_timeout=1.0,  # a check must not cost more than the message
        socket_connect_timeout=1.0,
    )
    return STRATEGIES[settings.limit_strategy](storage)


@lru_cache(maxsize=1)
def get_limiter() -> Limiter:
    """Return the limiter of this process; redis-py opens connections of its own after a fork."""
    return Limiter(get_settings())
