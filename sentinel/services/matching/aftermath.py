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
from sentinel.queries import matching, silences
from sentinel.queries.matching import PendingEvent
from sentinel.queries.pipeline import Candidate
from sentinel.queries.silences import HeldBack
from sentinel.rules.alerts import spoken_of
from sentinel.services import tickets
from sentinel.services.alerting import firing
from sentinel.services.holding.hold import Holding, Joined, hold, note_quiet, speak
from sentinel.services.matching import dispositions
from sentinel.services.matching.fanout import Plan, Planned, PlannedEnd, PlannedTicket, SpeakingRule
from sentinel.services.matching.surroundings import Surroundings
from sentinel.services.matching.wordings import facts_of, worded
from sentinel.services.sending import pipeline
from sentinel.services.tickets import NewTicket, Recovery
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
    is_news: bool = True
    """Whether the event says something of its alert; what falls due without an event repeats what was said before."""


def store(uow: UnitOfWork, outcomes: Sequence[Outcome], surroundings: Surroundings) -> Fresh:
    """Write notifications, tickets and the events' ends, of those that still wait; returns what is to go on."""
    # Before the first statement: no transaction waits for words.
    rows, holdings = _rows(outcomes, surroundings, uow.now)
    mine = matching.end_events(uow.session, [_end(each) for each in outcomes], now=uow.now)
    if len(mine) < len(outcomes):
        outcomes = [each for each in outcomes if each.event.id in mine]
        rows = [row for row in rows if row["event_id"] in mine]
    joined = hold(uow, rows, holdings) if holdings else Joined(rows, {})
    fresh, duplicates = _tell(uow, joined.rows, surroundings) if rows else ({}, frozenset())
    if joined.groups:
        speak(uow, joined, holdings, duplicates=duplicates)
        note_quiet(uow, joined.rows, holdings)
    opened = [_ticket(each, planned) for each in outcomes for planned in each.plan.tickets]
    if opened:
        tickets.open_many(uow, opened)
    recovered = [_recovery(each, planned.rule, key) for each in outcomes for planned, key in _keys(each.plan.ends)]
    if recovered:
        tickets.resolve_many(uow, recovered, beside=opened)
    firing.keep(uow, [each.event for each in outcomes if each.is_news])
    _count_held_back(uow, rows, outcomes)
    _count(uow, outcomes, surroundings)
    return fresh


def _tell(uow: UnitOfWork, rows: Sequence[Row], surroundings: Surroundings) -> tuple[Fresh, frozenset[str]]:
    """Store messages; returns those that are to go on, and the ids of held ones that repeat others."""
    settings = get_settings()
    hint = uow.now + timedelta(seconds=settings.hint_seconds)
    stored = matching.tell(uow.session, rows, attempt_limit=settings.max_attempts, queue_at=hint, now=uow.now)
    new = [row for row in rows if row["id"] in stored]
    tallies.count_accepted(uow, (row["channel"] for row in new))
    made = ({"notification_id": row["id"], "event_id": row["event_id"]} for row in new)
    log_each(log, "notification_accepted", made)
    fresh: dict[str, list[Candidate]] = defaultdict(list)
    held: list[Candidate] = []
    for row in new:
        if "reason" in row:
            tallies.count_ended(uow, row["channel"], Status.SUPPRESSED, row["reason"], 1)
        else:
            (held if "group_id" in row else fresh[row["channel"]]).append(
                _candidate(row, surroundings, is_suppressed=stored[row["id"]])
            )
    # A repetition is one, whether it is told now or later; all at once, so that two batches cannot deadlock.
    kept = pipeline.dedupe(uow, held) if held else held
    return fresh, frozenset({each.id for each in held} - {each.id for each in kept})


def _count_held_back(uow: UnitOfWork, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
    """Tell silences what they held back; the last statement, for a storm of alerts meets in the row of a silence."""
    silenced = [(row["silence_id"], row["event_id"]) for row in rows if "silence_id" in row]
    if not silenced:
        return
    firing_ids = {each.event.id for each in outcomes if each.is_news and _fires(each.event)}
    of_alerts = {silence_id for silence_id, event_id in silenced if event_id in firing_ids}
    counted = Counter(silence_id for silence_id, _ in silenced)
    held_back = [HeldBack(each, number, is_of_alert=each in of_alerts) for each, number in counted.items()]
    silences.hold_back(uow.session, held_back, now=uow.now)


def _fires(event: PendingEvent) -> bool:
    """Whether an event says that an alert fires: the end of one that nobody saw firing is none that a silence met."""
    spoken = spoken_of(event.body)
    return spoken is not None and spoken.is_firing


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
        policy=planned.policy,
    )


def _keys(ends: Sequence[PlannedEnd]) -> list[tuple[PlannedEnd, str]]:
    """The tickets that are to be resolved, of events that say which."""
    return [(each, each.merge_key) for each in ends if each.merge_key is not None]


def _recovery(outcome: Outcome, rule: SpeakingRule, merge_key: str) -> Recovery:
    event = outcome.event
    return Recovery(rule.client_id, merge_key, rule.id, event.id, event.occurred_at)
