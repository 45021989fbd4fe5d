"""Matching: events meet the rules; notifications and tickets follow, together with the event's end, in one commit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from sentinel.channels.registry import ROUTES
from sentinel.clock import utc_now
from sentinel.ids import new_id, new_ids
from sentinel.logs import get_logger
from sentinel.models.event import EventStatus
from sentinel.models.status import Reason, Status
from sentinel.queries import endpoints as endpoint_queries
from sentinel.queries import matching
from sentinel.queries import notifications as notification_queries
from sentinel.queries import templates as template_queries
from sentinel.queries.matching import PendingEvent
from sentinel.rendering import Content, Facts, TemplateError, Wording, render
from sentinel.rule_state import RuleStateError, get_rule_state
from sentinel.rules.fields import reader
from sentinel.rules.rulings import Due, Hit, Ruling
from sentinel.rules.syntax import SEVERITIES, Term, nodes
from sentinel.services import fanout, tallies, tickets
from sentinel.services.fanout import Directory, Plan, Planned, SpeakingRule
from sentinel.services.live_rules import LiveRule, LiveRules, get_live_rules
from sentinel.services.tickets import NewTicket
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

ROWS_AT_ONCE = 2000
"""About the most rows that one transaction writes: a fan-out of thousands must not hold locks for long."""

DEFAULT_TEMPLATE = "default"
"""A client's template of this name replaces the built-in wording."""


COUNTED = {EventStatus.MATCHED: "events_matched_total", EventStatus.UNMATCHED: "events_unmatched_total"}


@dataclass(slots=True)
class Matched:
    """An event with the rules whose conditions hold, by what became of them."""

    event: PendingEvent
    fired: list[LiveRule] = field(default_factory=list)
    waiting: list[LiveRule] = field(default_factory=list)
    throttled: list[LiveRule] = field(default_factory=list)
    is_broken: bool = False
    is_undecided: bool = False
    """Its windows could not be judged; it stays PENDING."""

    @property
    def rules(self) -> list[LiveRule]:
        """Every rule that matched."""
        return [*self.fired, *self.waiting, *self.throttled]


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
    wordings: Mapping[tuple[int, str, str | None], Wording]
    clients: Mapping[int, str]


def match(ids: Sequence[str]) -> None:
    """Evaluate waiting events. Each ends MATCHED, UNMATCHED or FAILED; a second worker finds nothing left to do."""
    rules = get_live_rules()
    with unit_of_work() as uow:
        rules.refresh(uow.session)
        events = matching.pending_events(uow.session, ids)
    if not events:
        return
    found = [_ask(event, rules) for event in events]
    _decide_stateful(found, rules)
    decided = [each for each in found if not each.is_undecided]
    with unit_of_work() as uow:
        surroundings = _surroundings(uow, decided)
    outcomes = [_outcome(each, surroundings) for each in decided]
    for part in _parts(outcomes):
        _write(part, surroundings)


def fire_due() -> int:
    """Let rules speak whose time has come without another event (`absent`, `for`); returns how many did."""
    rules, state = get_live_rules(), get_rule_state()
    try:
        fallen = state.due(utc_now())
    except RuleStateError as error:
        log.warning("rule_state_away", error=str(error))  # it asks again in a second
        return 0
    if fallen:
        with unit_of_work() as uow:
            rules.refresh(uow.session)
    count = 0
    for due in fallen:
        rule = rules.get(due.rule_id)
        if rule is not None and rule.version == due.version:
            count += _fire(due, rule)
        state.done(due)
    return count


def _fire(due: Due, rule: LiveRule) -> bool:
    """Store what is due as an event of its own, with all that follows, in one commit; False if that was done before."""
    facts = {"rule_id": rule.id, "since": due.since, "group": due.group, "last_event_id": due.event_id}
    with unit_of_work() as uow:
        name = f"due:{rule.id}:{rule.version}:{due.since.isoformat()}:{orjson.dumps(due.group).decode()}"
        row = {"id": new_id(uow.now), "client_id": rule.client_id, "event_id": name}
        event = matching.insert_due(uow.session, row, last=due.event_id, due=facts, now=uow.now)
        if event is None:
            return False
        matched = Matched(event, fired=[rule])
        surroundings = _surroundings(uow, [matched])
        _store(uow, [_outcome(matched, surroundings)], surroundings)
    return True


