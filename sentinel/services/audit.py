"""The audit: whether the books balance, and which rows contradict themselves, each other, or the clock.

accepted = delivered + suppressed(reason) + failed(reason) + cancelled + in flight + deleted after retention.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from sentinel.errors import NotFoundError
from sentinel.ids import first_id
from sentinel.logs import get_logger
from sentinel.models import AuditRun
from sentinel.models.status import IN_FLIGHT, Status
from sentinel.queries import audit as queries
from sentinel.queries import books, sweeping
from sentinel.queries.audit import Found, Question
from sentinel.queries.books import Standing
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

SLICE = 10_000
"""Rows that one statement looks at: none takes long, and none holds a snapshot for long."""

PATIENCE = timedelta(minutes=10)
"""Beyond its time, and beyond the longest wait for a message in a queue: then nobody looks after it."""

LOOK_BACK = timedelta(hours=1)
"""How close together two messages of one dedupe key must be to be found."""

HOUR = timedelta(hours=1)

USUAL = timedelta(days=2)
USUAL_SECONDS = 60.0
"""What beat's audit takes at most: it begins with the newest, and the next one begins anew."""

MOST_LISTED = 10_000
"""Most discrepancies that a report lists; it counts them all."""

MOST_KEPT = 500
RUNS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of discrepancy: what it means, and what to do."""

    meaning: str
    remedy: str


KINDS: dict[str, Kind] = {
    "unbalanced": Kind(
        "more or fewer notifications of this day, client and channel than the books say",
        "rows were deleted, restored or added behind Sentinel's back: find out by whom; `sentinel audit --settle` "
        "makes the books follow the rows",
    ),
    "sent_without_evidence": Kind(
        "counts as sent, yet no try, look-up or receipt shows that a provider has it",
        "look at its timeline; if the recipient has nothing, send it again as a new notification",
    ),
    "attempts_differ": Kind(
        "its number of tries is not the number of tries that were kept",
        "look at its timeline: a try without a record may have reached the provider",
    ),
    "end_without_reason": Kind("ended badly and does not say why", "look at its timeline and at the log"),
    "end_that_waits": Kind("has ended and is still due", "somebody changed the row by hand; clear next_attempt_at"),
    "waits_unseen": Kind(
        "waits, and nobody will look at it for a long time",
        "cancel it, or set its queue_at to now: the sweeper takes it up",
    ),
    "duplicate_of_nothing": Kind(
        "was held back as the duplicate of a notification that does not exist",
        "nobody was told: send it again as a new notification",
    ),
    "failover_of_nothing": Kind(
        "took over for a notification that does not exist", "look for who deleted it; this one stands for itself"
    ),
    "failover_late": Kind(
        "could not be delivered, and the target that was to take over has not",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
    "event_without_messages": Kind(
        "rules spoke for this event, and neither a notification nor a ticket is there",
        "see `GET /events/{id}/explain`; post the event again under another event_id",
    ),
    "said_twice": Kind(
        "two notifications of one dedupe key were sent within its time",
        "if SENTINEL_DEDUPE_SECONDS was raised meanwhile it is none; else report it, with both timelines",
    ),
    "overdue": Kind(
        "waits, and its time is long over", "see whether beat and a pipeline worker run: `sentinel doctor`"
    ),
    "lease_over": Kind(
        "is being sent by a worker that is long gone", "see whether beat and a pipeline worker run: `sentinel doctor`"
    ),
    "event_overdue": Kind(
        "has not met the rules, and its time is long over",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
    "receipt_overdue": Kind(
        "a provider's report was not looked at, and its time is long over",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What the books say of a client, channel and day, and where its rows stand."""

    day: date
    client_id: int
    channel: str
    accepted: int
    pruned: int
    standings: Sequence[Standing]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(each.number for each in self.standings)

    @property
    def is_balanced(self) -> bool:
        """Whether each accepted notification is there, or was deleted after its retention."""
        return self.accepted == self.rows + self.pruned

    def count(self, *statuses: Status) -> int:
        """How many rows stand at one of `statuses`."""
        return sum(each.number for each in self.standings if each.status in statuses)

    @property
    def in_flight(self) -> int:
        """How many rows have not ended."""
        return self.count(*IN_FLIGHT)


