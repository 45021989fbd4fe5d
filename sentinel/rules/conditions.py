"""Conditions as predicates: closures over an event, total and two-valued. No text of a rule ever becomes code.

A missing or wrongly typed value makes a comparison false; a negated comparison is exactly its opposite, so it is then
true. Nothing is converted, and true is not 1.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from sentinel.rules.fields import reader
from sentinel.rules.patterns import literal, single
from sentinel.rules.syntax import (
    And,
    Between,
    Compare,
    Condition,
    Constant,
    Contains,
    Missing,
    Network,
    Not,
    OneOf,
    Or,
    Plain,
    Term,
    TextTest,
    Truth,
    Window,
)

Predicate = Callable[[Any], bool]
Test = Callable[[Any], bool]
"""From the value of a field to whether the condition holds, before any negation."""

NUMBERS = frozenset({int, float})
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CACHED_TESTS = 50_000
CACHED_ADDRESSES = 1000


def predicate(condition: Condition) -> Predicate:
    """A function that says of an event whether `condition` holds. It never raises."""
    if isinstance(condition, And):
        return all_of(predicate(each) for each in condition.conditions)
    if isinstance(condition, Or):
        return _any_of(tuple(predicate(each) for each in condition.conditions))
    if isinstance(condition, Not):
        return _opposite(predicate(condition.condition))
    if isinstance(condition, Constant):
        return _always if condition.value else _never
    if isinstance(condition, Window):
        raise TypeError("a window looks at many events; ask windows.split for the rest of the rule")
    return _of_field(condition)


def all_of(predicates: Iterable[Predicate]) -> Predicate:
    """All of them, the first that fails decides."""
    parts = tuple(predicates)
    if len(parts) == 1:
        return parts[0]

    def holds(event: Any) -> bool:
        for part in parts:  # noqa: SIM110 - a generator costs twice as much here
            if not part(event):
                return False
        return True

    return holds


@lru_cache(maxsize=CACHED_TESTS)
def test(term: Term) -> Test:
    """The test of the value, without negation."""
    return TESTS[type(term)](term)


def fits(term: Term, value: Any) -> bool:
    """Whether `value` is of a type that `term` can be about."""
    if isinstance(term, Missing):
        return True
    kind = "number" if type(value) in NUMBERS else type(value).__name__
    return kind in _kinds(term)


def _of_field(term: Term) -> Predicate:
    read, holds = reader(term.field), test(term)
    if term.negated:
        return lambda event: not holds(read(event))
    return lambda event: holds(read(event))


def _any_of(parts: tuple[Predicate, ...]) -> Predicate:
    def holds(event: Any) -> bool:
        for part in parts:  # noqa: SIM110 - as in all_of
            if part(event):
                return True
        return False

    return holds


def _opposite(part: Predicate) -> Predicate:
    return lambda event: not part(event)


def _always(_event: Any) -> bool:
    return True


def _never(_event: Any) -> bool:
    return False


def _compare(term: Compare) -> Test:
    expected = term.value
    if isinstance(expected, str):
        return lambda value: type(value) is str and value == expected
    if term.operator == "==":
        return lambda value: type(value) in NUMBERS and value == expected
    order = ORDER[term.operator]
    return lambda value: type(value) in NUMBERS and order(value, expected)


def _truth(term: Truth) -> Test:
    expected = term.value
    return lambda value: value is expected


def _missing(_term: Missing) -> Test:
    return lambda value: value is None


def _one_of(term: OneOf) -> Test:
    texts = frozenset(each for each in term.values if isinstance(each, str))
    numbers = frozenset(each for each in term.values if not isinstance(each, str))
    by_type: dict[type, frozenset[Any]] = {str: texts, int: numbers, float: numbers, bool: frozenset(term.truths)}
    nothing: frozenset[Any] = frozenset()
    return lambda value: (known := by_type.get(type(value), nothing)) is not nothing and value in known


def _contains(term: Contains) -> Test:
    part = term.value
    is_part = _equals(part)

    def holds(value: Any) -> bool:
        if type(value) is str:
            return isinstance(part, str) and part in value
        return type(value) is list and any(is_part(each) for each in value)

    return holds


def _equals(expected: Plain) -> Test:
    if isinstance(expected, str):
        return lambda value: type(value) is str and value == expected
    return lambda value: type(value) in NUMBERS and value == expected


def _text_test(term: TextTest) -> Test:
    part = term.value
    if term.operator == "startswith":
        return lambda value: type(value) is str and value.startswith(part)
    if term.operator == "endswith":
        return lambda value: type(value) is str and value.endswith(part)
    found_in = single(text_pattern(term)).found_in
    return lambda value: type(value) is str and bool(found_in(value))


def text_pattern(term: TextTest | Contains) -> str:
    """The RE2 pattern that holds for exactly the texts that `term` holds for."""
    text = str(term.value)
    if isinstance(term, Contains):
        return literal(text)
    if term.operator == "matches":
        return text
    # icontains is RE2's idea of case, here and in the index: Python's differs for a few letters.
    before = {"icontains": "(?i)", "startswith": r"\A"}.get(term.operator, "")
    return literal(text, before=before, after=r"\z" if term.operator == "endswith" else "")


def _network(term: Network) -> Test:
    network = ipaddress.ip_network(term.value)
    version, mask, base = network.version, int(network.netmask), int(network.network_address)

    def holds(value: Any) -> bool:
        address = address_of(value) if type(value) is str else None
        return address is not None and address[0] == version and address[1] & mask == base

    return holds


@lru_cache(maxsize=CACHED_ADDRESSES)
def address_of(text: str) -> tuple[int, int] | None:
    """Version and number of an address; None when the text is none. Kept, because many rules ask about the same one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return address.version, int(address)


def _between(term: Between) -> Test:
    low, high = term.low, term.high
    return lambda value: type(value) in NUMBERS and low <= value <= high


TESTS: dict[type, Callable[[Any], Test]] = {
    Compare: _compare,
    Truth: _truth,
    Missing: _missing,
    OneOf: _one_of,
    Contains: _contains,
    TextTest: _text_test,
    Network: _network,
    Between: _between,
}


def _kinds(term: Term) -> set[str]:
    if isinstance(term, Compare):
        return {"str"} if isinstance(term.value, str) else {"number"}
    if isinstance(term, OneOf):
        listed = {"str" if isinstance(each, str) else "number" for each in term.values}
        return listed | ({"bool"} if term.truths else set())
    if isinstance(term, Contains):
        return {"str", "list"}
    return {Truth: {"bool"}, Between: {"number"}}.get(type(term), {"str"})
