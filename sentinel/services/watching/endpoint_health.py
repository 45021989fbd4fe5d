"""The health of endpoints: judged by what was tried at their targets lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sentinel.channels.base import Outcome
from sentinel.models import Endpoint
from sentinel.queries import endpoint_health as queries
from sentinel.queries.endpoint_health import Try
from sentinel.services.unit_of_work import UnitOfWork

LOOK_BACK = timedelta(days=7)
"""What is older says nothing about how an endpoint is now."""

MOST_LISTED = 10
"""Most messages that are looked at of each endpoint in a list."""
MOST_SHOWN = 200
"""Most messages that are looked at of one endpoint."""
MOST_FAILURES = 500
"""Most failures of each client that are looked at for those of its endpoints that have trouble."""

HOURS = 24


class Condition(StrEnum):
    """How an endpoint is."""

    WORKS = "works"
    """Nothing failed lately."""
    RECOVERED = "recovered"
    """The last try went well, and some before it did not."""
    FAILS = "fails"
    """The last try did not go well."""
    UNTRIED = "untried"
    """Nothing was sent to it lately."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What was tried in one hour."""

    began_at: datetime
    passed: int = 0
    failed: int = 0
    is_looked_at: bool = True
    """Whether anything of it is among the messages that were looked at."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.passed + self.failed


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is, and the tries that say so, newest first.

    `messages`: how many those are of; `cut_at`: there are more, older than this moment.
    """

    condition: Condition
    tries: tuple[Try, ...] = ()
    messages: int = 0
    cut_at: datetime | None = None

    @property
    def failures(self) -> int:
        """How many of the tries did not go well."""
        return sum(not went_well(each) for each in self.tries)

    @property
    def last_success(self) -> Try | None:
        """The newest try that went well."""
        return next((each for each in self.tries if went_well(each)), None)

    @property
    def last_failure(self) -> Try | None:
        """The newest try that did not."""
        return next((each for each in self.tries if not went_well(each)), None)


def went_well(found: Try) -> bool:
    """Whether the provider took the message; one that may have is in doubt, and nothing to rely on."""
    return found.outcome == Outcome.OK


def judged(tries: Sequence[Try]) -> Health:
    """Judge by the tries, newest first."""
    if not tries:
        return Health(Condition.UNTRIED)
    if not went_well(tries[0]):
        return Health(Condition.FAILS, tuple(tries))
    is_clean = all(map(went_well, tries))
    return Health(Condition.WORKS if is_clean else Condition.RECOVERED, tuple(tries))


def by_hour(tries: Iterable[Try], *, now: datetime, cut_at: datetime | None = None) -> list[Hour]:
    """Count the tries of the last 24 hours, oldest hour first; the last one is the hour that has begun."""
    hour_cut = None if cut_at is None else cut_at.replace(minute=0, second=0, microsecond=0)
    current = now.replace(minute=0, second=0, microsecond=0)
    counted = Counter((each.started_at.replace(minute=0, second=0, microsecond=0), went_well(each)) for each in tries)
    hours = [current - timedelta(hours=back) for back in reversed(range(HOURS))]
    return [
        Hour(hour, counted[hour, True], counted[hour, False], is_looked_at=hour_cut is None or hour >= hour_cut)
        for hour in hours
    ]


def of(uow: UnitOfWork, endpoint: Endpoint) -> Health:
    """Return the health of one endpoint."""
    since = uow.now - LOOK_BACK
    found = judged(queries.tries(uow.session, [endpoint], since=since, most=MOST_SHOWN))
    messages, oldest = queries.looked_at(uow.session, endpoint, since=since, most=MOST_SHOWN)
    return replace(found, messages=messages, cut_at=oldest if messages >= MOST_SHOWN else None)


def of_all(uow: UnitOfWork, endpoints: Sequence[Endpoint]) -> dict[int, Health]:
    """Return the health of some endpoints by their ids, from the last few messages of each."""
    tries: dict[int, list[Try]] = {each.id: [] for each in endpoints}
    for each in queries.tries(uow.session, endpoints, since=uow.now - LOOK_BACK, most=MOST_LISTED):
        tries[each.endpoint_id].append(each)
    return {endpoint_id: judged(found) for endpoint_id, found in tries.items()}


def troubled(uow: UnitOfWork, client_id: int | None) -> tuple[int, ...]:
    """Return the endpoints at which messages failed in the last 24 hours (client None: of any)."""
    since = uow.now - timedelta(hours=HOURS)
    return tuple(queries.troubled(uow.session, client_id, since=since, most=MOST_FAILURES))