@dataclass(slots=True)
class Report:
    """What an audit has found. `since` is how far back it looked; not as far as asked if it is not complete."""

    started_at: datetime
    since: datetime
    names: dict[int, str]
    finished_at: datetime | None = None
    is_complete: bool = True
    lines: list[Line] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def checked(self) -> int:
        """How many notifications the days have that it looked at."""
        return sum(line.rows for line in self.lines)

    @property
    def discrepancies(self) -> int:
        """How many there are."""
        return self.counts.total()

    def add(self, found: Iterable[Found]) -> None:
        """Count and list discrepancies."""
        for each in found:
            self.counts[each.kind] += 1
            if len(self.found) < MOST_LISTED:
                self.found.append(each)

    def name_of(self, client_id: int | None) -> str | None:
        """Return a client's name; its number if it is gone."""
        return None if client_id is None else self.names.get(client_id, str(client_id))


Progress = Callable[[int, int], object]
"""Called with the hours that were looked at, and how many there are."""


def audit(
    *,
    since: datetime | None = None,
    client_id: int | None = None,
    seconds: float | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Report:
    """Check everything accepted on the days from `since` on (None: all), newest first, for at most about `seconds`.

    What nobody looks after in time is found whatever its age.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    with unit_of_work() as uow:
        asked = _question(uow, client_id)
        start = _first_midnight(uow, since)
        report = Report(uow.now, start, queries.client_names(uow.session))
        report.add(queries.late(uow.session, asked))
    hours = list(_hours(start, until=asked.now))
    for done, hour in enumerate(hours):
        if deadline is not None and time.monotonic() > deadline:
            report.since, report.is_complete = hour + HOUR, False
            break
        if done == 0 or (hour + HOUR).time() == time_of_day.min:
            _balance(report, hour.date(), client_id)
        _check(report, asked, hour)
        progress(done + 1, len(hours))
    with unit_of_work() as uow:
        report.finished_at = uow.now
    return report


def _question(uow: UnitOfWork, client_id: int | None) -> Question:
    grace = PATIENCE + timedelta(seconds=get_settings().hint_seconds)
    return Question(uow.now, grace, client_id, SLICE)


def _first_midnight(uow: UnitOfWork, since: datetime | None) -> datetime:
    first = books.first_day(uow.session) or uow.now.date()
    wanted = first if since is None else since.astimezone(UTC).date()
    return _midnight(min(max(first, wanted), uow.now.date()))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day.min, UTC)


def _hours(start: datetime, *, until: datetime) -> Iterator[datetime]:
    """The hours back to `start`, newest first. What is just being accepted may have an id of the next one."""
    hour = (until + HOUR).replace(minute=0, second=0, microsecond=0)
    if hour.date() != until.date():
        hour -= HOUR
    while hour >= start:
        yield hour
        hour -= HOUR


def _ids(start: datetime, length: timedelta = HOUR) -> dict[str, str]:
    return {"start": first_id(start), "before": first_id(start + length)}


def _balance(report: Report, day: date, client_id: int | None) -> None:
    """Compare the books of a day with its rows, both as they are at one moment."""
    midnight = _midnight(day)
    counted: dict[tuple[int, str], Counter[tuple[str, str | None]]] = defaultdict(Counter)
    with unit_of_work() as uow:
        books.hold_still(uow.session)
        entered = books.entered(uow.session, day, client_id=client_id)
        for hour in range(24):
            for each in books.counted(uow.session, _ids(midnight + hour * HOUR), client_id=client_id):
                counted[each.client_id, each.channel][each.status, each.reason] += each.number
    for owner, channel in sorted(entered.keys() | counted.keys()):
        accepted, pruned = entered.get((owner, channel), (0, 0))
        rows = sorted(counted[owner, channel].items(), key=str)
        standings = [Standing(owner, channel, status, reason, number) for (status, reason), number in rows]
        line = Line(day, owner, channel, accepted, pruned, standings)
        report.lines.append(line)
        if not line.is_balanced:
            report.add([_unbalanced(report, line)])


def _unbalanced(report: Report, line: Line) -> Found:
    detail = f"accepted {line.accepted}, deleted after retention {line.pruned}, there are {line.rows}"
    return Found("unbalanced", f"{line.day}/{report.name_of(line.client_id)}/{line.channel}", line.client_id, detail)


def _check(report: Report, asked: Question, hour: datetime) -> None:
    """Look at each notification and event of an hour, in slices; each is one short transaction."""
    for ids in _slices("notifications", hour, asked):
        with unit_of_work() as uow:
            report.add(queries.row_faults(uow.session, replace(asked, now=uow.now), ids))
    if hour >= asked.now - timedelta(days=get_settings().retention_days):
        for ids in _slices("events", hour, asked):
            with unit_of_work() as uow:
                report.add(queries.event_faults(uow.session, asked, ids))
    with unit_of_work() as uow:
        seconds = get_settings().dedupe_seconds
        since = first_id(hour - LOOK_BACK)
        report.add(queries.said_twice(uow.session, asked, _ids(hour), since=since, seconds=seconds))


def _slices(table: str, hour: datetime, asked: Question) -> list[dict[str, str]]:
    with unit_of_work() as uow:
        return list(queries.slices(uow.session, table, _ids(hour), client_id=asked.client_id, size=SLICE))


def audit_and_keep() -> Report:
    """Audit the last days in bounded time, as beat asks for, and keep the report for metrics and `GET /audit`."""
    with unit_of_work() as uow:
        since = uow.now - USUAL
    report = audit(since=since, seconds=USUAL_SECONDS)
    with unit_of_work() as uow:
        run = {
            "started_at": report.started_at,
            "finished_at": uow.now,
            "checked": report.checked,
            "discrepancies": report.discrepancies,
            "report": as_json(report),
        }
        queries.keep_run(uow.session, run, runs=RUNS_KEPT)
        sweeping.record_run(uow.session, "audit", report.discrepancies, now=uow.now)
    if report.discrepancies:
        log.error("audit_found_discrepancies", **report.counts)
    return report


def last_run(uow: UnitOfWork) -> AuditRun:
    """Return the last audit that beat asked for."""
    found = queries.last_run(uow.session)
    if found is None:
        raise NotFoundError("no audit has run yet; beat asks for one every 15 minutes, `sentinel audit` looks at once")
    return found


def settle(report: Report) -> int:
    """Make the books follow the rows where a complete report found them apart; returns how many lines.

    What the difference was stays in the log.
    """
    wrong = [line for line in report.lines if not line.is_balanced]
    with unit_of_work() as uow:
        for line in wrong:
            amount = line.rows + line.pruned - line.accepted
            books.correct(uow.session, line.day, line.client_id, line.channel, amount)
            log.warning("books_settled", day=str(line.day), client_id=line.client_id, channel=line.channel, by=amount)
    return len(wrong)


def as_json(report: Report, *, most: int = MOST_KEPT) -> dict[str, Any]:
    """Write a report down: the balance by day and channel of all clients together, and the first discrepancies."""
    return {
        "since": report.since,
        "is_complete": report.is_complete,
        "balance": [balance_view(lines) for lines in by_day_and_channel(report.lines)],
        "kinds": [
            {"kind": kind, "count": count, "meaning": KINDS[kind].meaning, "remedy": KINDS[kind].remedy}
            for kind, count in report.counts.most_common()
        ],
        "found": [
            {"kind": each.kind, "id": each.id, "client": report.name_of(each.client_id), "detail": each.detail}
            for each in report.found[:most]
        ],
    }


def by_day_and_channel(lines: Iterable[Line]) -> list[list[Line]]:
    """Group lines, newest day first."""
    groups: dict[tuple[date, str], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.day, line.channel].append(line)
    return [groups[key] for key in sorted(groups, key=lambda key: (-key[0].toordinal(), key[1]))]


def balance_view(lines: Sequence[Line]) -> dict[str, Any]:
    """Add lines of one day and channel up."""
    reasons: dict[str, Counter[str]] = {status: Counter() for status in (Status.SUPPRESSED, Status.FAILED)}
    for each in (standing for line in lines for standing in line.standings):
        if each.status in (Status.FAILED, Status.UNDELIVERED):
            reasons[Status.FAILED][each.reason or "unknown"] += each.number
        elif each.status == Status.SUPPRESSED:
            reasons[Status.SUPPRESSED][each.reason or "unknown"] += each.number
    return {
        "day": lines[0].day,
        "channel": lines[0].channel,
        "accepted": sum(line.accepted for line in lines),
        "delivered": sum(line.count(Status.SENT, Status.DELIVERED) for line in lines),
        "suppressed": dict(reasons[Status.SUPPRESSED]),
        "failed": dict(reasons[Status.FAILED]),
        "cancelled": sum(line.count(Status.CANCELLED) for line in lines),
        "in_flight": sum(line.in_flight for line in lines),
        "pruned": sum(line.pruned for line in lines),
        "is_balanced": all(line.is_balanced for line in lines),
    }
