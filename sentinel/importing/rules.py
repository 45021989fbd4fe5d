"""From the nodes of the tree to rules as they are written. Pure.

A node has one rule, or two where only some of its receiver's endpoints hear that alerts are resolved. Each is right by
itself, as long as that can be said in one rule. The last node of hundreds cannot deny all of them: it is asked after
them, by its priority, and they say `stop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sentinel.importing import configuration
from sentinel.importing.naming import LONGEST_RULE, distinct
from sentinel.importing.plan import PlannedEndpoint, PlannedRule
from sentinel.importing.routes import Node, after_others
from sentinel.rules import limits
from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.parser import parse
from sentinel.rules.printer import rule_text
from sentinel.rules.syntax import ENDPOINT, Condition, Notify, Options, RuleSyntax, Suppress

ENDING = -1
"""The priority of rules that stop: below that of rules that name none, so that `stop` reaches imported rules only."""

LAST = -limits.PRIORITY
"""The priority of what is wanted by nobody: `suppress()` silences what comes after it, so nothing does."""


@dataclass(frozen=True, slots=True)
class Told:
    """A node, when it answers, the endpoints that hear of it, and whether its receiver is meant to have none."""

    node: Node
    condition: Condition
    endpoints: Sequence[PlannedEndpoint]
    is_nobody: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rule of a node will say; `note` tells it from the node's other one."""

    told: Told
    syntax: RuleSyntax
    note: str = ""

    @property
    def problem(self) -> str | None:
        """Why it cannot be written; None when it can."""
        try:
            parse(rule_text(self.syntax))
        except InvalidRuleError as error:
            return str(error)
        return None


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A node that the rule language has no room for."""

    node: Node
    why: str


@dataclass(frozen=True, slots=True)
class Written:
    """The rules, and what has none. `is_ordered`: some are right only after others."""

    rules: Sequence[PlannedRule]
    unwritten: Sequence[Unwritten]
    is_ordered: bool


def written(told: Sequence[Told], prefix: str) -> Written:
    """Write the rules of all nodes."""
    long = {each.node.route.place for each in told if any(draft.problem for draft in _drafts(each))}
    if not long:
        return Written(_named([draft for each in told for draft in _drafts(each)], prefix), (), is_ordered=False)
    drafts = [draft for each in told if each.node.route.place not in long for draft in _ending(_drafts(each), each)]
    late = [replace(each, condition=after_others(each.node)) for each in told if each.node.route.place in long]
    links = [link for each in late for link in _ending(_drafts(each), each)]
    ordered = [_with(each, priority=ENDING - number) for number, each in enumerate(links, start=1)]
    unwritten = [Unwritten(each.told.node, each.problem) for each in ordered if each.problem]
    kept = [each for each in ordered if each.problem is None]
    return Written(_named([*drafts, *kept], prefix), unwritten, is_ordered=True)


def _ending(drafts: Iterable[Draft], told: Told) -> Iterator[Draft]:
    """The rules of a node; if nothing after it answers, the last of them says so."""
    *first, last = [*drafts] or [Draft(told, RuleSyntax(told.condition, (Suppress(),)))]
    yield from first
    if told.node.ends:
        yield _with(last, priority=ENDING, stop=True)
    elif told.endpoints or told.is_nobody:
        yield last


def _drafts(told: Told) -> Iterator[Draft]:
    if told.is_nobody:
        yield Draft(told, RuleSyntax(told.condition, (Suppress(),), Options(priority=LAST)))
    firing_only, told_all = (
        [each.name for each in told.endpoints if each.tells_resolved is tells_resolved]
        for tells_resolved in (False, True)
    )
    if firing_only:
        note = " (while it fires)" if told_all else ""
        yield Draft(told, _notifying(told, firing_only, tells_resolved=False), note)
    if told_all:
        yield Draft(told, _notifying(told, told_all, tells_resolved=True))


def _notifying(told: Told, names: Sequence[str], *, tells_resolved: bool) -> RuleSyntax:
    actions = tuple(Notify(ENDPOINT, name) for name in names)
    group = _grouping(told.node.route.grouping, tells_resolved=tells_resolved)
    return RuleSyntax(told.condition, actions, Options(group=group))


def _grouping(said: configuration.Grouping, *, tells_resolved: bool) -> Grouping:
    """The groups of a route. What is resolved ends in them, whether or not it is told."""
    terms = Terms(
        wait_seconds=said.wait,
        interval_seconds=max(1, said.interval),
        repeat_seconds=max(1, said.repeat) if said.repeat <= limits.SECONDS else None,
        says_resolved=tells_resolved,
    )
    if configuration.EACH_ALERT in said.by:
        return Grouping(is_each=True, terms=terms)
    return Grouping(tuple(("labels", name) for name in said.by[: limits.GROUP_PATHS]), terms=terms)


def _with(draft: Draft, **options: Any) -> Draft:
    return replace(draft, syntax=replace(draft.syntax, options=replace(draft.syntax.options, **options)))


def _named(drafts: Iterable[Draft], prefix: str) -> list[PlannedRule]:
    found: dict[str, PlannedRule] = {}
    for each in drafts:
        name = distinct(f"{prefix}: {each.told.node.name}{each.note}", found, LONGEST_RULE)
        found[name] = PlannedRule(name, rule_text(each.syntax), each.told.node.route.receiver)
    return list(found.values())
