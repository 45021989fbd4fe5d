"""Text to rule: `parse` and `parse_condition`. The grammar is in grammar.lark."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from lark import Lark, UnexpectedInput

from sentinel.rules import limits
from sentinel.rules.errors import InvalidRuleError, Problem
from sentinel.rules.messages import explained
from sentinel.rules.reader import Reader, WrittenAction, one_of_these
from sentinel.rules.refusal import Place, Refused
from sentinel.rules.syntax import (
    ENDPOINT,
    And,
    Condition,
    Constant,
    Not,
    Notify,
    Or,
    RuleSyntax,
    TextTest,
    Window,
    nodes,
)

WINDOW_TOKENS = frozenset({"EVENTS", "FIGURE", "FIRST", "CHANGE", "ABSENT"})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names that rules may use; the language itself knows no registry. None: any."""

    channels: Collection[str] | None = None
    actions: Collection[str] | None = None


ANYTHING = Vocabulary()


def parse(text: str, vocabulary: Vocabulary = ANYTHING) -> RuleSyntax:
    """Read one rule. Raises `InvalidRuleError`."""
    rule: RuleSyntax
    try:
        rule, actions = _read(text, "rule")
        for each in actions:
            _check_action(each, vocabulary)
        _check_condition(text, rule.condition)
        for level in rule.options.severity:
            if level.condition is not None:
                _check_level(text, level.condition)
    except Refused as refused:
        raise _invalid(text, refused) from None
    return rule


def parse_condition(text: str) -> Condition:
    """Read what stands between `when` and `then`. Raises `InvalidRuleError`."""
    condition: Condition
    try:
        condition = _read(text, "condition")
        _check_condition(text, condition)
    except Refused as refused:
        raise _invalid(text, refused) from None
    return condition


@lru_cache(maxsize=1)
def _lark() -> Lark:
    grammar = resources.files("sentinel.rules").joinpath("grammar.lark").read_text(encoding="utf-8")
    # No positions in the tree: pieces that may be refused keep their tokens, which know where they stand.
    return Lark(grammar, parser="lalr", start=["rule", "condition"], transformer=Reader(), propagate_positions=False)


def _read(text: str, start: str) -> Any:
    if len(text) > limits.TEXT_CHARACTERS:
        place = Place(limits.TEXT_CHARACTERS, 1)
        raise Refused(place, f"this rule has {len(text)} characters", f"at most {limits.TEXT_CHARACTERS}")
    try:
        return _lark().parse(text, start=start)
    except UnexpectedInput as error:
        raise explained(text, error) from None


def _check_action(written: WrittenAction, vocabulary: Vocabulary) -> None:
    name = type(written.action).__name__.lower()
    if vocabulary.actions is not None and name not in vocabulary.actions:
        known = tuple(vocabulary.actions)
        raise Refused(written.name, f"the action '{name}' is not allowed", one_of_these(name, known), expected=known)
    if not isinstance(written.action, Notify) or vocabulary.channels is None:
        return
    known = (*vocabulary.channels, ENDPOINT)
    if written.action.channel not in known:
        channel = written.action.channel
        raise Refused(written.target, f"unknown channel '{channel}'", one_of_these(channel, known), expected=known)


def _check_condition(text: str, condition: Condition) -> None:
    found = list(nodes(condition))
    kept = [node for node, _ in found]
    _refuse_above(max(depth for _, depth in found), limits.DEPTH, "levels of nesting")
    _refuse_above(sum(not isinstance(each, And | Or | Not | Constant) for each in kept), limits.TERMS, "conditions")
    _refuse_above(sum(_is_pattern(each) for each in kept), limits.PATTERNS, "patterns")
    windows = [each for each in kept if isinstance(each, Window)]
    places = list(_window_places(text)) if windows else []
    if len(windows) > limits.WINDOWS:
        raise Refused(places[limits.WINDOWS], f"this rule has {len(windows)} windows", f"at most {limits.WINDOWS}")
    if [each.kind for each in windows].count("absent") > 1:
        raise Refused(places[0], "this rule has two 'absent'", "write a rule for each")
    top = condition.conditions if isinstance(condition, And) else (condition,)
    for window, place in zip(windows, places, strict=False):
        if not any(window is each for each in top):
            message = f"'{window.kind}' looks at many events, so it cannot stand under 'or' or 'not'"
            raise Refused(place, message, "join it by 'and' with all the rest, or write two rules")


def _check_level(text: str, condition: Condition) -> None:
    if any(isinstance(node, Window) for node, _ in nodes(condition)):
        *_, place = _window_places(text)
        raise Refused(place, "a severity cannot depend on a window", "write a rule for each severity")
    _check_condition(text, condition)


def _refuse_above(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise Refused(Place(0, 1), f"this rule has {count} {what}", f"at most {limit}; split it into several rules")


def _is_pattern(condition: Condition) -> bool:
    return isinstance(condition, TextTest) and condition.operator == "matches"


def _window_places(text: str) -> Iterator[Place]:
    tokens = (token for token in _lark().lex(text) if token.type in WINDOW_TOKENS)
    return (Place(token.start_pos or 0, len(token)) for token in tokens)


def _invalid(text: str, refused: Refused) -> InvalidRuleError:
    problem = Problem.at(text, refused.place.start, refused.place.length, refused.message, refused.hint)
    return InvalidRuleError(text, replace(problem, expected=refused.expected))
