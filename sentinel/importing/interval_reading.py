"""Alertmanager's time intervals, as `sentinel.schedules` has them. Pure.

Its weeks begin on Sunday and its hours never cross midnight; everything else is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.importing.yaml_values import is_empty, items_of, mapping_of, refusal, text_of
from sentinel.schedules import reading
from sentinel.schedules.schedule import Schedule

FIELDS = ("times", "weekdays", "days_of_month", "months", "years")
ZONES = ("location", "time_zone")
ALWAYS = {"times": ["00:00-24:00"]}


def schedules_of(found: Mapping[str, Any], place: str) -> tuple[Schedule, ...]:
    """The schedules that one name stands for, one for each of its intervals."""
    return tuple(_schedule(each, below) for below, each in items_of(found, "time_intervals", place))


def _schedule(given: Any, place: str) -> Schedule:
    found = mapping_of(given, place, (*FIELDS, *ZONES))
    fields = {key: _ranges(found, key, place) for key in FIELDS if not is_empty(found.get(key))}
    zone = next((text_of(found, key) for key in ZONES if text_of(found, key)), "UTC")
    return reading.read({"zone": zone, "intervals": [fields or ALWAYS]}, place)


def _ranges(found: Mapping[str, Any], key: str, place: str) -> list[str]:
    given = items_of(found, key, place)
    if key == "times":
        return [_hours(each, below) for below, each in given]
    ranges = [str(each).strip().lower() for _, each in given]
    return [part for each in ranges for part in _from_monday(each)] if key == "weekdays" else ranges


def _hours(given: Any, place: str) -> str:
    found = mapping_of(given, place, ("start_time", "end_time"))
    start, end = text_of(found, "start_time"), text_of(found, "end_time")
    if not start < end:
        remedy = "write start_time and end_time of one day; the next day is a range of its own"
        raise refusal(place, f"{start}-{end}", "does not end after it starts", remedy)
    return f"{start}-{end}"


def _from_monday(days: str) -> tuple[str, ...]:
    """A range of days that begins on Sunday is two of ours."""
    first, _, last = days.partition(":")
    return (first, f"monday:{last}") if first == "sunday" and last not in ("", "sunday") else (days,)
