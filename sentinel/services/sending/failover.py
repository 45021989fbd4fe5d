"""Failover: when a target cannot be reached, or not in time, the next one of the list takes over.

The rows themselves say what is to be done, so wherever a row ends, nobody has to remember it: one sweep finds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinel.channels.recipients import normalise
from sentinel.channels.registry import ROUTES
from sentinel.errors import FieldError, InvalidInputError
from sentinel.ids import new_ids
from sentinel.models.status import Reason, Status
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import failover, notifications, sweeping
from sentinel.queries.failover import EndedRow
from sentinel.services import traces
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import tallies
from sentinel.settings import get_settings
from sentinel.tracing import FIELD

MOST = 1000
"""Most rows of one sweep."""

MOST_TARGETS = 5

CUT = "…"

ADDRESS_REASONS = frozenset(reason.value for reason in SuppressionReason)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to turn when the target before it fails, or has not been reached for `after_seconds` (None: only then)."""

    channel: str
    recipient: str
    after_seconds: int | None = None


def checked(targets: Sequence[Target], *, first: tuple[str, str]) -> tuple[Target, ...]:
    """Return the targets in their one spelling; refuse too many, and one that is there already."""
    if len(targets) > MOST_TARGETS:
        remedy = f"keep the best {MOST_TARGETS}"
        raise InvalidInputError(FieldError("failover", len(targets), f"has {len(targets)} targets", remedy))
    found, seen = [], {first}
    for number, target in enumerate(targets):
        spelled = _spelled(target, number)
        place = (spelled.channel, spelled.recipient)
        if place in seen:
            remedy = "leave it out: nobody is told twice"
            raise InvalidInputError(FieldError(f"failover.{number}", target.recipient, "is there already", remedy))
        seen.add(place)
        found.append(spelled)
    return tuple(found)


def _spelled(target: Target, number: int) -> Target:
    channel = target.channel.strip().lower()
    try:
        return Target(channel, normalise(channel, target.recipient), target.after_seconds)
    except InvalidInputError as error:
        raise InvalidInputError(
            *(FieldError(f"failover.{number}.{e.field}", e.value, e.message, e.remedy) for e in error.errors)
        ) from None


def columns(targets: Sequence[Target], *, since: datetime) -> dict[str, Any]:
    """Return what a row stores of its other targets: the list, and when the first of them loses patience."""
    if not targets:
        return {"failover": None, "failover_at": None}
    patience = targets[0].after_seconds
    return {
        "failover": [asdict(target) for target in targets],
        "failover_at": None if patience is None else since + timedelta(seconds=patience),
    }


def sweep() -> int:
    """Let the next target take over for what ended unreached, or waits too long; returns how many did."""
    with unit_of_work() as uow:
        for channel, amount in Counter(failover.end_overdue(uow.session, most=MOST, now=uow.now)).items():
            tallies.count_ended(uow, channel, Status.FAILED, Reason.FAILED_OVER, amount)
        rows = failover.ended(uow.session, most=MOST)
        if rows:
            failover.forget(uow.session, [row.id for row in rows])
        count = _take_over(uow, [row for row in rows if _wants_another(row, now=uow.now)])
        sweeping.record_run(uow.session, "sweep_failover", count, now=uow.now)
    return count


def _wants_another(row: EndedRow, *, now: datetime) -> bool:
    """What nobody was meant to hear, or nobody needs any more, goes nowhere else."""
    if row.reason == Reason.EXPIRED or (row.expires_at is not None and row.expires_at <= now):
        return False
    return row.status != Status.SUPPRESSED or row.reason in ADDRESS_REASONS


def _take_over(uow: UnitOfWork, rows: Sequence[EndedRow]) -> int:
    if not rows:
        return 0
    belonging = traces.of_notifications(uow, (row.id for row in rows))
    successors = [
        _successor(row, each, now=uow.now) | ({FIELD: belonging[row.id]} if row.id in belonging else {})
        for row, each in zip(rows, new_ids(uow.now, len(rows)), strict=True)
    ]
    stored = {each.id for each in notifications.insert(uow.session, successors)}
    asking = {row.id: row.ticket_message_id for row in rows if row.ticket_message_id is not None}
    if asking:
        linked = [each for each in successors if each["failover_of"] in asking]
        passed_on = [{"id": each["id"], "ticket_message_id": asking[each["failover_of"]]} for each in linked]
        failover.pass_links_on(uow.session, passed_on)
    failover.note(uow.session, [_note(each, is_new=each["id"] in stored) for each in successors], now=uow.now)
    for channel, fresh in _by_channel(each for each in successors if each["id"] in stored).items():
        tallies.count_accepted(uow, [channel] * len(fresh))
        uow.count("failovers_total", len(fresh), channel=channel)
        uow.dispatch(channel, fresh)
    return len(stored)


def _by_channel(rows: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["channel"], []).append(row["id"])
    return found


def _successor(row: EndedRow, notification_id: str, *, now: datetime) -> dict[str, Any]:
    settings = get_settings()
    targets = [Target(**each) for each in row.failover]
    channel = targets[0].channel
    return {
        "id": notification_id,
        "client_id": row.client_id,
        "status": Status.PENDING,
        "channel": channel,
        "recipient": targets[0].recipient,
        "subject": row.subject,
        "body": _fitting(row.body, channel),
        "severity": row.severity,
        "user_id": row.user_id,
        "dedupe_key": row.dedupe_key,
        "dedupe_seconds": row.dedupe_seconds,
        "metadata": row.metadata,
        "event_id": row.event_id,
        "rule_ids": row.rule_ids,
        "attempt_limit": settings.max_attempts,
        "expires_at": row.expires_at,
        "queue_at": now + timedelta(seconds=settings.hint_seconds),
        "created_at": now,
        "failover_of": row.id,
    } | columns(targets[1:], since=now)


def _fitting(body: str, channel: str) -> str:
    """The text as the other channel can carry it."""
    longest = ROUTES[channel].longest_body
    return body if len(body) <= longest else body[: longest - len(CUT)] + CUT


def _note(successor: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
    detail = {"channel": successor["channel"]}
    if is_new:
        return {"id": successor["failover_of"], "detail": detail | {"notification_id": successor["id"]}}
    return {"id": successor["failover_of"], "detail": detail | {"reason": "this event was told there already"}}
