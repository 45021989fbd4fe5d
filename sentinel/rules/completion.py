"""What may be written next in a rule: words that the grammar allows here, and names that are known to exist."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.lexemes import Lexeme, lexemes
from sentinel.rules.literals import quoted
from sentinel.rules.parser import parse
from sentinel.rules.printer import path_text
from sentinel.rules.syntax import ENDPOINT, EVERY_ENDPOINT, SEVERITIES

MOST_WORDS = 12
MOST_VALUES = 20
"""Different values of one field that are remembered."""
DEEPEST = 3
LONGEST_VALUE = 60

PARTIAL = re.compile(r"(?<![\w.\]])[^\W\d]\w*+(?:\.\w*+|\[\d++\])*+\Z")
DURATIONS = ("1m", "5m", "15m", "1h", "1d")
ACTIONS = {
    "notify": ('notify("")', "send a message", 2),
    "ticket": ('ticket("", "")', "open a ticket", 6),
    "resolve": ('resolve(merge="")', "resolve the ticket that a rule opened", 2),
    "suppress": ("suppress()", "nobody wants to hear of it", 0),
}
FUNCTIONS = {
    "count()": ("count() over ", "events in a while", 0),
    "rate()": ("rate() over ", "events per second", 0),
    "spike()": ("spike() over ", "more than before", 0),
    "absent over": ("absent over ", "nothing came", 0),
    "exists()": ("exists()", "the field is there", 1),
    "missing()": ("missing()", "the field is not there", 1),
    "lower()": ("lower()", "in small letters", 1),
    "number()": ("number()", "the number that a text says", 1),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word to choose: as it is shown, what it puts in, and what it is.

    `back`: so many characters before the end of what it puts in one goes on to write.
    """

    text: str
    insert: str
    about: str
    back: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """Words that fit, and the offset from which on what is written gives way to one of them."""

    start: int
    words: list[Suggestion]


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What a client's rules may speak of. `values`: of each field that events had lately, most frequent first."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    channels: Sequence[str] = ()
    endpoints: Sequence[str] = ()
    templates: Sequence[str] = ()
    policies: Sequence[str] = ()


def complete(before: str, known: KnownNames) -> Completion:
    """Say what may follow `before`, which ends where somebody writes; within a comment nothing."""
    every = list(lexemes(before))
    if every and every[-1].kind == "comment":
        return Completion(len(before), [])
    pieces = [each for each in every if each.kind not in {"space", "comment"}]
    if pieces and _is_open(pieces[-1]) and before.endswith(pieces[-1].text):
        start = len(before) - len(pieces[-1].text)
        return Completion(start, _fitting(pieces[-1].text[1:], _texts(pieces[:-1], known)))
    partial = PARTIAL.search(before)
    written = partial[0] if partial else ""
    start = len(before) - len(written)
    return Completion(start, _fitting(written, _words(before[:start], known)))


