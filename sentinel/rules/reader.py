"""From the pieces that the grammar finds to syntax. Each method is named as its piece in grammar.lark."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lark import Token, Transformer, v_args

from sentinel.rules import limits, titles
from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.literals import number_of, pattern_of, seconds_of, text_of, whole_number_of
from sentinel.rules.paths import PathError, paths_of, rooted
from sentinel.rules.refusal import Place, Refused
from sentinel.rules.syntax import (
    SEVERITIES,
    Action,
    Between,
    Cap,
    Compare,
    Comparison,
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
    Path,
    RuleSyntax,
    Suppress,
    TextTest,
    Ticket,
    Truth,
    Window,
    conjunction,
    disjunction,
)


@dataclass(frozen=True, slots=True)
class Written:
    """A value of a rule with the place it stands at."""

    token: Token
    value: Any


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an action; `name` is None for those that go by their place."""

    name: Token | None
    written: Written


@dataclass(frozen=True, slots=True)
class WrittenAction:
    """An action, and where its name and its target stand, for those who know which there are."""

    action: Action
    name: Place
    target: Place


Chosen = tuple[Token, dict[str, Any]]


@v_args(inline=True)
class Reader(Transformer[Token, Any]):
    """Builds syntax bottom-up while the parser runs, so that no tree is ever made."""

    def rule(self, condition: Condition, *rest: Any) -> tuple[RuleSyntax, list[WrittenAction]]:
        """Put the rule together; each option at most once."""
        chosen: dict[str, Any] = {}
        for token, option in (each for each in rest if isinstance(each, tuple)):
            _refuse_again(token, chosen.keys() & option.keys())
            chosen |= option
        actions = [each for each in rest if isinstance(each, WrittenAction)]
        return RuleSyntax(condition, tuple(each.action for each in actions), Options(**chosen)), actions

    def hold(self, word: Token, duration: Token, by: tuple[Path, ...] = ()) -> Chosen:
        return word, {"hold_seconds": seconds_of(duration), **_hold_by(by)}

    def keep(self, word: Token, duration: Token, by: tuple[Path, ...] = ()) -> Chosen:
        return word, {"keep_seconds": seconds_of(duration), **_hold_by(by)}

    def throttle(self, word: Token, *rest: Any) -> Chosen:
        """Once in a duration, or caps of which all must allow it."""
        if isinstance(rest[0], Token):
            return word, {"throttle": Every(seconds_of(rest[0]), _by(rest))}
        first, *further = _caps(word, [each for each in rest if isinstance(each, Cap)])
        return word, {"throttle": Every(first.seconds, _by(rest), first.times, tuple(further))}

    def cap(self, times: Token, duration: Token) -> Cap:
        return Cap(whole_number_of(times, low=1, high=limits.CAP_TIMES), seconds_of(duration))

    def dedupe(self, word: Token, duration: Token, by: tuple[Path, ...] = ()) -> Chosen:
        return word, {"dedupe": Every(seconds_of(duration), by)}

    def priority(self, word: Token, number: Token) -> Chosen:
        return word, {"priority": whole_number_of(number, low=-limits.PRIORITY, high=limits.PRIORITY)}

    def stop(self, word: Token) -> Chosen:
        return word, {"stop": True}

    def grouping(self, word: Token, *parts: Chosen) -> Chosen:
        """Which messages belong together, and when they are told; each part at most once."""
        chosen: dict[str, Any] = {}
        for token, part in parts:
            if chosen.keys() & part.keys():
                raise Refused(word, f"'{token}' stands twice in this group", "leave one of them out")
            chosen |= part
        by = chosen.pop("by", ())
        if by and len(by) > limits.GROUP_PATHS:
            raise Refused(word, f"these groups have {len(by)} fields", f"at most {limits.GROUP_PATHS}")
        return word, {"group": Grouping(by or (), by is None, Terms(**chosen))}

    def grouping_by(self, by: tuple[Path, ...]) -> Chosen:
        return Token("BY", "by"), {"by": by}

    def grouping_by_alert(self, word: Token) -> Chosen:
        return word, {"by": None}

    def grouping_time(self, word: Token, duration: Token) -> Chosen:
        """Nothing has to wait, and an alert may be told as soon as it fires; all else takes its time."""
        if duration.type == "OFF":
            return word, {"repeat_seconds": None}
        low = 0 if word.type in {"WAIT", "PAUSE"} else 1
        return word, {f"{word}_seconds": seconds_of(duration, low=low)}

    def grouping_resolved(self, word: Token, _off: Token) -> Chosen:
        return word, {"says_resolved": False}

    def grouping_flapping(self, word: Token, *parts: Token) -> Chosen:
        if parts[0].type == "OFF":
            return word, {"flap_changes": 0}
        number, duration = parts
        changes = whole_number_of(number, low=1, high=limits.FLAP_CHANGES)
        return word, {"flap_changes": changes, "flap_seconds": seconds_of(duration)}

    def severity(self, word: Token, *parts: Any) -> Chosen:
        """Levels, and what holds otherwise."""
        levels = [each for each in parts if isinstance(each, Level)]
        if isinstance(parts[-1], Token):
            levels.append(Level(severity_of(parts[-1], parts[-1])))
        if any(each.condition is None for each in levels[:-1]):
            raise Refused(
                word, "a severity without 'if' ends the list", "write: severity high if a > 5, medium if a > 3 else low"
            )
        return word, {"severity": tuple(levels)}

    def level(self, name: Token, condition: Condition | None = None) -> Level:
        return Level(severity_of(name, name), condition)

    def by(self, *paths: Path) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(paths))

    def condition(self, *parts: Condition) -> Condition:
        return disjunction(parts)

    def conjunction(self, *parts: Condition) -> Condition:
        return conjunction(parts)

    def negation(self, condition: Condition) -> Condition:
        return Not(condition)

    def group(self, condition: Condition) -> Condition:
        return condition

    def compare(self, field: Field, operator: Token, written: Written) -> Condition:
        """`==` and `!=` for every value, order for numbers."""
        negated = operator == "!="
        if operator in {"==", "!="}:
            return _equal(field, written.value, negated=negated)
        if isinstance(written.value, str | bool) or written.value is None:
            message = f"'{operator}' compares numbers, found {written.token}"
            raise Refused(written.token, message, _number_hint(written.value))
        return Compare(field, str(operator), written.value)

    def one_of(self, field: Field, *parts: Any) -> Condition:
        """Keep each value once; true and false apart from 1 and 0."""
        written = [each for each in parts if isinstance(each, Written)]
        for each in written:
            if each.value is None:
                raise Refused(each.token, "null cannot stand in a list", "write: missing(…) or … in […]")
        if len(written) > limits.LIST_VALUES:
            last = written[limits.LIST_VALUES].token
            raise Refused(last, f"this list has {len(written)} values", f"at most {limits.LIST_VALUES}")
        values = dict.fromkeys(each.value for each in written if not isinstance(each.value, bool))
        truths = {each.value for each in written if isinstance(each.value, bool)}
        return OneOf(field, tuple(values), tuple(sorted(truths)), negated=_is_negated(parts))

    def text_test(self, field: Field, *parts: Token) -> Condition:
        """Tests on text; `contains` also looks for numbers in lists."""
        operator, token = parts[-2], parts[-1]
        negated = _is_negated(parts)
        value = text_of(token) if token.type == "STRING" else number_of(token)
        if operator == "contains":
            return Contains(field, value, negated)
        if not isinstance(value, str):
            raise Refused(token, f"'{operator}' needs a text, found {token}", f'text values need quotes: "{token}"')
        if operator == "cidr":
            return Network(field, _network(token, value), negated)
        return TextTest(field, str(operator), value, negated)

    def matches(self, field: Field, *parts: Token) -> Condition:
        return TextTest(field, "matches", pattern_of(parts[-1]), negated=_is_negated(parts))

    def between(self, field: Field, *parts: Token) -> Condition:
        """Both ends are included."""
        low, high = (number_of(each) for each in parts if each.type == "NUMBER")
        if low > high:
            raise Refused(parts[-1], f"nothing lies between {low} and {high}", "write the smaller number first")
        return Between(field, low, high, negated=_is_negated(parts))

    def is_null(self, field: Field, *parts: Token) -> Condition:
        return Missing(field, negated=_is_negated(parts))

    def presence(self, word: Token, path: Path) -> Condition:
        return Missing(Field(path), negated=word == "exists")

    def truth(self, field: Field) -> Condition:
        return Truth(field)

    def constant(self, token: Token) -> Condition:
        return Constant(token == "true")

    def events_window(self, kind: Token, duration: Token, *rest: Any) -> Condition:
        return Window(str(kind), None, seconds_of(duration), _by(rest), _comparison(rest))

    def figure_window(self, kind: Token, path: Path, duration: Token, *rest: Any) -> Condition:
        return Window(str(kind), Field(path), seconds_of(duration), _by(rest), _comparison(rest))

    def first_window(self, kind: Token, path: Path, duration: Token, *rest: Any) -> Condition:
        return Window(str(kind), Field(path), seconds_of(duration), _by(rest))

    def change_window(self, kind: Token, path: Path, *rest: Any) -> Condition:
        return Window(str(kind), Field(path), None, _by(rest))

    def absent_window(self, kind: Token, duration: Token, *rest: Any) -> Condition:
        return Window(str(kind), None, seconds_of(duration), _by(rest))

    def field(self, *parts: Any) -> Field:
        return Field(parts[-1], str(parts[0]) if len(parts) > 1 else "")

    def path(self, first: Token, *steps: str | int) -> Path:
        """Leave out `event.`, which says nothing new."""
        path = rooted((str(first), *steps))
        if len(path) > limits.PATH_STEPS:
            raise Refused(first, f"this path has {len(path)} steps", f"at most {limits.PATH_STEPS}")
        return path

    def step(self, token: Token) -> str | int:
        """One step down: a name or the place in a list."""
        if token.type == "NUMBER":
            return whole_number_of(token, low=0, high=limits.LIST_VALUES)
        return text_of(token) if token.type == "STRING" else str(token)

    def value(self, token: Token) -> Written:
        if token.type == "STRING":
            return Written(token, text_of(token))
        if token.type == "NUMBER":
            return Written(token, number_of(token))
        return Written(token, None if token.type == "NULL" else token == "true")

    def argument(self, *parts: Any) -> Argument:
        return Argument(parts[0] if len(parts) > 1 else None, parts[-1])

    def action(self, name: Token, *arguments: Argument) -> WrittenAction:
        """Check the arguments of the action against what it takes."""
        if name not in SIGNATURES:
            raise Refused(
                name, f"unknown action '{name}'", one_of_these(str(name), SIGNATURES), expected=tuple(SIGNATURES)
            )
        given = _given(name, arguments)
        place = Place(name.start_pos or 0, len(name))
        target = given[0].token if given and given[0] else name
        return WrittenAction(ACTIONS[str(name)](given), place, Place(target.start_pos or 0, len(target)))


