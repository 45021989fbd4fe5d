"""A rule tried on one event: does it match, where does it fail, and what would be sent. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.durations import written
from sentinel.models.status import Reason
from sentinel.queries import endpoints
from sentinel.rendering import Facts
from sentinel.rules.explain import Explanation, explain
from sentinel.rules.group_keys import labels_of
from sentinel.rules.printer import caps_text, condition_text
from sentinel.rules.rulings import is_stateful
from sentinel.rules.syntax import SEVERITIES, RuleSyntax
from sentinel.rules.verdict import severity
from sentinel.rules.windows import split
from sentinel.services import events
from sentinel.services.access.clients import Caller
from sentinel.services.events import CheckedEvent
from sentinel.services.matching import fanout, wordings
from sentinel.services.matching.fanout import Directory, Plan, Planned, PlannedEnd, PlannedTicket
from sentinel.services.matching.wordings import Wordings, facts_of
from sentinel.services.ruling import rule_texts, rules
from sentinel.services.ruling.live_rules import LiveRule
from sentinel.services.unit_of_work import UnitOfWork

NO_ID = 0
"""The id of a rule that is not stored."""

TRIED = "the tried rule"


@dataclass(frozen=True, slots=True)
class Message:
    """A message that would be written; `reason` says why it would not be sent."""

    channel: str
    recipient: str
    subject: str | None
    body: str
    endpoint_id: int | None
    reason: str | None
    group: HoldingGroup | None


@dataclass(frozen=True, slots=True)
class HoldingGroup:
    """The group in which a message would wait: whose terms it has, and what its events share."""

    scope: str
    labels: dict[str, Any]
    is_each: bool
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial. `needs`: what this one event cannot answer, and was taken as given."""

    explanation: Explanation
    severity: str | None
    needs: list[str]
    messages: list[Message]
    tickets: list[PlannedTicket]
    ends: list[PlannedEnd]


def meant(uow: UnitOfWork, caller: Caller, given: str | int) -> LiveRule:
    """Return the rule of a text, or the stored one of an id."""
    if isinstance(given, str):
        return live(NO_ID, caller.client_id, TRIED, rule_texts.check(uow, caller.client_id, given).syntax)
    found = rules.get(uow, given, client_id=caller.client_id)
    return live(found.id, found.client_id, found.name, rules.syntax_of(found))


def live(rule_id: int, client_id: int, name: str, syntax: RuleSyntax) -> LiveRule:
    """Return a rule as workers ask it."""
    return LiveRule(rule_id, client_id, name, 1, syntax, is_stateful(syntax))


def directory(uow: UnitOfWork, rule: LiveRule) -> Directory:
    """Return the enabled endpoints that a rule may mean."""
    return Directory(endpoints.for_fanout(uow.session, [rule.id], [rule.client_id]))


def test(uow: UnitOfWork, caller: Caller, rule: LiveRule, event: Mapping[str, Any]) -> Trial:
    """Try a rule on an event as it would be posted."""
    checked = events.check(event, now=uow.now)
    given = checked.severity if checked.severity in SEVERITIES else None
    explanation = explain(rule.syntax.condition, event)
    fired = [rule] if explanation.matched else []
    plan = fanout.plan(event, fired, directory(uow, rule), now=uow.now, severity_given=given)
    return Trial(
        explanation,
        severity(rule.syntax.options, event) or given,
        needs(rule.syntax),
        _messages(uow, caller, plan, checked),
        plan.tickets,
        plan.ends,
    )


def needs(rule: RuleSyntax) -> list[str]:
    """What a rule asks besides the event, in words of the rule language."""
    options = rule.options
    found = [condition_text(each) for each in split(rule.condition).windows]
    times = {"for": options.hold_seconds, "keep": options.keep_seconds}
    found += [f"{word} {written(seconds)}" for word, seconds in times.items() if seconds is not None]
    return found + ([f"throttle {caps_text(options.throttle.caps)}"] if options.throttle else [])


def _messages(uow: UnitOfWork, caller: Caller, plan: Plan, event: CheckedEvent) -> list[Message]:
    templates = wordings.of_clients(uow, [caller.client_id])
    event_id = event.event_id or "-"
    return [
        _message(each, facts_of(each, event, client=caller.client_name, event_id=event_id), templates)
        for each in plan.messages
    ]


def _message(message: Planned, facts: Facts, templates: Wordings) -> Message:
    content = wordings.worded(message, facts, templates)
    reason = Reason.NO_ENDPOINT if message.is_missing else None
    return Message(
        message.channel,
        message.recipient,
        content.subject,
        content.body,
        message.endpoint_id,
        reason,
        _group(message, facts.event),
    )


def _group(message: Planned, event: Mapping[str, Any]) -> HoldingGroup | None:
    grouping = message.grouping
    if grouping is None or message.is_missing:
        return None
    return HoldingGroup(message.scope, labels_of(grouping, event), grouping.is_each, grouping.terms.wait_seconds)
