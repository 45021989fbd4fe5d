"""Label matchers, as Prometheus and Alertmanager have them: `instance=~"db-.*"`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from sentinel.rules import patterns

OPERATORS = {"=": (False, True), "!=": (False, False), "=~": (True, True), "!~": (True, False)}
"""Operator → is_regex, is_equal."""

# A name is bare, or anything at all in quotes. A value runs to the end, in quotes or not.
WRITTEN = re.compile(r'("(?:[^"\\]|\\.)*+"|[^\s"{}=!~,\\]++)\s*+(=~|!~|!=|=)\s*+("(?:[^"\\]|\\.)*+"|[^"]*+)', re.DOTALL)
ESCAPED = re.compile(r'\\([\\n"])')
# Matchers side by side: a comma ends one, unless it stands in quotes; quotes that do not end run to the end of all.
LISTED = re.compile(r'(?:"(?:[^"\\]|\\.)*+"?+|[^,"])++', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Matcher:
    """Asks for one label: that it is `value`, or matches it as a whole; or with `is_equal` false, that it does not."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        operator = next(sign for sign, meaning in OPERATORS.items() if meaning == (self.is_regex, self.is_equal))
        return f"{self.name}{operator}{orjson.dumps(self.value).decode()}"

    def matches(self, text: str) -> bool:
        """Whether a label with this text is what is asked for."""
        found = bool(_whole(self.value).found_in(text)) if self.is_regex else text == self.value
        return found is self.is_equal

    def problem(self) -> str | None:
        """Why it cannot be asked; None when it can."""
        if not self.is_regex:
            return None
        # By itself first: "a)|(b" would be fine between parentheses.
        return patterns.problem(self.value) or patterns.problem(_anchored(self.value))


def parse(text: str) -> Matcher:
    """Read `name="value"`, with one of = != =~ !~ between them; the quotes may be left out. Raises ValueError."""
    matcher = _written(text)
    if problem := matcher.problem():
        raise ValueError(f"{text!r} is not a matcher: {problem}")
    return matcher


def parse_many(text: str) -> tuple[Matcher, ...]:
    """Read `{name="value", other=~"x.*"}`; the braces may be left out. Patterns are not judged. Raises ValueError."""
    inner = text.strip().removeprefix("{").removesuffix("}")
    return tuple(_written(each) for each in LISTED.findall(inner) if each.strip())


def label(body: Mapping[str, Any], name: str) -> str:
    """What an event says for a label: in its `labels`, else in its own field of that name; "" if nothing."""
    labels = body.get("labels")
    value = labels.get(name) if isinstance(labels, dict) else None
    return _text(body.get(name) if value is None else value)


def labels_of(body: Mapping[str, Any]) -> dict[str, str]:
    """All that `label` finds in an event, by name."""
    labels = body.get("labels")
    given = {name: value for name, value in labels.items() if value is not None} if isinstance(labels, dict) else {}
    return {name: found for name, value in {**body, **given}.items() if (found := _text(value))}


def needed(matchers: Iterable[Matcher]) -> dict[str, str]:
    """Labels that a match has for certain: a search for them finds all that the matchers match, and more."""
    return {each.name: each.value for each in matchers if each.value and each.is_equal and not each.is_regex}


def match(matchers: Iterable[Matcher], body: Mapping[str, Any]) -> bool:
    """Whether all matchers match an event."""
    return all(matcher.matches(label(body, matcher.name)) for matcher in matchers)


def match_labels(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all matchers match a set of labels."""
    return all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)


def match_anything(matchers: Sequence[Matcher]) -> bool:
    """Whether they match an event that says nothing, and so nearly every event."""
    return match_labels(matchers, {})


def _written(text: str) -> Matcher:
    found = WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a matcher")
    is_regex, is_equal = OPERATORS[found[2]]
    matcher = Matcher(_unquoted(found[1]), _unquoted(found[3]), is_regex, is_equal)
    if not matcher.name:
        raise ValueError(f"{text!r} is not a matcher: it names no label")
    return matcher


def _text(value: Any) -> str:
    """A value as one writes it in a matcher; objects and lists cannot be asked for."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)  # of any size: orjson refuses what does not fit into 64 bits
    return "" if value is None or isinstance(value, dict | list) else orjson.dumps(value).decode()


def _unquoted(text: str) -> str:
    inner = text[1:-1] if text.startswith('"') else text
    return ESCAPED.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], inner)


def _anchored(pattern: str) -> str:
    return rf"\A(?:{pattern})\z"


@lru_cache(maxsize=patterns.CACHED_PATTERNS)
def _whole(pattern: str) -> patterns.PatternSet:
    return patterns.single(_anchored(pattern))
