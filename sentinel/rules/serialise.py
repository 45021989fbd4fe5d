"""Rules as plain lists, for JSON or msgpack: workers load them without parsing.

A value of a class is `[its code, its fields …]`, without the last fields that are as they are by default; a tuple is
`[0, its items …]`, everything else itself. Codes, the order of fields and defaults are the format: what changes them
raises FORMAT. New codes and further fields with defaults do not: what was stored before is read as it was.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from sentinel.rules import syntax
from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.syntax import RuleSyntax

FORMAT = 2
TUPLE = 0
CLASSES: dict[int, type] = {
    1: syntax.RuleSyntax,
    2: syntax.Options,
    3: syntax.Every,
    4: syntax.Level,
    5: syntax.Notify,
    6: syntax.Ticket,
    7: syntax.Suppress,
    8: Grouping,
    9: Terms,
    10: syntax.And,
    11: syntax.Or,
    12: syntax.Not,
    13: syntax.Constant,
    14: syntax.Window,
    15: syntax.Comparison,
    16: syntax.Cap,
    17: syntax.Resolve,
    20: syntax.Field,
    21: syntax.Compare,
    22: syntax.Truth,
    23: syntax.Missing,
    24: syntax.OneOf,
    25: syntax.Contains,
    26: syntax.TextTest,
    27: syntax.Network,
    28: syntax.Between,
}
CODES = {each: code for code, each in CLASSES.items()}
FIELDS = {each: tuple((field.name, field.default) for field in fields(each)) for each in CODES}
PLAIN = frozenset({str, int, float, bool, type(None)})


class UnreadableRuleError(ValueError):
    """Stored rules of another version, or damaged: rebuild them from the rules' text."""


def dump(rule: RuleSyntax) -> list[Any]:
    """`rule` as nested lists."""
    return [FORMAT, _plain(rule)]


def grouped_by(grouping: Grouping) -> list[Any]:
    """What tells a rule's groups apart, as `dump` has it in its place; `queries.flushing` looks there."""
    return [_plain(grouping.by), grouping.is_each]


def load(data: Any, shared: dict[Any, Any] | None = None) -> RuleSyntax:
    """The rule that `dump` was given. Hand `shared` from rule to rule, and parts that are equal become one object."""
    if not isinstance(data, list) or len(data) != len(("format", "rule")) or data[0] != FORMAT:
        raise UnreadableRuleError(f"stored rules must be of format {FORMAT}; rebuild them from their text")
    rule = _value(data[1], {} if shared is None else shared)
    if not isinstance(rule, RuleSyntax):
        raise UnreadableRuleError("this is no rule; rebuild it from its text")
    return rule


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [TUPLE, *(_plain(each) for each in value)]
    if is_dataclass(value):
        return [CODES[type(value)], *(_plain(each) for each in _said(value))]
    return value


def _said(value: Any) -> list[Any]:
    """The fields of `value`, without the last ones that go without saying."""
    pairs = [(getattr(value, name), default) for name, default in FIELDS[type(value)]]
    while pairs and pairs[-1][1] is not MISSING and pairs[-1][0] == pairs[-1][1]:
        pairs.pop()
    return [each for each, _ in pairs]


def _value(data: Any, shared: dict[Any, Any]) -> Any:
    if type(data) is not list:
        if type(data) in PLAIN:
            return data
        raise UnreadableRuleError(f"a {type(data).__name__} cannot be part of a rule")
    if not data:
        raise UnreadableRuleError("an empty list cannot be part of a rule")
    # Most parts are texts, and a worker loads millions of parts before it can begin.
    values = tuple([each if type(each) is str else _value(each, shared) for each in data[1:]])
    if data[0] == TUPLE:
        return values
    try:
        made = CLASSES[data[0]](*values)
    except (KeyError, TypeError) as error:
        raise UnreadableRuleError(f"{data[0]!r} with {len(values)} fields is no part of a rule") from error
    # 5 and 5.0 are equal and mean the same in a rule; true and 1 never stand in the same place.
    return shared.setdefault(made, made)
