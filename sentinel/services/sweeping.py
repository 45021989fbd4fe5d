"""Sweepers: what was forgotten, lost or left in doubt is found in the rows and moved on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from sentinel.logs import get_logger
from sentinel.models.status import Reason, Status
from sentinel.queries import sweeping
from sentinel.queries.sweeping import SweptRow
from sentinel.services import breaker, tallies
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

MOST = 5000
"""Most rows one run moves: a sweep stays short, the next one follows in seconds."""


def sweep_waiting() -> int:
    """Queue what was forgotten and what is due, events too; decide ambiguous rows. Returns how many."""
    settings = get_settings()
    with unit_of_work() as uow:
        again = uow.now + timedelta(seconds=settings.hint_seconds)
        decided = sweeping.decide_ambiguous(
            uow.session,
            again_allowed=settings.ambiguous_policy == "at_least_once",
            now=uow.now,
            queue_at=again,
            most=MOST,
        )
        breaker.wake(uow, most=MOST)
        due = sweeping.take_due(uow.session, now=uow.now, again=again, most=MOST)
        events = sweeping.take_due_events(uow.session, now=uow.now, again=again, most=MOST)
        if events:
            uow.queue_events(events)
        _queue(uow, [*decided, *due])
        count = len(decided) + len(due) + len(events)
        _finish(uow, "sweep_waiting", count)
    return count


def _finish(uow: UnitOfWork, name: str, count: int) -> None:
    sweeping.record_run(uow.session, name, count, now=uow.now)
    if count:
        log.info(name, rows=count)


def _queue(uow: UnitOfWork, rows: Sequence[SweptRow]) -> None:
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        ids[row.channel, row.status].append(row.id)
    for (channel, status), batch in ids.items():
        if status == Status.PENDING:
            uow.queue_pipeline(channel, batch)
        elif status == Status.RETRYING:
            uow.queue_delivery(channel, batch)
        else:
            tallies.count_ended(uow, channel, status, Reason.AMBIGUOUS, len(batch))


def sweep_leases() -> int:
    """Mark rows whose worker vanished in mid-send AMBIGUOUS; returns how many."""
    settings = get_settings()
    with unit_of_work() as uow:
        decide_at = uow.now + timedelta(seconds=settings.ambiguous_wait_seconds)
        count = sweeping.lose_leases(uow.session, now=uow.now, decide_at=decide_at, most=MOST)
        _finish(uow, "sweep_leases", count)
    return count


def prune() -> int:
    """Delete what is older than the retention, in bounded batches; returns how many rows."""
    with unit_of_work() as uow:
        before = uow.now - timedelta(days=get_settings().retention_days)
        count = sweeping.prune(uow.session, now=uow.now, before=before, most=MOST)
        _finish(uow, "prune", count)
    return count