@dataclass(frozen=True, slots=True)
class Signature:
    """The arguments of an action, and how it is written."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    example: str


SIGNATURES = {
    "notify": Signature(("target",), ("template",), 'notify("slack:#ops")'),
    "ticket": Signature(("severity", "title"), ("merge",), 'ticket("critical", "Device {device_id} offline")'),
    "suppress": Signature((), (), "suppress()"),
}


def severity_of(token: Token, name: str) -> str:
    """One of the four severities, in any case."""
    if name.lower() not in SEVERITIES:
        raise Refused(token, f"unknown severity '{name}'", one_of_these(name.lower(), SEVERITIES), expected=SEVERITIES)
    return name.lower()


def one_of_these(name: str, known: Sequence[str] | dict[str, Any]) -> str:
    """The nearest of the known names, or all of them."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known)}"


def _given(name: Token, arguments: tuple[Argument, ...]) -> list[Written | None]:
    signature = SIGNATURES[str(name)]
    names = signature.needed + signature.optional
    found: dict[str, Written] = {}
    for place, each in enumerate(arguments):
        key = str(each.name) if each.name else names[place] if place < len(names) else ""
        if key not in names or key in found:
            raise Refused(
                each.name or each.written.token, f"'{name}' does not take this", f"write: {signature.example}"
            )
        if not isinstance(each.written.value, str):
            message = f"'{name}' takes texts, found {each.written.token}"
            raise Refused(each.written.token, message, f"write: {signature.example}")
        found[key] = each.written
    for key in signature.needed:
        if key not in found:
            raise Refused(name, f"'{name}' needs its {key}", f"write: {signature.example}")
    return [found.get(key) for key in names]


