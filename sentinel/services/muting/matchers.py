"""Matchers as people give them and as rows keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sentinel.errors import FieldError, InvalidInputError
from sentinel.rules.matchers import Matcher, parse

MOST_MATCHERS = 50
LONGEST_NAME, LONGEST_VALUE = 255, 1000
SHOWN = 64
"""Most characters of a refused text that its error repeats."""
MATCHER_REMEDY = 'write it like instance=~"db-.*", with one of = != =~ !~ between name and value'


def read(stored: Mapping[str, Any]) -> Matcher:
    """A matcher of its stored form, which is Alertmanager's."""
    return Matcher(stored["name"], stored["value"], stored["isRegex"], stored["isEqual"])


def read_all(stored: Iterable[Mapping[str, Any]]) -> tuple[Matcher, ...]:
    """Matchers of their stored form."""
    return tuple(map(read, stored))


def as_stored(matcher: Matcher) -> dict[str, Any]:
    """A matcher in its stored form."""
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.is_regex,
        "isEqual": matcher.is_equal,
    }


def written(matchers: Iterable[Matcher]) -> str:
    """Matchers in one line: `alertname="DiskFull", instance=~"db-.*"`."""
    return ", ".join(map(str, matchers))


def read_lines(text: str, field: str) -> tuple[Matcher, ...]:
    """Read matchers as people type them, one to a line; says what is wrong with each line that is none."""
    found, errors = [], []
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), start=1):
        try:
            found.append(parse(line))
        except ValueError as error:
            errors.append(FieldError(field, line[:SHOWN], _why_none(number, str(error)), MATCHER_REMEDY))
    if errors:
        raise InvalidInputError(*errors)
    return tuple(found)


def _why_none(number: int, said: str) -> str:
    problem = said.rpartition("is not a matcher")[2]
    return f"in line {number} is no matcher{problem}"


def errors_of(wanted: Sequence[Matcher], field: str) -> list[FieldError]:
    """Say what is wrong with matchers, each by its place under `field`."""
    if not 0 < len(wanted) <= MOST_MATCHERS:
        return [FieldError(field, len(wanted), "are too few or too many", f"give 1 to {MOST_MATCHERS} matchers")]
    return [error for number, each in enumerate(wanted) if (error := _error(each, f"{field}.{number}"))]


def _error(matcher: Matcher, field: str) -> FieldError | None:
    if not 0 < len(matcher.name) <= LONGEST_NAME:
        remedy = f"name a label, with up to {LONGEST_NAME} characters"
        return FieldError(f"{field}.name", matcher.name[:SHOWN], "is no name of a label", remedy)
    if len(matcher.value) > LONGEST_VALUE:
        remedy = f"shorten it to {LONGEST_VALUE} characters"
        return FieldError(f"{field}.value", f"{matcher.value[:SHOWN]}…", "is too long", remedy)
    problem = matcher.problem()
    if problem is None:
        return None
    remedy = "write a regular expression as RE2 has them; it must match the whole value"
    return FieldError(f"{field}.value", matcher.value, f"is no regular expression: {problem}", remedy)
