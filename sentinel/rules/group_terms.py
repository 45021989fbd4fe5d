"""Grouping as an object, as the API has it and endpoints keep it: read strictly, and written. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.rules import limits
from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.paths import paths_of
from sentinel.rules.printer import path_text
from sentinel.rules.syntax import Path

EACH = "*"

TERMS = {
    "group_wait_seconds": ("wait_seconds", 0, limits.SECONDS),
    "group_interval_seconds": ("interval_seconds", 1, limits.SECONDS),
    "repeat_interval_seconds": ("repeat_seconds", 1, limits.SECONDS),
    "pause_seconds": ("pause_seconds", 0, limits.SECONDS),
    "flap_changes": ("flap_changes", 0, limits.FLAP_CHANGES),
    "flap_seconds": ("flap_seconds", 1, limits.SECONDS),
    "send_resolved": ("says_resolved", False, True),
}
"""Names of the API, the term of each, and what it may be from and to."""

EXAMPLE = '{"group_by": ["labels.cluster"], "group_wait_seconds": 30}'


def read(given: Any, field: str = "grouping") -> Grouping:
    """Read what somebody has written; what is left out is as Alertmanager has it. Raises `InvalidInputError`."""
    if not isinstance(given, Mapping):
        remedy = f"write an object as {EXAMPLE}; {{}} puts all messages into one group"
        raise InvalidInputError(FieldError(field, shown(given), "is no object", remedy))
    errors = [*_unknown(given, field), *_numbers(given, field), *_switch(given, field)]
    by, problem = _by(given.get("group_by", []), f"{field}.group_by")
    if errors or problem:
        raise InvalidInputError(*errors, *([problem] if problem else []))
    terms = {term: given[name] for name, (term, *_) in TERMS.items() if name in given}
    return Grouping(by or (), by is None, Terms(**terms))


def _unknown(given: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    known = ("group_by", *TERMS)
    for name in given:
        if name not in known:
            remedy = f"leave it out; known are: {', '.join(known)}"
            yield FieldError(f"{field}.{name}", shown(given[name]), "is not known", remedy)


def _numbers(given: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    for name, (term, low, high) in TERMS.items():
        value = given.get(name, low)
        is_never = value is None and term == "repeat_seconds"
        if term != "says_resolved" and not is_never and not (type(value) is int and low <= value <= high):
            remedy = f"write a whole number from {low} to {high}"
            yield FieldError(f"{field}.{name}", shown(value), "is out of range", remedy)


def _switch(given: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    value = given.get("send_resolved", True)
    if not isinstance(value, bool):
        yield FieldError(f"{field}.send_resolved", shown(value), "is neither true nor false", "write true or false")


def _by(given: Any, field: str) -> tuple[tuple[Path, ...] | None, FieldError | None]:
    """The paths (None: each alert by itself), or what is wrong with them."""
    remedy = 'name fields of the event, as ["labels.alertname", "labels.cluster"], or ["*"] for each alert by itself'
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        return (), FieldError(field, shown(given), "is no list of texts", remedy)
    if len(given) > limits.GROUP_PATHS:
        return (), FieldError(field, len(given), "are too many", f"name at most {limits.GROUP_PATHS} fields")
    if given == [EACH]:
        return None, None
    found: dict[Path, None] = {}
    for number, text in enumerate(given):
        try:
            (path,) = paths_of(text)
        except ValueError:
            return (), FieldError(f"{field}.{number}", shown(text), "names no field of the event", remedy)
        found[path] = None
    return tuple(found), None


def written(grouping: Grouping) -> dict[str, Any]:
    """The object that `read` reads, complete."""
    by = [EACH] if grouping.is_each else [path_text(path) for path in grouping.by]
    return {"group_by": by} | {name: getattr(grouping.terms, term) for name, (term, *_) in TERMS.items()}
