"""Grouping as an object, as the API has it and endpoints keep it: read strictly, and written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.errors import FieldError, InvalidInputError
from sentinel.rules.grouping import MOST_FLAP_CHANGES, MOST_PATHS, MOST_SECONDS, Grouping, Terms
from sentinel.rules.paths import PathError, paths_of
from sentinel.rules.printer import path_text

EACH = "*"

SECONDS = {
    "group_wait_seconds": ("wait_seconds", 0),
    "group_interval_seconds": ("interval_seconds", 1),
    "repeat_interval_seconds": ("repeat_seconds", 1),
    "pause_seconds": ("pause_seconds", 0),
    "flap_seconds": ("flap_seconds", 1),
}
"""Names of the API, the term of each, and the least it may be."""

OTHERS = ("group_by", "send_resolved", "flap_changes")


def read(given: Any, field: str = "grouping") -> Grouping:
    """Read what somebody has written; what is left out is as Alertmanager has it. Errors begin with `field`."""
    if not isinstance(given, Mapping):
        remedy = 'write an object as {"group_by": ["labels.cluster"], "group_wait_seconds": 30}; {} takes the defaults'
        raise InvalidInputError(FieldError(field, given, "is no object", remedy))
    errors = [
        FieldError(f"{field}.{name}", given[name], "is not known", f"leave it out; known are {', '.join(_KNOWN)}")
        for name in given
        if name not in _KNOWN
    ]
    terms: dict[str, Any] = {}
    for name, (term, least) in SECONDS.items():
        if name in given:
            errors += _problem(f"{field}.{name}", given[name], least, MOST_SECONDS, "seconds")
            terms[term] = given[name]
    if "flap_changes" in given:
        errors += _problem(f"{field}.flap_changes", given["flap_changes"], 0, MOST_FLAP_CHANGES, "changes; 0: never")
        terms["flap_changes"] = given["flap_changes"]
    if "send_resolved" in given:
        if not isinstance(given["send_resolved"], bool):
            remedy = "write true or false"
            errors.append(FieldError(f"{field}.send_resolved", given["send_resolved"], "is neither", remedy))
        terms["says_resolved"] = given["send_resolved"]
    by, is_each, problems = _by(given.get("group_by", []), f"{field}.group_by")
    if errors or problems:
        raise InvalidInputError(*errors, *problems)
    return Grouping(by, is_each, Terms(**terms))


_KNOWN = (*OTHERS, *SECONDS)


def _problem(field: str, value: Any, least: int, most: int, unit: str) -> list[FieldError]:
    if type(value) is int and least <= value <= most:
        return []
    return [FieldError(field, value, "is out of range", f"write a whole number of {least} to {most} {unit}")]


def _by(given: Any, field: str) -> tuple[tuple[Any, ...], bool, list[FieldError]]:
    """The paths, whether each alert is alone, and what is wrong."""
    remedy = 'name fields of the event, as ["labels.alertname", "labels.cluster"], or ["*"] for each alert by itself'
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given) or len(given) > MOST_PATHS:
        return (), False, [FieldError(field, given, f"is no list of up to {MOST_PATHS} texts", remedy)]
    if given == [EACH]:
        return (), True, []
    found: list[Any] = []
    for number, text in enumerate(given):
        try:
            (path,) = paths_of(text)
        except (PathError, ValueError):
            return (), False, [FieldError(f"{field}.{number}", text, "names no field of the event", remedy)]
        found.append(path)
    return tuple(dict.fromkeys(found)), False, []


def written(grouping: Grouping) -> dict[str, Any]:
    """The object that `read` reads, complete."""
    terms = grouping.terms
    by = [EACH] if grouping.is_each else [path_text(path) for path in grouping.by]
    seconds = {name: getattr(terms, term) for name, (term, _) in SECONDS.items()}
    return {"group_by": by} | seconds | {"send_resolved": terms.says_resolved, "flap_changes": terms.flap_changes}
