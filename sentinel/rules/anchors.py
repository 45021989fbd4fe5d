"""Where the index may hold a condition: what an event must have for it to be true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from sentinel.rules.conditions import text_pattern
from sentinel.rules.syntax import (
    And,
    Between,
    Compare,
    Condition,
    Constant,
    Contains,
    Field,
    Network,
    Not,
    OneOf,
    Or,
    Plain,
    Term,
    TextTest,
    Truth,
    conjunction,
    conjuncts,
    disjunction,
)

Conjuncts = tuple[Condition, ...]
Key = tuple[str, Any]
"""A table of the index, and the key in it: a value, a threshold or a pattern."""

TEXT, NUMBER, BOOLEAN, MEMBER, NETWORK, PATTERN = "text", "number", "boolean", "member", "network", "pattern"
EQUALITY = frozenset({TEXT, NUMBER, BOOLEAN, MEMBER, NETWORK})
MOST_KEYS = 64
"""A longer list costs more places than it saves."""


class Anchor(NamedTuple):
    """A field of an event and what it must be; `left` is what must hold besides, once the field is one of `keys`.

    `rank` orders the ways to hold a rule: a table first, then one pass of RE2, then thresholds, of which a value passes
    many.
    """

    field: Field
    keys: tuple[Key, ...]
    left: Conjuncts
    rank: int

    @property
    def is_equality(self) -> bool:
        """Whether a look into a table is enough."""
        return self.rank == 0


def anchors(parts: Conjuncts) -> Iterator[Anchor]:
    """Every way to hold a conjunction under one field; `left` leaves out what the key already proves."""
    for place, condition in enumerate(parts):
        if isinstance(condition, Term) and not condition.negated and 0 < len(keys := _keys(condition)) <= MOST_KEYS:
            left = parts[:place] + _unproven(condition) + parts[place + 1 :]
            rank = _rank(keys[0][0]) if len(keys) == 1 else max(_rank(table) for table, _ in keys)
            yield Anchor(condition.field, keys, left, rank)


def alternatives(parts: Conjuncts) -> tuple[Conjuncts, ...] | None:
    """The first disjunction spread out, if each of its branches can be held somewhere; else None.

    Only one is ever spread, the others stay conditions: spreading all of them would grow exponentially.
    """
    for place, condition in enumerate(parts):
        if isinstance(condition, Or):
            rest = parts[:place] + parts[place + 1 :]
            branches = tuple(conjuncts(each) for each in condition.conditions)
            if all(any(True for _ in anchors(branch)) for branch in branches):
                return tuple(branch + rest for branch in branches)
    return None


def access(condition: Condition) -> str:
    """How the index finds a rule with this condition: `equality`, `range`, `text`, or `scan` (asked on every event)."""
    parts = demands(condition)
    found = list(anchors(parts))
    if any(each.is_equality for each in found):
        return "equality"
    if not found:
        spread = alternatives(parts)
        return "equality" if spread else "scan"
    return "text" if any(table == PATTERN for each in found for table, _ in each.keys) else "range"


def demands(condition: Condition) -> Conjuncts:
    """What must all hold, as many and as small as can be: `not (a or b)` is two demands. Nothing that always holds."""
    return tuple(each for each in conjuncts(_pushed(condition, negated=False)) if each != Constant(True))


def _pushed(condition: Condition, *, negated: bool) -> Condition:
    """The same condition with `not` at its terms only: exact, for conditions are either true or false."""
    if isinstance(condition, Not):
        return _pushed(condition.condition, negated=not negated)
    if isinstance(condition, And | Or):
        join = conjunction if isinstance(condition, And) != negated else disjunction
        return join(_pushed(each, negated=negated) for each in condition.conditions)
    if isinstance(condition, Constant):
        return Constant(condition.value != negated)
    return replace(condition, negated=not condition.negated) if negated and isinstance(condition, Term) else condition


def _rank(table: str) -> int:
    return 0 if table in EQUALITY else 1 if table == PATTERN else 2


def _table(value: Plain) -> str:
    return TEXT if isinstance(value, str) else NUMBER


def _unproven(condition: Condition) -> Conjuncts:
    """What a key says too little about: that of `between` is its lower end."""
    return (Compare(condition.field, "<=", condition.high),) if isinstance(condition, Between) else ()


def _keys(term: Term) -> tuple[Key, ...]:
    keys = KEYS.get(type(term))
    return keys(term) if keys else ()


def _of_comparison(term: Compare) -> tuple[Key, ...]:
    return ((_table(term.value) if term.operator == "==" else term.operator, term.value),)


def _of_list(term: OneOf) -> tuple[Key, ...]:
    values = tuple((_table(each), each) for each in term.values)
    return values + tuple((BOOLEAN, each) for each in term.truths)


def _of_contains(term: Contains) -> tuple[Key, ...]:
    member = ((MEMBER, term.value),)
    return (*member, (PATTERN, text_pattern(term))) if isinstance(term.value, str) else member


KEYS: dict[type, Callable[[Any], tuple[Key, ...]]] = {
    Compare: _of_comparison,
    OneOf: _of_list,
    Contains: _of_contains,
    Truth: lambda term: ((BOOLEAN, term.value),),
    Network: lambda term: ((NETWORK, term.value),),
    TextTest: lambda term: ((PATTERN, text_pattern(term)),),
    Between: lambda term: ((">=", term.low),),
}
"""Missing values have no key: they are asked."""