def values_of(events: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the fields of events as rules write them, those that most events have first, with their texts."""
    counts: Counter[str] = Counter()
    texts: dict[str, Counter[str]] = {}
    for event in events:
        for path, value in _leaves(event, ()):
            name = path_text(path)
            counts[name] += 1
            if isinstance(value, str) and len(value) <= LONGEST_VALUE and value.isprintable():
                texts.setdefault(name, Counter())[value] += 1
    return {
        name: [text for text, _ in texts.get(name, Counter()).most_common(MOST_VALUES)]
        for name, _ in counts.most_common()
    }


def _leaves(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping) and len(path) + 1 < DEEPEST:
            yield from _leaves(inner, (*path, name))
        elif inner is not None:
            yield (*path, name), inner


def _is_open(piece: Lexeme) -> bool:
    """Whether a text has a beginning and no end."""
    return piece.kind == "text" and (len(piece.text) == 1 or piece.text[-1] != piece.text[0])


def _fitting(written: str, words: Iterable[Suggestion]) -> list[Suggestion]:
    """What begins as it is written, then what has it within."""
    lowered = written.lower()
    found = [each for each in dict.fromkeys(words) if lowered in each.text.lower() and each.text != written]
    return sorted(found, key=lambda each: not each.text.lower().startswith(lowered))[:MOST_WORDS]


def _texts(pieces: Sequence[Lexeme], known: KnownNames) -> Iterator[Suggestion]:
    """What may stand between the quotes that are open: by the argument or the field before them."""
    names = [each.text for each in pieces]
    if names[-1:] == ["="] and names[-2:-1] in (["template"], ["policy"]):
        found, about = (
            (known.templates, "template") if names[-2] == "template" else (known.policies, "escalation policy")
        )
        yield from (Suggestion(each, quoted(each), about) for each in found)
    elif names[-2:] == ["notify", "("]:
        yield from _targets(known)
    elif names[-2:] == ["ticket", "("]:
        yield from (Suggestion(each, quoted(each), "severity") for each in SEVERITIES)
    elif pieces and pieces[-1].kind in {"operator", "sign"}:
        path = _path_before(pieces)
        yield from (Suggestion(each, quoted(each), f"seen in {path}") for each in known.values.get(path, ()))


def _targets(known: KnownNames) -> Iterator[Suggestion]:
    for name in (*known.endpoints, EVERY_ENDPOINT):
        about = "all endpoints of the rule, or of the client" if name == EVERY_ENDPOINT else "endpoint"
        yield Suggestion(f"{ENDPOINT}:{name}", quoted(f"{ENDPOINT}:{name}"), about)
    yield from (Suggestion(f"{each}:", f'"{each}:', "channel") for each in known.channels)


def _path_before(pieces: Sequence[Lexeme]) -> str:
    """The field that is compared, also one before `in [`."""
    end = next((place for place in range(len(pieces), 0, -1) if pieces[place - 1].kind == "operator"), 0) - 1
    if end > 0 and pieces[end - 1].text == "not":
        end -= 1
    start = end
    while start > 0 and (pieces[start - 1].kind == "field" or pieces[start - 1].text == "."):
        start -= 1
    return "".join(each.text for each in pieces[start:end]).removeprefix("event.")


def _words(prefix: str, known: KnownNames) -> Iterator[Suggestion]:
    """What the grammar allows behind `prefix`; nothing where that is wrong before its end."""
    expected = _expected(prefix)
    keyword = next((each.text for each in reversed(list(lexemes(prefix))) if each.kind == "keyword"), "")
    if "a field" in expected:
        yield from (Suggestion(name, name, "field") for name in known.values)
    if "a name" in expected and keyword in {"severity", "else", "if"}:
        yield from (Suggestion(each, each, "severity") for each in SEVERITIES)
    elif "a name" in expected and prefix.rstrip().endswith(("then", ",", "and")):
        yield from (Suggestion(name, *ACTIONS[name]) for name in ACTIONS)
    if "a text in quotes" in expected:
        pieces = [each for each in lexemes(prefix) if each.kind not in {"space", "comment"}]
        yield from (each for each in _texts(pieces, known) if each.about != "channel")
    if "a duration" in expected:
        yield from (Suggestion(each, each, "duration") for each in DURATIONS)
    yield from (_word(each) for each in expected if each.isalpha() or each in FUNCTIONS or each.endswith("()"))


def _word(word: str) -> Suggestion:
    if word.endswith("()"):
        return Suggestion(word, *FUNCTIONS.get(word, (word, "of many events", 1)))
    return Suggestion(word, *FUNCTIONS.get(word, (f"{word} ", "", 0)))


def _expected(prefix: str) -> tuple[str, ...]:
    try:
        parse(prefix)
    except InvalidRuleError as error:
        problem = error.problem
        lines = prefix.rstrip().split("\n")
        is_at_end = (problem.line, problem.column) == (len(lines), len(lines[-1]) + 1)
        return problem.expected if is_at_end else ()
    return ()
