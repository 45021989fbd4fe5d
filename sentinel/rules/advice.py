"""What a writer of a rule should know though nothing is wrong: where it is indexed, and where it may surprise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sentinel.rules.anchors import Anchor, access, alternatives, anchors, demands
from sentinel.rules.printer import condition_text, path_text, rule_text
from sentinel.rules.syntax import Condition, Missing, RuleSyntax, Term, nodes
from sentinel.rules.windows import split

SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Opinion:
    """How a rule is understood, on one line; how events find it; and what may surprise."""

    canonical: str
    index: str
    warnings: list[str]


def opinion(rule: RuleSyntax) -> Opinion:
    """Say what a rule without errors is."""
    return Opinion(rule_text(rule), placement(rule.condition), warnings(rule.condition))


def is_scanned(condition: Condition) -> bool:
    """Whether nothing narrows it down: it is asked on every event of its client."""
    return access(split(condition).rest) == SCAN


def placement(condition: Condition) -> str:
    """How events find a rule: `indexed on type`, `indexed on amount (range)`, or `scan`.

    Of several fields the index takes the one whose value fewest other rules share.
    """
    rest = split(condition).rest
    kind = access(rest)
    if kind == SCAN:
        return SCAN
    found = list(_held_by(rest))
    best = [each for each in found if each.is_equality] or found[:1]
    fields = ", ".join(dict.fromkeys(path_text(each.field.path) for each in best))
    return f"indexed on {fields}" + ("" if kind == "equality" else f" ({kind})")


def warnings(condition: Condition) -> list[str]:
    """A sentence for each condition that is true of events which lack its field, and one for a rule that is scanned."""
    rest = split(condition).rest
    parts = demands(rest)
    certain = {each.field.path for each in parts if isinstance(each, Term) and _proves_presence(each)}
    found = [
        f"{condition_text(term)} is also true when {path_text(term.field.path)} is missing; "
        f"add exists({path_text(term.field.path)}) if that is not meant"
        for part in parts
        for term in _negations(part)
        if term.field.path not in certain
    ]
    if access(rest) == SCAN:
        found.append("no field narrows this rule down, so every event asks it; add an equality such as type == …")
    return found


def _held_by(rest: Condition) -> Iterator[Anchor]:
    parts = demands(rest)
    yield from anchors(parts)
    for branch in alternatives(parts) or ():
        yield from anchors(branch)


def _proves_presence(term: Term) -> bool:
    return term.negated if isinstance(term, Missing) else not term.negated


def _negations(condition: Condition) -> Iterator[Term]:
    for node, _ in nodes(condition):
        if isinstance(node, Term) and node.negated and not isinstance(node, Missing):
            yield node
