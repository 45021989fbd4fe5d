"""The first page: is everything going out, what is stuck, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from sentinel import presence, stream_lag
from sentinel.broker import celery
from sentinel.channels.registry import CHANNELS, problems_of
from sentinel.logs import get_logger
from sentinel.queries import books
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.sending import breaker
from sentinel.services.sending.breaker import Account
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import history, provider_setup
from sentinel.services.watching.crew import served
from sentinel.services.watching.curves import Curves, Window
from sentinel.services.watching.gauges import Values, get_gauges
from sentinel.services.watching.provider_setup import Setup
from sentinel.services.watching.situation import Facts, Level, Trouble, troubles
from sentinel.settings import get_settings

log = get_logger(__name__)

LATELY = history.WINDOWS[0]
"""The time whose failures are worth a word."""


@dataclass(frozen=True, slots=True)
class ChannelStand:
    """How things stand on a channel; `jobs` are messages in its two queues, of many notifications each.

    None: it is not known, because whoever knows it does not answer.
    """

    name: str
    providers: tuple[str, ...]
    waiting: int | None
    sending: int | None
    held: int | None
    oldest_seconds: float | None
    jobs: int | None
    workers: tuple[str, ...] | None
    level: Level | None


@dataclass(frozen=True, slots=True)
class LastAudit:
    """When the books were audited last, and what was found."""

    at: datetime
    discrepancies: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows."""

    at: datetime
    troubles: Sequence[Trouble]
    curves: Curves | None
    lately: Curves | None
    channels: Sequence[ChannelStand]
    accounts: Sequence[Account]
    tickets: Mapping[str, tuple[int, int]]
    """By severity: open, and acknowledged."""
    audit: LastAudit | None
    is_begun: bool
    is_database_known: bool
    """Otherwise `tickets` and `audit` say nothing."""

    @property
    def level(self) -> Level | None:
        """How bad it is; None: all is well."""
        return self.troubles[0].level if self.troubles else None

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest message waits that could have gone."""
        return max((channel.oldest_seconds or 0.0 for channel in self.channels), default=0.0)


def look(uow: UnitOfWork, window: Window) -> Overview:
    """Look at everything once. A part that is away is one of the troubles."""
    settings = get_settings()
    kept = _kept(window, now=uow.now.timestamp())
    gauges = get_gauges().read() | {("part_up", "redis"): float(kept is not None)}
    accounts = breaker.overview(uow)
    facts = Facts(
        uow.now,
        gauges,
        accounts,
        kept.served if kept else None,
        _periods(),
        kept.lately if kept else None,
        kept.lags if kept else {},
        [(channel, problem) for channel in CHANNELS for problem in problems_of(channel, settings)],
    )
    found = troubles(facts)
    return Overview(
        uow.now,
        found,
        kept.curves if kept else None,
        kept.lately if kept else None,
        [_channel(facts, setup, found) for setup in provider_setup.setups(settings)],
        accounts,
        {severity: _unresolved(gauges, severity) for severity in SEVERITIES},
        _audit(gauges, now=uow.now),
        books.is_begun(uow.session),
        facts.is_database_known,
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What Redis keeps for people who look."""

    curves: Curves
    lately: Curves
    served: Mapping[str, tuple[str, ...]]
    lags: Mapping[Any, stream_lag.Lag]


def _kept(window: Window, *, now: float) -> _Kept | None:
    try:
        shown, lately = history.recent(window, LATELY, now=now)
        return _Kept(shown, lately, served(presence.nodes(), now=now), stream_lag.lags())
    except RedisError as error:
        log.warning("overview_without_redis", error=type(error).__name__)
        return None


def _periods() -> dict[str, float]:
    """How often each task of beat is to run, by the name under which it says that it did."""
    return {name.replace("-", "_"): float(entry["schedule"]) for name, entry in celery.conf.beat_schedule.items()}


def _channel(facts: Facts, setup: Setup, found: Sequence[Trouble]) -> ChannelStand:
    name = setup.channel
    queues = (name, f"{name}.retry")
    lengths = [facts.gauges.get(("queue_length", queue)) for queue in queues]
    held = facts.of_channel("notifications_held", name)
    workers = None if facts.served is None else tuple(facts.served.get(name, ()))
    return ChannelStand(
        name,
        setup.providers,
        facts.waiting(name),
        int(facts.gauges.get(("notifications_in_flight", name, "SENDING"), 0.0)) if facts.is_database_known else None,
        None if held is None else int(held),
        facts.of_channel("notifications_oldest_due_seconds", name),
        None if None in lengths else int(sum(length or 0.0 for length in lengths)),
        workers,
        _level(found, name, is_waiting=facts.waiting(name) != 0),
    )


def _level(found: Sequence[Trouble], channel: str, *, is_waiting: bool) -> Level | None:
    """How bad it is for a channel: nothing of it is stuck where nothing waits."""
    level = next((trouble.level for trouble in found if channel in trouble.channels), None)
    return Level.LOOK if level is Level.STUCK and not is_waiting else level


def _unresolved(gauges: Values, severity: str) -> tuple[int, int]:
    open_, acknowledged = (
        int(gauges.get(("tickets_unresolved", severity, status), 0.0)) for status in ("open", "acknowledged")
    )
    return open_, acknowledged


def _audit(gauges: Values, *, now: datetime) -> LastAudit | None:
    age = gauges.get(("audit_age_seconds",))
    if age is None:
        return None
    return LastAudit(now - timedelta(seconds=age), int(gauges.get(("audit_discrepancies",), 0.0)))
