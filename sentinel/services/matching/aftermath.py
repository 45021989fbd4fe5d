"""What is written of events that have met the rules: messages, tickets, and how each event ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sentinel.ids import new_ids
from sentinel.logs import get_logger, log_each
from sentinel.models.event import EventStatus
from sentinel.models.status import Status
from sentinel.queries import matching
from sentinel.queries.matching import PendingEvent
from sentinel.queries.pipeline import Candidate
from sentinel.services import tickets
from sentinel.services.holding.hold import Holding, hold, note_quiet
from sentinel.services.matching import dispositions
from sentinel.services.matching.fanout import Plan, Planned, PlannedTicket
from sentinel.services.matching.surroundings import Surroundings
from sentinel.services.matching.wordings import facts_of, worded
from sentinel.services.tickets import NewTicket
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies
from sentinel.settings import get_settings
from sentinel.tracing import FIELD

log = get_logger(__name__)

Row = Mapping[str, Any]
"""What is written of an event or a message."""

COUNTED = {
    EventStatus.MATCHED: "events_matched_total",
    EventStatus.UNMATCHED: "events_unmatched_total",
    EventStatus.FAILED: "events_failed_total",
}


Fresh = Mapping[str, Sequence[Candidate]]
"""New notifications that are to be sent, by channel."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written for one event."""

    event: PendingEvent
    status: EventStatus
    reason: str | None = None
    plan: Plan = field(default_factory=lambda: Plan([], [], [], []))
    unheard: Mapping[str, list[int]] = field(default_factory=dict)


def store(uow: UnitOfWork, outcomes: Sequence[Outcome], surroundings: Surroundings) -> Fresh:
    """Write notifications, tickets and the events' ends, of those that still wait; returns what is to go on."""
    # Before the first statement: no transaction waits for words.
    rows, holdings = _rows(outcomes, surroundings, uow.now)
    mine = matching.end_events(uow.session, [_end(each) for each in outcomes], now=uow.now)
    if len(mine) < len(outcomes):
        outcomes = [each for each in outcomes if each.event.id in mine]
        rows = [row for row in rows if row["event_id"] in mine]
    if holdings:
        rows = hold(uow, rows, holdings)
    fresh = _tell(uow, rows, surroundings) if rows else {}
    if holdings:
        note_quiet(uow, rows, holdings)
    opened = [_ticket(each, planned) for each in outcomes for planned in each.plan.tickets]
    if opened:
        tickets.open_many(uow, opened)
    _count(uow, outcomes, surroundings)
    return fresh


def _tell(uow: UnitOfWork, rows: Sequence[Row], surroundings: Surroundings) -> Fresh:
    settings = get_settings()
    hint = uow.now + timedelta(seconds=settings.hint_seconds)
    stored = matching.tell(uow.session, rows, attempt_limit=settings.max_attempts, queue_at=hint, now=uow.now)
    new = [row for row in rows if row["id"] in stored]
    tallies.count_accepted(uow, (row["channel"] for row in new))
    made = ({"notification_id": row["id"], "event_id": row["event_id"]} for row in new)
    log_each(log, "notification_accepted", made)
    fresh: dict[str, list[Candidate]] = defaultdict(list)
    for row in new:
        if "reason" in row:
            tallies.count_ended(uow, row["channel"], Status.SUPPRESSED, row["reason"], 1)
        elif "group_id" not in row:
            fresh[row["channel"]].append(_candidate(row, surroundings, is_suppressed=stored[row["id"]]))
    return fresh


def _candidate(row: Row, surroundings: Surroundings, *, is_suppressed: bool) -> Candidate:
    """The row as the stages see it."""
    client_id = row["client_id"]
    return Candidate(
        id=row["id"],
        client_id=client_id,
        user_id=row.get("user_id"),
        event_id=row["event_id"],
        endpoint_id=row["endpoint_id"],
        channel=row["channel"],
        recipient=row["recipient"],
        dedupe_key=row.get("dedupe_key"),
        attempts=0,
        is_expired=False,
        is_client_active=surroundings.clients[client_id].is_active,
        is_suppressed=is_suppressed,
    )


def _end(outcome: Outcome) -> Row:
    end: dict[str, Any] = {"id": outcome.event.id, "status": outcome.status}
    if outcome.reason is not None:
        end["reason"] = outcome.reason
    if outcome.plan.spoken:
        end["rule_ids"] = sorted(rule.id for rule in outcome.plan.spoken)
    if outcome.unheard:
        end["unheard"] = outcome.unheard
    return end


def _count(uow: UnitOfWork, outcomes: Sequence[Outcome], surroundings: Surroundings) -> None:
    spoken = Counter(rule.client_id for each in outcomes for rule in each.plan.spoken)
    for client_id, number in spoken.items():
        uow.count("rules_triggered_total", number, client=surroundings.clients[client_id].name)
    statuses = Counter(each.status for each in outcomes)
    for status, name in COUNTED.items():
        if statuses[status]:
            uow.count(name, statuses[status])


def _rows(
    outcomes: Sequence[Outcome], surroundings: Surroundings, now: datetime
) -> tuple[list[Row], dict[str, Holding]]:
    """Messages as they are stored, and of those that join a group (by id) which one."""
    planned = [(each.event, message) for each in outcomes for message in each.plan.messages]
    ids = new_ids(now, len(planned))
    disposed = dispositions.of(planned, surroundings, now=now)
    rows: list[Row] = [
        _row(each, event, message, surroundings) | disposition.columns | _trace(event, surroundings)
        for (event, message), each, disposition in zip(planned, ids, disposed, strict=True)
    ]
    holdings = {each: found.holding for each, found in zip(ids, disposed, strict=True) if found.holding is not None}
    return rows, holdings


def _row(notification_id: str, event: PendingEvent, message: Planned, surroundings: Surroundings) -> dict[str, Any]:
    client = surroundings.clients[message.client_id].name
    facts = facts_of(message, event, client=client, event_id=event.event_id or event.id)
    content = worded(message, facts, surroundings.wordings)
    return {
        "id": notification_id,
        "client_id": message.client_id,
        "channel": message.channel,
        "recipient": message.recipient,
        "subject": content.subject,
        "body": content.body,
        "severity": message.severity,
        "event_id": event.id,
        "rule_ids": [rule.id for rule in message.rules],
        "endpoint_id": message.endpoint_id,
    }


def _trace(event: PendingEvent, surroundings: Surroundings) -> dict[str, str]:
    """Messages belong to the trace of their event."""
    trace = surroundings.traces.get(event.id)
    return {} if trace is None else {FIELD: trace}


def _ticket(outcome: Outcome, planned: PlannedTicket) -> NewTicket:
    event = outcome.event
    return NewTicket(
        client_id=planned.rule.client_id,
        event_id=event.id,
        rule_id=planned.rule.id,
        severity=planned.severity,
        title=planned.title,
        device_id=event.device_id,
        merge_key=planned.merge_key,
        at=event.occurred_at,
    )
