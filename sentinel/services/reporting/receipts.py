"""What providers report after they have accepted a message: stored first, then read in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis

from sentinel.broker import RECEIPTS
from sentinel.channels import sendgrid_reports, twilio_reports
from sentinel.channels.registry import channels_by_provider
from sentinel.channels.reports import Meaning, Report
from sentinel.ids import new_ids
from sentinel.logs import get_logger
from sentinel.models.receipt import ReceiptStatus
from sentinel.models.status import Status
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import receipts as queries
from sentinel.queries import sweeping
from sentinel.queries.receipts import StandingRow, Taken
from sentinel.services import suppressions
from sentinel.services.reporting import reported
from sentinel.services.reporting.reported import MAYBE_ACCEPTED, Clock, Fate, Reading, Standing, Try
from sentinel.services.sending import operators
from sentinel.services.suppressions import NewSuppression
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings
from sentinel.store import get_store

log = get_logger(__name__)

MEANINGS: dict[str, Callable[[str, str | None, Mapping[str, str]], Meaning]] = {
    twilio_reports.NAME: twilio_reports.meaning_of,
    sendgrid_reports.NAME: sendgrid_reports.meaning_of,
}

KNOWN_KINDS = frozenset({*twilio_reports.EFFECTS, *sendgrid_reports.KINDS})
"""Words that are labels of a metric; all others are counted as `other`."""

LOOKS = (1, 2, 4, 8, 16, 32, 60, 60)
"""Seconds between looks at a report that fits nothing yet: together longer than a lease, so that the send it is about
has been written down, or taken for lost, by then."""

TOLD_SECONDS = 86_400

MOST = 5000


@dataclass(slots=True)
class Found:
    """A notification, where the reports of this batch have brought it, and what they have told besides."""

    row: StandingRow
    standing: Standing
    seen: Status
    adopted: dict[int, Try] = field(default_factory=dict)
    readings: list[tuple[Taken, Reading]] = field(default_factory=list)
    suppressions: list[NewSuppression] = field(default_factory=list)
    troubles: list[tuple[Taken, Meaning]] = field(default_factory=list)


def take_in(uow: UnitOfWork, reports: Sequence[Report]) -> int:
    """Store reports and have them read after the commit; returns how many are new."""
    if not reports:
        return 0
    queue_at = uow.now + timedelta(seconds=get_settings().hint_seconds)
    rows = [_row(report, each) for report, each in zip(reports, new_ids(uow.now, len(reports)), strict=True)]
    stored = queries.insert(uow.session, rows, now=uow.now, queue_at=queue_at)
    for (provider, kind), amount in Counter((each.provider, each.kind) for each in stored).items():
        uow.count("receipts_total", amount, provider=provider, kind=kind if kind in KNOWN_KINDS else "other")
    if stored:
        uow.dispatch(RECEIPTS, [each.id for each in stored])
    return len(stored)


def _row(report: Report, receipt_id: str) -> dict[str, Any]:
    return {
        "id": receipt_id,
        "provider": report.provider,
        "provider_event_id": report.event_id,
        "notification_id": report.notification_id,
        "provider_message_id": report.message_id,
        "kind": report.kind,
        "code": report.code,
        "body": report.body,
        "occurred_at": report.occurred_at,
    }


def apply(ids: Sequence[str]) -> None:
    """Read waiting reports and move the notifications they are about."""
    with unit_of_work() as uow:
        taken = queries.take(uow.session, ids)
        wanted = sorted({each.notification_id for each in taken if each.notification_id})
        found = {row.id: _found(row) for row in queries.standings(uow.session, wanted)} if wanted else {}
        clock = Clock(uow.now, get_settings())
        for each in taken:
            if each.notification_id in found:
                _read(found[each.notification_id], each, clock)
        kept = _write(uow, list(found.values()))
        rows = [_settled(each, found.get(each.notification_id or ""), kept, uow.now) for each in taken]
        if rows:
            queries.settle(uow.session, rows)
        _count_unmatched(uow, taken, rows)


def _found(row: StandingRow) -> Found:
    tries = tuple(Try(*each) for each in row.tries if each[2] in MAYBE_ACCEPTED)
    status = Status(row.status)
    return Found(row, Standing(status, tries, row.expires_at), status)


def _read(found: Found, taken: Taken, clock: Clock) -> None:
    meaning = MEANINGS[taken.provider](taken.kind, taken.code, taken.body)
    reading = reported.follow(found.standing, taken.provider, taken.message_id, meaning, clock)
    found.standing = reading.standing
    found.readings.append((taken, reading))
    if reading.adopted is not None:
        found.adopted[reading.adopted.number] = reading.adopted
    if reading.is_suppressing and meaning.suppresses:
        found.suppressions.append(_suppression(found.row, taken, SuppressionReason(meaning.suppresses)))
    if meaning.concerns_account and reading.fate is Fate.APPLIED:
        found.troubles.append((taken, meaning))


def _suppression(row: StandingRow, taken: Taken, reason: SuppressionReason) -> NewSuppression:
    return NewSuppression(row.client_id, row.channel, row.recipient, reason, taken.provider, row.id)


def _write(uow: UnitOfWork, found: Sequence[Found]) -> set[str]:
    """Write all that has changed; returns the notifications that nobody else has changed meanwhile."""
    moved = [each for each in found if each.standing.status is not each.seen]
    done = set(queries.move(uow.session, [_move(each) for each in moved], now=uow.now)) if moved else set()
    kept = [each for each in found if each.standing.status is each.seen or each.row.id in done]
    adopted = [_adoption(each.row.id, one) for each in kept for one in each.adopted.values()]
    if adopted:
        queries.adopt(uow.session, adopted)
    suppressions.suppress_many(uow, [one for each in kept for one in each.suppressions])
    for each in moved:
        if each.row.id in done:
            _count(uow, each)
    for taken, meaning in [one for each in kept for one in each.troubles]:
        _tell_operators(uow, taken, meaning)
    return {each.row.id for each in kept}


def _tell_operators(uow: UnitOfWork, taken: Taken, meaning: Meaning) -> None:
    """Say once a day that messages are accepted and then fail for a reason that only people can mend."""
    words = {"provider": taken.provider, "reason": meaning.reason, "code": taken.code}
    try:
        key = f"sentinel:reported:{taken.provider}:{meaning.reason}"
        is_news = bool(get_store().set(key, 1, nx=True, ex=TOLD_SECONDS))
    except redis.RedisError as error:
        log.warning("store_away", error=type(error).__name__)
        is_news = False  # the log has it, and the next report finds Redis again
    if not is_news:
        return
    log.error("provider_reports_account_trouble", hint=meaning.hint, **words)
    what = f"{taken.provider} accepts messages and then reports {meaning.reason}"
    text = f"{what} (code {taken.code or 'none'}), first for notification {taken.notification_id}. {meaning.hint or ''}"
    troubled = channels_by_provider(get_settings()).get(taken.provider, ())
    operators.tell(uow, f"Sentinel: {what}", text.strip(), avoiding=troubled)


def _move(found: Found) -> dict[str, Any]:
    return {
        "id": found.row.id,
        "seen": found.seen,
        "seen_attempts": found.row.attempts,
        "status": found.standing.status,
        "reason": found.standing.reason,
        "due_at": found.standing.due_at,
        "provider_message_id": found.standing.message_id,
    }


def _adoption(notification_id: str, one: Try) -> dict[str, Any]:
    return {"notification_id": notification_id, "number": one.number, "message_id": one.message_id}


def _count(uow: UnitOfWork, found: Found) -> None:
    channel, provider = found.row.channel, found.standing.tries[-1].provider
    if found.adopted:
        uow.count("reconciled_found_total", provider=provider)
    if found.adopted and found.seen is not Status.SENT and found.standing.status in (Status.SENT, Status.DELIVERED):
        uow.count("notifications_sent_total", channel=channel, provider=provider)
    if found.standing.status is Status.DELIVERED:
        uow.count("notifications_delivered_total", channel=channel, provider=provider)
    elif found.standing.status is Status.UNDELIVERED:
        reason = found.standing.reason or ""
        uow.count("notifications_undelivered_total", channel=channel, reason=reason)


def _count_unmatched(uow: UnitOfWork, taken: Sequence[Taken], rows: Sequence[Mapping[str, Any]]) -> None:
    pairs = zip(taken, rows, strict=True)
    unmatched = Counter(each.provider for each, settled in pairs if settled["status"] is ReceiptStatus.UNMATCHED)
    for provider, amount in unmatched.items():
        uow.count("receipts_unmatched_total", amount, provider=provider)


def _settled(taken: Taken, found: Found | None, kept: set[str], now: datetime) -> dict[str, Any]:
    reading = next((reading for each, reading in found.readings if each is taken), None) if found else None
    if found is not None and found.row.id not in kept:
        return _waiting(taken, "the notification has just changed", now)
    if reading is None or reading.fate is Fate.WAITS:
        return _waiting(taken, reading.detail if reading else "there is no such notification", now)
    status = ReceiptStatus.APPLIED if reading.fate is Fate.APPLIED else ReceiptStatus.IGNORED
    return {"id": taken.id, "status": status, "detail": reading.detail, "queue_at": None}


def _waiting(taken: Taken, detail: str, now: datetime) -> dict[str, Any]:
    """Look again later, a few times; then it fits nothing of ours."""
    if taken.tries >= len(LOOKS):
        return {"id": taken.id, "status": ReceiptStatus.UNMATCHED, "detail": detail, "queue_at": None}
    queue_at = now + timedelta(seconds=LOOKS[taken.tries])
    return {"id": taken.id, "status": ReceiptStatus.PENDING, "detail": detail, "queue_at": queue_at}


def sweep() -> int:
    """Queue reports that wait for another look, or whose message was lost; returns how many."""
    with unit_of_work() as uow:
        again = uow.now + timedelta(seconds=get_settings().hint_seconds)
        due = queries.take_due(uow.session, now=uow.now, again=again, most=MOST)
        if due:
            uow.queue_receipts(due)
        sweeping.record_run(uow.session, "sweep_receipts", len(due), now=uow.now)
    return len(due)
