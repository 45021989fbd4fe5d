"""What follows from the rules that an event fires: who is told, on which endpoints, and which tickets open. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from sentinel.channels.recipients import normalise
from sentinel.errors import InvalidInputError
from sentinel.queries.endpoints import Destination
from sentinel.rules import group_terms
from sentinel.rules.fields import reader
from sentinel.rules.grouping import Grouping
from sentinel.rules.rulings import HeldBack
from sentinel.rules.syntax import (
    ENDPOINT,
    EVERY_ENDPOINT,
    SEVERITIES,
    Field,
    Notify,
    Path,
    Resolve,
    RuleSyntax,
    Suppress,
    Ticket,
)
from sentinel.rules.titles import fill
from sentinel.rules.verdict import heard, severity
from sentinel.rules.windows import group_key_of
from sentinel.services import quiet_hours
from sentinel.services.matching.converging import Way, converge
from sentinel.services.quiet_hours import QuietHours
from sentinel.services.sending.failover import Target

INBOX = "inbox"

Chains = Mapping[str, Sequence[Mapping[str, Any]]]
"""Other targets, by channel, as they are stored."""


class SpeakingRule(Protocol):
    """What is asked of a rule, stored or only tried."""

    @property
    def id(self) -> int:
        """Its number; older rules have smaller ones."""
        ...

    @property
    def client_id(self) -> int:
        """Whose it is."""
        ...

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def syntax(self) -> RuleSyntax:
        """What it says."""
        ...


class Directory:
    """The enabled endpoints that a batch may need, by who they belong to, and the failover chains of its clients."""

    def __init__(self, endpoints: Iterable[Destination] = (), chains: Mapping[int, Chains] | None = None) -> None:
        self._chains = chains or {}
        self._of_rules: dict[int, list[Destination]] = defaultdict(list)
        self._of_users: dict[tuple[int, str], list[Destination]] = defaultdict(list)
        self._of_clients: dict[int, list[Destination]] = defaultdict(list)
        self._named: dict[tuple[int, str], Destination] = {}
        for each in endpoints:
            self._add(each)

    def _add(self, endpoint: Destination) -> None:
        if endpoint.name is not None:
            self._named[endpoint.client_id, endpoint.name] = endpoint
        if endpoint.rule_id is not None:
            self._of_rules[endpoint.rule_id].append(endpoint)
        elif endpoint.user_id is not None:
            self._of_users[endpoint.client_id, endpoint.user_id].append(endpoint)
        else:
            self._of_clients[endpoint.client_id].append(endpoint)

    def meant(self, rule: SpeakingRule, name: str) -> Sequence[Destination]:
        """What `endpoint:NAME` in a rule means; `*`: the rule's own endpoints, else those of its client."""
        if name == EVERY_ENDPOINT:
            return self._of_rules.get(rule.id) or self._of_clients.get(rule.client_id, [])
        named = self._named.get((rule.client_id, name))
        return () if named is None else (named,)

    def usual_failover(self, client_id: int, channel: str, recipient: str) -> tuple[Target, ...]:
        """Other targets of a message that names none; one to a target of the chain itself has none."""
        chain = tuple(Target(**each) for each in self._chains.get(client_id, {}).get(channel, ()))
        return () if (channel, recipient) in {target.place for target in chain} else chain

    def of_user(self, client_id: int, user_id: str) -> Sequence[Destination]:
        """Where a user wants messages."""
        return self._of_users.get((client_id, user_id), ())


@dataclass(slots=True)
class Planned:
    """A message to one target, with every rule that asks for it, the most important first.

    `is_missing`: there is no enabled endpoint, so the message is recorded and not sent.
    """

    client_id: int
    channel: str
    recipient: str
    endpoint_id: int | None = None
    template: str | None = None
    severity: str | None = None
    rules: list[SpeakingRule] = field(default_factory=list)
    dedupe: tuple[str, int] | None = None
    user_id: str | None = None
    is_missing: bool = False
    failover: tuple[Target, ...] = ()
    held_back: HeldBack | None = None
    quiet_hours: QuietHours | None = None
    grouping: Grouping | None = None
    """It is held, and told with others; by whose terms says `grouped_by`."""
    grouped_by: int | None = None
    """The rule that asks for it; None: the endpoint does."""

    @property
    def scope(self) -> str:
        """Whose terms its group has."""
        return "endpoint" if self.grouped_by is None else "rule"