def _ask(event: PendingEvent, rules: LiveRules) -> Matched:
    try:
        return Matched(event, fired=rules.match(event))
    except Exception:  # our own mistake must end one event, visibly, and not its whole batch
        log.exception("matching_bug", event_id=event.id)
        return Matched(event, is_broken=True)


def _decide_stateful(found: Sequence[Matched], rules: LiveRules) -> None:
    """Ask windows, clocks and throttles, in the order of the events; what does not fire moves out of `fired`."""
    asked = [(each, rule, holds) for each in found for rule, holds in _stateful(each, rules)]
    if not asked:
        return
    try:
        rulings = get_rule_state().decide([_hit(each.event, rule, holds=holds) for each, rule, holds in asked])
    except RuleStateError as error:
        log.warning("rule_state_away", hits=len(asked), error=str(error))
        for each, _, holds in asked:
            each.is_undecided |= holds
        return
    for (each, rule, holds), ruling in zip(asked, rulings, strict=True):
        if holds and ruling is not Ruling.FIRES:
            each.fired.remove(rule)
            (each.throttled if ruling is Ruling.THROTTLED else each.waiting).append(rule)


def _stateful(matched: Matched, rules: LiveRules) -> Iterator[tuple[LiveRule, bool]]:
    """The rules of an event that have a state, and whether it satisfies or contradicts them."""
    yield from ((rule, True) for rule in matched.fired if rule.is_stateful)
    yield from ((rule, False) for rule in _missed(matched, rules))


def _hit(event: PendingEvent, rule: LiveRule, *, holds: bool) -> Hit:
    return Hit(rule.id, rule.version, rule.syntax, event.id, event.body, event.occurred_at, holds)


def _missed(matched: Matched, rules: LiveRules) -> Iterator[LiveRule]:
    """The rules with a clock that the event contradicts: it has every field they ask for, and does not match."""
    ids = {rule.id for rule in matched.fired}
    for rule in rules.holding(matched.event):
        if rule.id not in ids and _concerns(rule, matched.event.body):
            yield rule


def _concerns(rule: LiveRule, event: Mapping[str, Any]) -> bool:
    fields = {node.field for node, _ in nodes(rule.syntax.condition) if isinstance(node, Term)}
    return all(reader(each)(event) is not None for each in fields)


def _surroundings(uow: UnitOfWork, found: Sequence[Matched]) -> Surroundings:
    """Endpoints, templates and names of every client that is concerned, in one query each."""
    rule_ids = {rule.id for each in found for rule in each.fired}
    client_ids = {rule.client_id for each in found for rule in each.fired}
    users = {(each.event.client_id, each.event.user_id) for each in found if each.event.is_addressed}
    client_ids |= {client_id for client_id, _ in users}
    if not client_ids:
        return Surroundings(Directory(), {}, {})
    wanted = sorted(client_ids)
    user_ids = {user_id for _, user_id in users if user_id is not None}
    return Surroundings(
        Directory(endpoint_queries.for_fanout(uow.session, sorted(rule_ids), wanted, user_ids)),
        {key: Wording(*texts) for key, texts in template_queries.wordings(uow.session, wanted).items()},
        matching.client_names(uow.session, wanted),
    )


