"""Schedules as JSON: read what people write, say what is wrong with it, write it in one form. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import orjson

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.schedules.intervals import MINUTES_OF_A_DAY, WHOLE_DAY, Hours, Range, TimeInterval
from sentinel.schedules.schedule import Schedule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
MOST_INTERVALS = 50
MOST_RANGES = 50
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)")
KEYS = ("times", "weekdays", "days_of_month", "months", "years")
CACHED = 2000

SAMPLE = {"zone": "Europe/Berlin", "intervals": [{"weekdays": ["monday:friday"], "times": ["22:00-06:00"]}]}


def read(given: Any, field: str) -> Schedule:
    """Read `{"zone": "Europe/Berlin", "intervals": [{"weekdays": ["monday:friday"], "times": ["22:00-06:00"]}]}`.

    Without a zone it is UTC. An interval may have `times`, `weekdays`, `days_of_month`, `months` and `years`. Raises
    `InvalidInputError` that names the place under `field`.
    """
    if not isinstance(given, dict):
        raise _refusal(field, given, "is not an object", f"write it like {orjson.dumps(SAMPLE).decode()}")
    _no_others(given, ("zone", "intervals"), field)
    zone = zone_of(given.get("zone", "UTC"), f"{field}.zone")
    intervals = _listed(given.get("intervals"), f"{field}.intervals", most=MOST_INTERVALS)
    return Schedule(tuple(_interval(each, f"{field}.intervals.{n}") for n, each in enumerate(intervals)), zone)


def stored(text: str) -> Schedule:
    """Read a schedule of its stored form (JSON text), which was checked before; the same text is read once."""
    return _stored(text)


@lru_cache(maxsize=CACHED)
def _stored(text: str) -> Schedule:
    return read(orjson.loads(text), "schedule")


def written(schedule: Schedule) -> dict[str, Any]:
    """Write a schedule as `read` takes it."""
    return {"zone": schedule.zone.key, "intervals": [_written(each) for each in schedule.intervals]}


def _interval(given: Any, field: str) -> TimeInterval:
    if not isinstance(given, dict) or not given:
        remedy = f"name at least one of: {', '.join(KEYS)}"
        raise _refusal(field, given, "is not an object with something in it", remedy)
    _no_others(given, KEYS, field)
    return TimeInterval(
        hours=_many(given, "times", field, _hours) or WHOLE_DAY,
        weekdays=_many(given, "weekdays", field, _named(WEEKDAYS, first=0)),
        days_of_month=_many(given, "days_of_month", field, _days),
        months=_many(given, "months", field, _named(MONTHS, first=1)),
        years=_many(given, "years", field, _years),
    )


def _many(given: Mapping[str, Any], name: str, field: str, one: Callable[[str], Any]) -> tuple[Any, ...]:
    if name not in given:
        return ()
    found = []
    for number, each in enumerate(_listed(given[name], f"{field}.{name}", most=MOST_RANGES)):
        try:
            found.append(one(str(each).strip().lower()))
        except ValueError as error:
            raise _refusal(f"{field}.{name}.{number}", each, "is not understood", str(error)) from None
    return tuple(found)


def _hours(text: str) -> Hours:
    remedy = 'write it like "09:00-17:30"; "22:00-06:00" ends the next day'
    start, separator, end = text.partition("-")
    minutes = [_clock(each.strip()) for each in (start, end)]
    if not separator or None in minutes or minutes[0] == minutes[1] or minutes[0] == MINUTES_OF_A_DAY:
        raise ValueError(remedy)
    return Hours(minutes[0] or 0, minutes[1] or 0)


def _clock(text: str) -> int | None:
    found = CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, minute = [each for each in found.groups() if each is not None]
    return int(hour) * 60 + int(minute)


def _named(names: tuple[str, ...], *, first: int) -> Callable[[str], Range]:
    """Read `monday`, `mon` or `monday:friday`; months by number, too."""

    def read_range(text: str) -> Range:
        low, high = _ends(text)
        found = (_number_of(low), _number_of(high))
        if found[0] > found[1]:
            raise ValueError(f'write the earlier one first, or two ranges; for example "{names[0]}:{names[1]}"')
        return found

    def _number_of(word: str) -> int:
        if first and word.isdecimal() and first <= int(word) < first + len(names):
            return int(word)
        for number, name in enumerate(names, start=first):
            if word in (name, name[:3]):
                return number
        raise ValueError(f'use names: {", ".join(names)}; "{names[0]}:{names[1]}" is a range')

    return read_range


def _days(text: str) -> Range:
    remedy = 'write days from 1 to 31, or from -31 to -1 counted from the end: "1:7", "-1"'
    low, high = _whole(text, remedy)
    if not all(0 < abs(each) <= 31 for each in (low, high)) or (low > high and (low < 0) == (high < 0)):  # noqa: PLR2004
        raise ValueError(remedy)
    if low < 0 < high:
        raise ValueError("a range that begins from the month's end ends there, too")
    return low, high


def _years(text: str) -> Range:
    remedy = 'write years like "2026" or "2026:2028"'
    low, high = _whole(text, remedy)
    if not 1970 <= low <= high <= 9999:  # noqa: PLR2004
        raise ValueError(remedy)
    return low, high


def _whole(text: str, remedy: str) -> Range:
    low, high = _ends(text)
    if not all(re.fullmatch(r"-?\d{1,4}", each) for each in (low, high)):
        raise ValueError(remedy)
    return int(low), int(high)


def _ends(text: str) -> tuple[str, str]:
    low, separator, high = text.partition(":")
    return low.strip(), high.strip() if separator else low.strip()


def zone_of(name: Any, field: str) -> ZoneInfo:
    """Read the name of a time zone, or say that it is none."""
    if not isinstance(name, str) or name not in _zones():
        raise _refusal(field, name, "is no time zone", 'use a name of IANA\'s, for example "Europe/Berlin" or "UTC"')
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _listed(given: Any, field: str, *, most: int) -> list[Any]:
    if not isinstance(given, list) or not 0 < len(given) <= most:
        raise _refusal(field, given, f"is not an array of 1 to {most} items", "send an array")
    return given


def _no_others(given: Mapping[str, Any], known: tuple[str, ...], field: str) -> None:
    for name in given:
        if name not in known:
            raise _refusal(f"{field}.{name}", given[name], "Unknown field.", f"use only: {', '.join(known)}")


def _refusal(field: str, value: Any, message: str, remedy: str) -> InvalidInputError:
    return InvalidInputError(FieldError(field, shown(value), message, remedy))


def _written(interval: TimeInterval) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if interval.hours != WHOLE_DAY:
        found["times"] = [f"{_shown_clock(each.start)}-{_shown_clock(each.end)}" for each in interval.hours]
    if interval.weekdays:
        found["weekdays"] = [_shown_names(each, WEEKDAYS, first=0) for each in interval.weekdays]
    if interval.days_of_month:
        found["days_of_month"] = [_shown_range(each) for each in interval.days_of_month]
    if interval.months:
        found["months"] = [_shown_names(each, MONTHS, first=1) for each in interval.months]
    if interval.years:
        found["years"] = [_shown_range(each) for each in interval.years]
    return found or {"times": ["00:00-24:00"]}


def _shown_clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _shown_names(found: Range, names: tuple[str, ...], *, first: int) -> str:
    low, high = (names[each - first] for each in found)
    return low if low == high else f"{low}:{high}"


def _shown_range(found: Range) -> str:
    return str(found[0]) if found[0] == found[1] else f"{found[0]}:{found[1]}"