@dataclass(frozen=True, slots=True)
class PlannedTicket:
    """A ticket that a rule opens."""

    rule: SpeakingRule
    severity: str
    title: str
    merge_key: str | None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedEnd:
    """A ticket that a rule resolves, if there is one; without a key the event lacks what would tell which."""

    rule: SpeakingRule
    merge_key: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that follows from one event. `silenced` rules matched, but a rule before them said stop."""

    messages: list[Planned]
    tickets: list[PlannedTicket]
    spoken: list[SpeakingRule]
    silenced: list[SpeakingRule]
    ends: list[PlannedEnd] = field(default_factory=list)


def plan(
    event: Mapping[str, Any],
    fired: Iterable[SpeakingRule],
    directory: Directory,
    *,
    now: datetime,
    severity_given: str | None = None,
) -> Plan:
    """Say what follows from the rules that fired. `severity_given` is the event's own, where it is one of the four."""
    found = Plan([], [], [], [])
    by_client: dict[int, list[SpeakingRule]] = defaultdict(list)
    for rule in fired:
        by_client[rule.client_id].append(rule)
    for rules in by_client.values():
        speaking = rules if len(rules) == 1 else _speaking(rules)
        found.spoken.extend(speaking)
        if len(speaking) < len(rules):
            heard_ids = {rule.id for rule in speaking}
            found.silenced.extend(rule for rule in rules if rule.id not in heard_ids)
        found.messages.extend(_messages(speaking, event, directory, severity_given, now))
        for rule in speaking:
            found.tickets.extend(_tickets(rule, event))
            found.ends.extend(_ends(rule, event))
    return found


def addressed(client_id: int, user_id: str, directory: Directory, *, severity_given: str | None) -> list[Planned]:
    """The messages of an alert to a user: to the user's endpoints, or to the inbox when there are none."""
    endpoints = directory.of_user(client_id, user_id)
    if not endpoints:
        return [Planned(client_id, INBOX, user_id, severity=severity_given, user_id=user_id)]
    distinct = {(each.channel, each.target): each for each in endpoints}
    messages = [
        replace(_to(each, each.template), severity=severity_given, user_id=user_id) for each in distinct.values()
    ]
    return [replace(each, failover=each.failover or _usual_failover(each, directory)) for each in messages]


def _usual_failover(message: Planned, directory: Directory) -> tuple[Target, ...]:
    return directory.usual_failover(message.client_id, message.channel, message.recipient)


def note_held_back(plan: Plan, held_back: Mapping[int, HeldBack]) -> None:
    """Let each message say what the throttles of its rules held back before it.

    Rules that speak to one target hold back much the same events: the most that one of them did is what is certain.
    """
    for message in plan.messages:
        found = [held_back[rule.id] for rule in message.rules if rule.id in held_back]
        message.held_back = max(found, key=lambda each: each.count, default=None)


def _speaking(rules: Sequence[SpeakingRule]) -> list[SpeakingRule]:
    """Rules by priority, equals by age, as far as none says stop or suppresses the event."""
    in_order = sorted(rules, key=lambda rule: rule.id)
    speaking: list[SpeakingRule] = []
    for rule in heard((rule, rule.syntax.options) for rule in in_order):
        speaking.append(rule)
        if any(isinstance(action, Suppress) for action in rule.syntax.actions):
            break
    return speaking