def _notify(given: list[Written | None]) -> Action:
    target, template = given
    assert target is not None  # noqa: S101 - _given has seen to it
    channel, colon, address = target.value.partition(":")
    if not (colon and channel.strip() and address.strip()):
        message = f"{target.token} is no target"
        raise Refused(target.token, message, 'write channel and target: "slack:#ops", "endpoint:name"')
    return Notify(channel.strip().lower(), address.strip(), template.value if template else None)


def _ticket(given: list[Written | None]) -> Action:
    severity, title, merge = given
    assert severity is not None and title is not None  # noqa: S101, PT018 - as above
    name = severity_of(severity.token, severity.value)
    try:
        titles.pieces(title.value)
    except titles.TitleError as error:
        raise Refused(title.token, str(error), "write {field} or {number:.1f}; {{ for a brace") from error
    return Ticket(name, title.value, _merge(merge) if merge else ())


def _merge(written: Written) -> tuple[Path, ...]:
    try:
        return paths_of(written.value)
    except PathError as error:
        hint = 'write fields: merge="device_id" or merge="region, device.id"'
        raise Refused(written.token, str(error), hint) from error


def _suppress(_given: list[Written | None]) -> Action:
    return Suppress()


ACTIONS = {"notify": _notify, "ticket": _ticket, "suppress": _suppress}