def _outcome(matched: Matched, surroundings: Surroundings) -> Outcome:
    if matched.is_broken:
        return Outcome(matched.event, EventStatus.FAILED, "bug")
    event = matched.event
    given = event.severity if event.severity in SEVERITIES else None
    plan = fanout.plan(event.body, matched.fired, surroundings.directory, severity_given=given)
    if event.is_addressed and event.user_id is not None:
        plan.messages.extend(
            fanout.addressed(event.client_id, event.user_id, surroundings.directory, severity_given=given)
        )
    unheard: dict[str, Sequence[SpeakingRule]] = {
        "waiting": matched.waiting,
        "throttled": matched.throttled,
        "silenced": plan.silenced,
    }
    ids = {why: sorted(rule.id for rule in rules) for why, rules in unheard.items() if rules}
    if not matched.rules and not event.is_addressed:
        return Outcome(event, EventStatus.UNMATCHED)
    return Outcome(event, EventStatus.MATCHED, _reason(matched, plan), plan, ids)


def _reason(matched: Matched, plan: Plan) -> str | None:
    """Why a matched event led to nothing; None when it led to something."""
    if plan.messages or plan.tickets:
        return None
    if plan.spoken:
        return "suppressed"
    return "throttled" if matched.throttled else "waiting"


def _parts(outcomes: Iterable[Outcome]) -> Iterator[list[Outcome]]:
    """Outcomes in groups of about as many rows as one transaction should write."""
    part: list[Outcome] = []
    rows = 0
    for each in outcomes:
        part.append(each)
        rows += 1 + len(each.plan.messages) + len(each.plan.tickets)
        if rows >= ROWS_AT_ONCE:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _write(outcomes: Sequence[Outcome], surroundings: Surroundings) -> None:
    with unit_of_work() as uow:
        mine = matching.lock_events(uow.session, [each.event.id for each in outcomes])
        taken = [each for each in outcomes if each.event.id in mine]
        if taken:
            _store(uow, taken, surroundings)


def _store(uow: UnitOfWork, outcomes: Sequence[Outcome], surroundings: Surroundings) -> None:
    rows = _notification_rows(uow, outcomes, surroundings)
    if rows:
        _insert(uow, rows)
    opened = [_ticket(each, planned) for each in outcomes for planned in each.plan.tickets]
    if opened:
        tickets.open_many(uow, opened)
    matching.finish_events(uow.session, [_end(each) for each in outcomes], now=uow.now)
    _count(uow, outcomes, surroundings.clients)


def _insert(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    stored = notification_queries.insert(uow.session, rows)
    tallies.count_accepted(uow, (new.channel for new in stored))
    ids: dict[str, list[str]] = defaultdict(list)
    for new in stored:
        if new.status == Status.PENDING:
            ids[new.channel].append(new.id)
        else:
            tallies.count_ended(uow, new.channel, new.status, Reason.NO_ENDPOINT, 1)
    for channel, batch in ids.items():
        uow.queue_pipeline(channel, batch)


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
    content = _content(event, message, surroundings)
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
    }


def _content(event: PendingEvent, message: Planned, surroundings: Surroundings) -> Content:
    """The message in words: the template that is asked for, the client's default, or the built-in wording."""
    facts = Facts(
        client=surroundings.clients.get(message.client_id, event.client_name),
        event_id=event.event_id or event.id,
        severity=message.severity,
        rules=tuple((rule.id, rule.name) for rule in message.rules),
        event=event.body,
        occurred_at=event.occurred_at,
    )
    channel = message.channel if message.channel in ROUTES else fanout.INBOX
    for name in (message.template, DEFAULT_TEMPLATE):
        wording = None if name is None else wording_of(surroundings.wordings, message.client_id, name, channel)
        if wording is None:
            continue
        try:
            return render(channel, facts, wording)
        except TemplateError as error:
            # The alert matters more than its wording: it goes out in the next best one.
            log.warning("template_failed", template=name, client_id=message.client_id, error=str(error))
    return render(channel, facts)


def wording_of(
    wordings: Mapping[tuple[int, str, str | None], Wording], client_id: int, name: str, channel: str
) -> Wording | None:
    """A client's template for a channel: its own for that channel before the one for all."""
    return wordings.get((client_id, name, channel)) or wordings.get((client_id, name, None))


def _ticket(outcome: Outcome, planned: fanout.PlannedTicket) -> NewTicket:
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
