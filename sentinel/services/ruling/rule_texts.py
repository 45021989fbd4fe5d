"""From a rule's text to what is stored: read, its targets in their one spelling, the names it uses looked up."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from sentinel.channels.recipients import normalise
from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError
from sentinel.models import EscalationPolicy
from sentinel.queries import named
from sentinel.queries import rules as queries
from sentinel.rules import advice, serialise
from sentinel.rules.errors import InvalidRuleError, Problem
from sentinel.rules.parser import Vocabulary, parse
from sentinel.rules.shorthand import shorthand
from sentinel.rules.syntax import ENDPOINT, EVERY_ENDPOINT, Action, Notify, RuleSyntax, Ticket
from sentinel.services.unit_of_work import UnitOfWork

SUGGESTED_FROM = 1000
"""Most names that a suggestion is looked for among."""

VOCABULARY = Vocabulary(channels=CHANNELS)

Name = tuple[str, str]
"""`endpoint`, `template` or `escalation policy`, and what it is called."""


@dataclass(frozen=True)
class CheckedRule:
    """A rule that may be stored: its text as written, and what it says."""

    text: str
    syntax: RuleSyntax

    @cached_property
    def is_scanned(self) -> bool:
        """Whether no field narrows it down."""
        return advice.is_scanned(self.syntax.condition)

    @property
    def columns(self) -> dict[str, Any]:
        """What is stored of it."""
        return {"text": self.text, "syntax": serialise.dump(self.syntax), "is_scanned": self.is_scanned}


@dataclass(frozen=True, slots=True)
class Shorthand:
    """A rule by severity, source and name of alerts, with `*` for any, and whom it tells."""

    severity: str
    source: str
    name: str
    targets: Sequence[str] = (f"{ENDPOINT}:{EVERY_ENDPOINT}",)

    @property
    def title(self) -> str:
        """What the rule is called: `HIGH/api/timeout`."""
        return f"{self.severity.upper()}/{self.source}/{self.name}"


def check(uow: UnitOfWork, client_id: int, text: str) -> CheckedRule:
    """Read a rule of the client, or say what is wrong with it."""
    found = check_many(uow, client_id, [text])[0]
    if isinstance(found, InvalidInputError):
        raise found
    return found


def check_many(uow: UnitOfWork, client_id: int, texts: Sequence[str]) -> list[CheckedRule | InvalidInputError]:
    """Read many rules; names are looked up for all of them at once."""
    read = [_read(text.strip()) for text in texts]
    unknown = _unknown_names(uow, client_id, [each.syntax for each in read if isinstance(each, CheckedRule)])
    return [_with_known_names(each, unknown) if isinstance(each, CheckedRule) else each for each in read]


def check_shorthand(uow: UnitOfWork, client_id: int, short: Shorthand) -> CheckedRule:
    """Write the shorthand out as a rule, or say what is wrong with it."""
    actions = tuple(_action(number, target) for number, target in enumerate(short.targets))
    return check(uow, client_id, shorthand(short.severity, short.source, short.name, actions=actions))


def _action(number: int, target: str) -> Notify:
    channel, colon, address = (part.strip() for part in target.partition(":"))
    action = Notify(channel.lower(), address)
    field = f"notify.{number}"
    if not (colon and channel and address):
        raise InvalidInputError(FieldError(field, target, "is no target", 'write "email:a@example.com", "endpoint:*"'))
    try:
        return _normalised(action)
    except InvalidInputError as error:
        raise InvalidInputError(FieldError(field, target, error.errors[0].message, error.errors[0].remedy)) from None


def _read(text: str) -> CheckedRule | InvalidInputError:
    try:
        if "\0" in text:
            raise _refused(text, "\0", "this rule holds a character that cannot be stored", "leave it out")
        syntax = parse(text, VOCABULARY)
        return CheckedRule(
            text, replace(syntax, actions=tuple(_in_one_spelling(text, each) for each in syntax.actions))
        )
    except InvalidInputError as error:
        return error


def _in_one_spelling(text: str, action: Action) -> Action:
    try:
        return _normalised(action) if isinstance(action, Notify) else action
    except InvalidInputError as error:
        shown = f"{action.channel}:{action.target}" if isinstance(action, Notify) else ""
        raise _refused(text, shown, f"'{shown}' {error.errors[0].message}", error.errors[0].remedy) from None


def _normalised(action: Notify) -> Notify:
    return action if action.channel == ENDPOINT else replace(action, target=normalise(action.channel, action.target))


def _refused(text: str, seen: str, message: str, hint: str) -> InvalidRuleError:
    """Point at `seen`; where it is written otherwise (with escapes, or spaces), at the start."""
    start = text.lower().find(seen.lower())
    return InvalidRuleError(text, Problem.at(text, max(start, 0), len(seen) if start >= 0 else 1, message, hint))


def _unknown_names(uow: UnitOfWork, client_id: int, rules: Iterable[RuleSyntax]) -> dict[Name, str]:
    """What rules name and the client does not have, with what was probably meant."""
    wanted = {name for rule in rules for name in _names(rule)}
    unknown: dict[Name, str] = {}
    for kind, has, known, address in KINDS:
        asked = {name for its_kind, name in wanted if its_kind == kind}
        missing = asked - has(uow.session, client_id, list(asked)) if asked else set()
        candidates = known(uow.session, client_id, most=SUGGESTED_FROM) if missing else []
        unknown |= {(kind, name): _suggestion(kind, name, candidates, address) for name in missing}
    return unknown


def _names(rule: RuleSyntax) -> Iterable[Name]:
    for action in rule.actions:
        if isinstance(action, Ticket) and action.policy is not None:
            yield POLICY, action.policy
        if not isinstance(action, Notify):
            continue
        if action.channel == ENDPOINT and action.target != EVERY_ENDPOINT:
            yield ENDPOINT, action.target
        if action.template is not None:
            yield TEMPLATE, action.template


TEMPLATE, POLICY = "template", "escalation policy"
policy_names, known_policies = partial(named.names, EscalationPolicy), partial(named.known, EscalationPolicy)
KINDS = (
    (ENDPOINT, queries.endpoint_names, queries.known_endpoints, "POST /endpoints"),
    (TEMPLATE, queries.template_names, queries.known_templates, "POST /templates"),
    (POLICY, policy_names, known_policies, "POST /escalation-policies"),
)


def _suggestion(kind: str, name: str, known: Sequence[str], address: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f'did you mean "{near[0]}"?' if near else f"make the {kind} first, with {address}"


def _with_known_names(rule: CheckedRule, unknown: Mapping[Name, str]) -> CheckedRule | InvalidInputError:
    for kind, name in _names(rule.syntax) if unknown else ():
        if (kind, name) in unknown:
            return _refused(rule.text, name, f"there is no {kind} '{name}'", unknown[kind, name])
    return rule
