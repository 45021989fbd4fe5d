"""The audit: whether the books balance, and which rows contradict themselves, each other, or the clock.

accepted = delivered + suppressed(reason) + failed(reason) + cancelled + in flight + deleted after retention.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from sentinel.broker import publish_audit
from sentinel.errors import NotFoundError
from sentinel.ids import first_id
from sentinel.logs import get_logger
from sentinel.models import AuditRun
from sentinel.queries import audit as queries
from sentinel.queries import books, sweeping
from sentinel.queries.audit import Found, Question
from sentinel.queries.books import Standing
from sentinel.services.bookkeeping.audit_report import Line, Report, as_json
from sentinel.services.sending import operators
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

RUNS_KEPT = 1000


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
        before = queries.last_run(uow.session)
        queries.keep_run(uow.session, run, runs=RUNS_KEPT)
        if report.discrepancies and not (before and before.discrepancies):
            _tell_operators(uow, report)
        sweeping.record_run(uow.session, "audit", report.discrepancies, now=uow.now)
    if report.discrepancies:
        log.error("audit_found_discrepancies", **report.counts)
    return report


def _tell_operators(uow: UnitOfWork, report: Report) -> None:
    """Say it once, when the books stop balancing; the gauge says how it goes on."""
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(report.counts.items()))
    text = f"The audit found {report.discrepancies} discrepancies ({kinds}); `sentinel audit` lists them by id."
    operators.tell(uow, "Sentinel: the books do not balance", text)


def last_run(uow: UnitOfWork) -> AuditRun:
    """Return the last audit that beat asked for."""
    found = queries.last_run(uow.session)
    if found is None:
        raise NotFoundError("no audit has run yet; beat asks for one every 15 minutes, `sentinel audit` looks at once")
    return found


def recent_runs(uow: UnitOfWork, *, most: int) -> tuple[Sequence[AuditRun], AuditRun | None]:
    """Return the last audits that were kept, newest first, and the last one with its report (None: none has run)."""
    return queries.last_runs(uow.session, most=most), queries.last_run(uow.session)


def ask() -> bool:
    """Have a worker look at the books now, as beat does every 15 minutes; False if the broker does not take it."""
    return publish_audit(seconds=USUAL_SECONDS)


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
