"""The one way to write a rule: parse(rule_text(rule)) == rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sentinel.durations import written
from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.literals import quoted
from sentinel.rules.syntax import (
    Action,
    And,
    Between,
    Cap,
    Compare,
    Condition,
    Constant,
    Contains,
    Every,
    Field,
    Level,
    Missing,
    Network,
    Not,
    Notify,
    OneOf,
    Options,
    Or,
    Path,
    Plain,
    Resolve,
    RuleSyntax,
    TextTest,
    Ticket,
    Truth,
    Window,
)

USUAL = Terms()
"""What a group is like of which nothing else is said."""

NAME = re.compile(r"[^\W\d]\w*")
RESERVED = frozenset({"and", "or", "not", "in", "is", "then", "true", "false", "null"})


def rule_text(rule: RuleSyntax) -> str:
    """The whole rule on one line."""
    parts = ["when", condition_text(rule.condition), *_options(rule.options)]
    return " ".join([*parts, "then", ", ".join(action_text(each) for each in rule.actions)])


def condition_text(condition: Condition) -> str:
    """One condition, with parentheses only where they are needed."""
    return WRITERS[type(condition)](condition)


def action_text(action: Action) -> str:
    """One action."""
    if isinstance(action, Notify):
        template = f", template={quoted(action.template)}" if action.template is not None else ""
        return f"notify({quoted(f'{action.channel}:{action.target}')}{template})"
    if isinstance(action, Ticket):
        merge = f", merge={quoted(', '.join(map(path_text, action.merge)))}" if action.merge else ""
        policy = f", policy={quoted(action.policy)}" if action.policy is not None else ""
        return f"ticket({quoted(action.severity)}, {quoted(action.title)}{merge}{policy})"
    if isinstance(action, Resolve):
        return f"resolve(merge={quoted(', '.join(map(path_text, action.merge)))})"
    return "suppress()"


def caps_text(caps: Sequence[Cap]) -> str:
    """`10m` for once in it, `3 per 1h, 7 per 1d` for more."""
    if [each.times for each in caps] == [1]:
        return written(caps[0].seconds)
    return ", ".join(f"{each.times} per {written(each.seconds)}" for each in caps)


def path_text(path: Path) -> str:
    """A path, with `event` in front where its first step could be misread."""
    first, *steps = path
    plain = isinstance(first, str) and NAME.fullmatch(first) and first not in RESERVED | {"event", "absent"}
    text = str(first) if plain else f"event{_step(first)}"
    return text + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if NAME.fullmatch(step) else f"[{quoted(step)}]"


def _field(field: Field) -> str:
    path = path_text(field.path)
    return f"{field.function}({path})" if field.function else path


def _plain(value: Plain) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


def _not(*, negated: bool) -> str:
    return "not " if negated else ""


def _compare(node: Compare) -> str:
    return f"{_field(node.field)} {'!=' if node.negated else node.operator} {_plain(node.value)}"


def _truth(node: Truth) -> str:
    return f"{_field(node.field)} {'!=' if node.negated else '=='} {'true' if node.value else 'false'}"


def _missing(node: Missing) -> str:
    if node.field.function:
        return f"{_field(node.field)} is {_not(negated=node.negated)}null"
    return f"{'exists' if node.negated else 'missing'}({_field(node.field)})"


def _one_of(node: OneOf) -> str:
    values = [_plain(each) for each in node.values] + ["true" if each else "false" for each in node.truths]
    return f"{_field(node.field)} {_not(negated=node.negated)}in [{', '.join(values)}]"


def _contains(node: Contains) -> str:
    return f"{_field(node.field)} {_not(negated=node.negated)}contains {_plain(node.value)}"


def _text_test(node: TextTest) -> str:
    value = _pattern(node.value) if node.operator == "matches" else quoted(node.value)
    return f"{_field(node.field)} {_not(negated=node.negated)}{node.operator} {value}"


def _pattern(pattern: str) -> str:
    """Between slashes when it can be read back from there."""
    is_plain = pattern and pattern.isprintable() and "/" not in pattern and not _ends_in_backslash(pattern)
    return f"/{pattern}/" if is_plain else quoted(pattern)


def _ends_in_backslash(pattern: str) -> bool:
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1


def _network(node: Network) -> str:
    return f"{_field(node.field)} {_not(negated=node.negated)}cidr {quoted(node.value)}"


def _between(node: Between) -> str:
    return f"{_field(node.field)} {_not(negated=node.negated)}between {node.low!r} and {node.high!r}"


def _constant(node: Constant) -> str:
    return "true" if node.value else "false"


def _window(node: Window) -> str:
    inner = path_text(node.field.path) if node.field else ""
    parts = ["absent" if node.kind == "absent" else f"{node.kind}({inner})"]
    if node.seconds is not None:
        parts.append(f"over {written(node.seconds)}")
    parts += _by(node.by)
    if node.comparison:
        parts.append(f"{node.comparison.operator} {node.comparison.number!r}")
    return " ".join(parts)


def _negation(node: Not) -> str:
    return f"not {_within(node.condition, And, Or)}"


def _and(node: And) -> str:
    return " and ".join(_within(each, Or) for each in node.conditions)


def _or(node: Or) -> str:
    return " or ".join(condition_text(each) for each in node.conditions)


def _within(condition: Condition, *looser: type) -> str:
    text = condition_text(condition)
    return f"({text})" if isinstance(condition, looser) else text


WRITERS: dict[type, Callable[[Any], str]] = {
    Compare: _compare,
    Truth: _truth,
    Missing: _missing,
    OneOf: _one_of,
    Contains: _contains,
    TextTest: _text_test,
    Network: _network,
    Between: _between,
    Constant: _constant,
    Window: _window,
    Not: _negation,
    And: _and,
    Or: _or,
}


def _by(paths: tuple[Path, ...]) -> list[str]:
    return [f"by {', '.join(path_text(path) for path in paths)}"] if paths else []


def _options(options: Options) -> list[str]:
    parts = _clock(options)
    if options.severity:
        parts.append(f"severity {_levels(options.severity)}")
    parts += _every("throttle", options.throttle) + _every("dedupe", options.dedupe)
    if options.group is not None:
        parts += _grouping(options.group)
    if options.priority:
        parts.append(f"priority {options.priority}")
    return [*parts, "stop"] if options.stop else parts


def _grouping(grouping: Grouping) -> list[str]:
    """Only what is not as it goes without saying."""
    terms = grouping.terms
    parts = ["group", *(["by *"] if grouping.is_each else _by(grouping.by))]
    for word in ("wait", "interval", "repeat", "pause"):
        seconds = getattr(terms, f"{word}_seconds")
        if seconds != getattr(USUAL, f"{word}_seconds"):
            parts.append(f"{word} {'off' if seconds is None else written(seconds)}")
    if not terms.says_resolved:
        parts.append("resolved off")
    if not terms.flap_changes:
        parts.append("flapping off")
    elif (terms.flap_changes, terms.flap_seconds) != (USUAL.flap_changes, USUAL.flap_seconds):
        parts.append(f"flapping {terms.flap_changes} within {written(terms.flap_seconds)}")
    return parts


def _clock(options: Options) -> list[str]:
    """`for` and `keep`; their groups stand after the first of them."""
    words = (("for", options.hold_seconds), ("keep", options.keep_seconds))
    first, *more = [f"{word} {written(seconds)}" for word, seconds in words if seconds is not None] or [""]
    return [first, *_by(options.hold_by), *more] if first else []


def _every(word: str, every: Every | None) -> list[str]:
    return [word, caps_text(every.caps), *_by(every.by)] if every else []


def _levels(levels: tuple[Level, ...]) -> str:
    *conditional, last = levels
    first = ", ".join(_level(each) for each in conditional)
    if not conditional:
        return _level(last)
    return f"{first} else {last.severity}" if last.condition is None else f"{first}, {_level(last)}"


def _level(level: Level) -> str:
    return level.severity if level.condition is None else f"{level.severity} if {condition_text(level.condition)}"
