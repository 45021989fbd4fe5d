"""Sweepers: what was forgotten, lost or left in doubt is found in the rows and moved on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta

from sentinel.broker import PIPELINE, long_queues
from sentinel.channels.registry import CHANNELS
from sentinel.logs import get_logger
from sentinel.models.status import Status
from sentinel.queries import sweeping
from sentinel.queries.sweeping import Moments, SweptRow
from sentinel.services.sending import breaker, reconciling
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

MOST = 5000
"""Most rows one run moves: a sweep stays short, the next one follows in seconds."""


LONG_QUEUE = 10
"""Messages, of up to SENTINEL_BATCH_SIZE ids each."""

LONG_WAIT_SECONDS = 45
"""What a long queue has not brought in this time beyond its `queue_at` is queued again all the same."""


def sweep_waiting() -> int:
    """Queue what was forgotten and what is due, events too; see to sends in doubt. Returns how many."""
    settings = get_settings()
    busy = _busy_channels()
    with unit_of_work() as uow:
        again = uow.now + timedelta(seconds=settings.hint_seconds)
        doubts = reconciling.sweep(uow, again=again, most=MOST)
        breaker.wake(uow, most=MOST)
        moments = Moments(uow.now, again, uow.now - timedelta(seconds=LONG_WAIT_SECONDS))
        due = sweeping.take_due(uow.session, moments, busy=busy, most=MOST)
        events = sweeping.take_due_events(uow.session, now=uow.now, again=again, most=MOST)
        if events:
            uow.queue_events(events)
        _queue(uow, due)
        count = doubts + len(due) + len(events)
        _finish(uow, "sweep_waiting", count)
    return count


def _busy_channels() -> Collection[str]:
    """Channels whose messages wait in a long queue: there a hint is late and not lost, and another makes it later."""
    queues = long_queues(LONG_QUEUE)
    return CHANNELS if PIPELINE in queues else queues & set(CHANNELS)


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
        else:
            uow.queue_delivery(channel, batch)


def sweep_leases() -> int:
    """Mark rows whose worker vanished in mid-send AMBIGUOUS; returns how many."""
    settings = get_settings()
    with unit_of_work() as uow:
        decide_at = uow.now + timedelta(seconds=settings.ambiguous_wait_seconds)
        lost = sweeping.lose_leases(uow.session, now=uow.now, decide_at=decide_at, most=MOST)
        for provider, amount in lost.items():
            uow.count("ambiguous_total", amount, provider=provider)
        count = sum(lost.values())
        _finish(uow, "sweep_leases", count)
    return count
