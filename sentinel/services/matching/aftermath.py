"""What is written of events that have met the rules: messages, tickets, and how each event ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sentinel.ids import new_ids
from sentinel.models.event import EventStatus
from sentinel.models.status import Reason, Status
from sentinel.queries import endpoints as endpoint_queries
from sentinel.queries import matching
from sentinel.queries import notifications as notification_queries
from sentinel.queries.matching import PendingEvent
from sentinel.services import tickets
from sentinel.services.matching import wordings
from sentinel.services.matching.fanout import Directory, Plan, Planned, PlannedTicket, SpeakingRule
from sentinel.services.matching.wordings import Wordings, facts_of, worded
from sentinel.services.sending import failover
from sentinel.services.tickets import NewTicket
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies
from sentinel.settings import get_settings

COUNTED = {EventStatus.MATCHED: "events_matched_total", EventStatus.UNMATCHED: "events_unmatched_total"}


Fresh = Mapping[str, Sequence[str]]
"""Ids of new notifications, by channel."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written for one event."""

    event: PendingEvent
    status: EventStatus
    reason: str | None = None
    plan: Plan = field(default_factory=lambda: Plan([], [], [], []))
    unheard: Mapping[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a batch needs to know besides its rules."""

    directory: Directory
    wordings: Wordings
    clients: Mapping[int, str]


def surroundings_of(uow: UnitOfWork, fired: Iterable[SpeakingRule], events: Iterable[PendingEvent]) -> Surroundings:
    """Endpoints, templates and names of every client that is concerned, in one query each."""
    concerned = {(rule.id, rule.client_id) for rule in fired}
    users = {(event.client_id, event.user_id) for event in events if event.is_addressed}
    client_ids = {client_id for _, client_id in concerned} | {client_id for client_id, _ in users}
    if not client_ids:
        return Surroundings(Directory(), Wordings({}), {})
    wanted, rule_ids = sorted(client_ids), sorted(rule_id for rule_id, _ in concerned)
    user_ids = {user_id for _, user_id in users if user_id is not None}
    return Surroundings(
        Directory(endpoint_queries.for_fanout(uow.session, rule_ids, wanted, user_ids)),
        wordings.of_clients(uow, wanted),
        matching.client_names(uow.session, wanted),
    )


def store(uow: UnitOfWork, outcomes: Sequence[Outcome], surroundings: Surroundings) -> Fresh:
    """Write notifications, tickets and the events' ends; returns the notifications that are to go on."""
    rows = _notification_rows(uow, outcomes, surroundings)
    fresh = _insert(uow, rows) if rows else {}
    opened = [_ticket(each, planned) for each in outcomes for planned in each.plan.tickets]
    if opened:
        tickets.open_many(uow, opened)
    matching.finish_events(uow.session, [_end(each) for each in outcomes], now=uow.now)
    _count(uow, outcomes, surroundings.clients)
    return fresh


def _insert(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> Fresh:
    stored = notification_queries.insert(uow.session, rows)
    tallies.count_accepted(uow, (new.channel for new in stored))
    ids: dict[str, list[str]] = defaultdict(list)
    for new in stored:
        if new.status == Status.PENDING:
            ids[new.channel].append(new.id)
        else:
            tallies.count_ended(uow, new.channel, new.status, Reason.NO_ENDPOINT, 1)
    return ids


def _end(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.event.id,
        "status": outcome.status,
        "reason": outcome.reason,
        "rule_ids": sorted(rule.id for rule in outcome.plan.spoken),
        "unheard": outcome.unheard,
    }


def _count(uow: UnitOfWork, outcomes: Sequence[Outcome], clients: Mapping[int, str]) -> None:
    spoken = Counter(rule.client_id for each in outcomes for rule in each.plan.spoken)
    for client_id, number in spoken.items():
        uow.count("rules_triggered_total", number, client=clients[client_id])
    statuses = Counter(each.status for each in outcomes)
    for status, name in COUNTED.items():
        if statuses[status]:
            uow.count(name, statuses[status])


def _notification_rows(
    uow: UnitOfWork, outcomes: Sequence[Outcome], surroundings: Surroundings
) -> list[dict[str, Any]]:
    planned = [(each.event, message) for each in outcomes for message in each.plan.messages]
    ids = new_ids(uow.now, len(planned))
    return [_row(uow, event, message, surroundings, each) for (event, message), each in zip(planned, ids, strict=True)]


def _row(
    uow: UnitOfWork, event: PendingEvent, message: Planned, surroundings: Surroundings, notification_id: str
) -> dict[str, Any]:
    settings = get_settings()
    client = surroundings.clients.get(message.client_id, event.client_name)
    facts = facts_of(message, event, client=client, event_id=event.event_id or event.id)
    content = worded(message, facts, surroundings.wordings)
    key, seconds = message.dedupe or (None, None)
    hint = uow.now + timedelta(seconds=settings.hint_seconds)
    return {
        "id": notification_id,
        "client_id": message.client_id,
        "status": Status.SUPPRESSED if message.is_missing else Status.PENDING,
        "reason": Reason.NO_ENDPOINT if message.is_missing else None,
        "channel": message.channel,
        "recipient": message.recipient,
        "subject": content.subject,
        "body": content.body,
        "severity": message.severity,
        "user_id": message.user_id,
        "dedupe_key": key,
        "dedupe_seconds": seconds,
        "event_id": event.id,
        "rule_ids": [rule.id for rule in message.rules],
        "endpoint_id": message.endpoint_id,
        "metadata": {},
        "attempt_limit": settings.max_attempts,
        "send_at": None,
        "expires_at": None,
        "queue_at": None if message.is_missing else hint,
        "created_at": uow.now,
    } | failover.columns(message.failover, since=uow.now)


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