def _messages(
    rules: Sequence[SpeakingRule],
    event: Mapping[str, Any],
    directory: Directory,
    severity_given: str | None,
    now: datetime,
) -> Iterable[Planned]:
    """One message per distinct target, listing its rules."""
    planned: dict[tuple[str, str], tuple[Planned, list[Way]]] = {}
    for rule in rules:
        found = severity(rule.syntax.options, event) or severity_given
        for target in _targets(rule, directory):
            message, ways = planned.setdefault((target.channel, target.recipient), (target, []))
            ways.append((rule, target))
            message.severity = _higher(message.severity, found)
            message.template = message.template or target.template
            message.failover = message.failover or target.failover
            if not message.rules or message.rules[-1] is not rule:
                message.rules.append(rule)
    for message, ways in planned.values():
        message.dedupe = _dedupe(message.rules, event)
        message.failover = message.failover or _usual_failover(message, directory)
        if len(ways) > 1:
            converge(message, ways, now=now)
        elif (group := ways[0][0].syntax.options.group) is not None:
            message.grouping, message.grouped_by = group, ways[0][0].id
        yield message


def _targets(rule: SpeakingRule, directory: Directory) -> Iterable[Planned]:
    for action in rule.syntax.actions:
        if not isinstance(action, Notify):
            continue
        if action.channel == ENDPOINT:
            yield from _endpoint_targets(rule, action, directory)
        else:
            recipient = _one_spelling(action.channel, action.target)
            if recipient is None:
                yield Planned(rule.client_id, action.channel, action.target, is_missing=True)
            else:
                yield Planned(rule.client_id, action.channel, recipient, template=action.template)


def _endpoint_targets(rule: SpeakingRule, action: Notify, directory: Directory) -> Iterable[Planned]:
    endpoints = directory.meant(rule, action.target)
    if not endpoints:
        yield Planned(rule.client_id, ENDPOINT, action.target, is_missing=True)
    for each in endpoints:
        yield _to(each, action.template or each.template)


def _to(endpoint: Destination, template: str | None) -> Planned:
    """A message to an endpoint."""
    message = Planned(endpoint.client_id, endpoint.channel, endpoint.target, endpoint.id, template)
    message.quiet_hours = quiet_hours.stored(endpoint.quiet_hours)
    if endpoint.grouping is not None:
        message.grouping = group_terms.read(endpoint.grouping)
    if endpoint.failover:
        message.failover = tuple(Target(**each) for each in endpoint.failover)
    return message


@lru_cache(maxsize=10_000)
def _one_spelling(channel: str, target: str) -> str | None:
    """The recipient in its stored form; None for one that the settings no longer allow."""
    try:
        return normalise(channel, target)
    except InvalidInputError:
        return None


def _higher(one: str | None, other: str | None) -> str | None:
    if one is None or one == other:
        return other
    ranked = [each for each in (one, other) if each in SEVERITIES]
    return min(ranked, key=SEVERITIES.index) if ranked else one or other


def _dedupe(rules: Sequence[SpeakingRule], event: Mapping[str, Any]) -> tuple[str, int] | None:
    """The dedupe key and its seconds, when every rule behind a message wants repetitions held back."""
    rule = rules[0]
    every = rule.syntax.options.dedupe
    if every is None or any(other.syntax.options.dedupe is None for other in rules):
        return None
    return f"rule:{rule.id}:{group_key_of(every.by, event)}", every.seconds


def _tickets(rule: SpeakingRule, event: Mapping[str, Any]) -> Iterable[PlannedTicket]:
    for action in rule.syntax.actions:
        if isinstance(action, Ticket):
            title = fill(action.title, event)
            yield PlannedTicket(rule, action.severity, title, _merge_key(action.merge, event), action.policy)


def _ends(rule: SpeakingRule, event: Mapping[str, Any]) -> Iterable[PlannedEnd]:
    for action in rule.syntax.actions:
        if isinstance(action, Resolve):
            yield PlannedEnd(rule, _merge_key(action.merge, event))


def _merge_key(paths: tuple[Path, ...], event: Mapping[str, Any]) -> str | None:
    """What later events must share to join the ticket; an event that lacks it opens its own."""
    if not paths or any(reader(Field(path))(event) is None for path in paths):
        return None
    names = ",".join(".".join(map(str, path)) for path in paths)
    return f"{names}={group_key_of(paths, event)}"
