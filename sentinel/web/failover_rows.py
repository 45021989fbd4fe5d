"""Other targets as rows of a form: where, whom, and after how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sentinel.channels.registry import CHANNELS
from sentinel.durations import SIZES, parse_seconds
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.services.sending.failover import MOST_TARGETS, Target
from sentinel.web.moments import in_short

FIELD = "failover"
ENDPOINT = "endpoint"
"""What a target is that is named, and not written out."""
PLACES = (*CHANNELS, ENDPOINT)
PARTS = ("place", "target", "after")
ROOM = 2
"""Empty rows that a form offers."""
LONGEST_PATIENCE = 7 * 86_400


def rows_of(values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The rows (place, target, patience) that a form shows: those that are filled in, and room for more."""
    rows = [_row(values, number) for number in range(MOST_TARGETS)]
    used = max((number + 1 for number, row in enumerate(rows) if row[1]), default=0)
    return rows[: min(MOST_TARGETS, used + ROOM)]


def targets_of(values: Mapping[str, str]) -> Iterator[Target]:
    """Read the rows. Raises `InvalidInputError`; whether a target exists is judged by the service."""
    for number in range(MOST_TARGETS):
        place, target, after = _row(values, number)
        if target and place not in PLACES:
            remedy = f"use one of: {', '.join(PLACES)}"
            raise InvalidInputError(FieldError(FIELD, shown(place), f"{shown(place)} is no such place", remedy))
        if target:
            seconds = _seconds(after)
            yield (
                Target(after_seconds=seconds, endpoint=target) if place == ENDPOINT else Target(place, target, seconds)
            )


def values_of(targets: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The rows of targets as they are stored."""
    values: dict[str, str] = {}
    for number, target in enumerate(targets):
        name = target.get(ENDPOINT)
        row = (ENDPOINT if name else target["channel"], name or target["recipient"], in_short(target["after_seconds"]))
        values |= {f"{FIELD}-{number}-{part}": text for part, text in zip(PARTS, row, strict=True)}
    return values


def _row(values: Mapping[str, str], number: int) -> tuple[str, str, str]:
    place, target, after = (values.get(f"{FIELD}-{number}-{part}", "").strip() for part in PARTS)
    return place, target, after


def _seconds(text: str) -> int | None:
    if not text:
        return None
    try:
        seconds = parse_seconds(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_PATIENCE:
        remedy = f"write a number and one of {', '.join(reversed(SIZES))}, as 5m; up to a week"
        raise InvalidInputError(FieldError(FIELD, shown(text), f"{shown(text)} is no such time", remedy))
    return seconds