def _hold_by(by: tuple[Path, ...]) -> dict[str, Any]:
    return {"hold_by": by} if by else {}


def _refuse_again(token: Token, given: set[str]) -> None:
    """No option twice; `for` and `keep` are told their groups together."""
    if given == {"hold_by"}:
        raise Refused(token, "'for' and 'keep' have the same groups", "write 'by' after one of them only")
    if given:
        raise Refused(token, f"'{token}' stands twice", "leave one of them out")


def _caps(word: Token, caps: list[Cap]) -> list[Cap]:
    """Each of a time of its own, and few enough."""
    if len(caps) > limits.CAPS:
        raise Refused(word, f"this throttle has {len(caps)} caps", f"at most {limits.CAPS}")
    if len({each.seconds for each in caps}) < len(caps):
        raise Refused(word, "two caps are for the same time", "keep the smaller one of them")
    return caps


def _equal(field: Field, value: Any, *, negated: bool) -> Condition:
    if value is None:
        return Missing(field, negated)
    if isinstance(value, bool):
        return Truth(field, value, negated)
    return Compare(field, "==", value, negated)


def _number_hint(value: Any) -> str:
    try:
        return f"write {float(value):g} without quotes" if isinstance(value, str) else "write a number"
    except ValueError:
        return "write a number"


def _is_negated(parts: Sequence[Any]) -> bool:
    return any(isinstance(each, Token) and each.type == "NOT_WORD" for each in parts)


def _network(token: Token, text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise Refused(token, f"{token} is no network: {error}", 'write one such as "10.0.0.0/8"') from error


def _by(rest: Sequence[Any]) -> tuple[Path, ...]:
    return next((each for each in rest if isinstance(each, tuple)), ())


def _comparison(rest: Sequence[Any]) -> Comparison:
    operator, number = rest[-2:]
    if operator == "!=":
        raise Refused(operator, "'!=' cannot stand after a window", "use ==, <, <=, > or >=")
    return Comparison(str(operator), number_of(number))
