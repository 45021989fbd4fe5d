"""Schedules as people type them, an interval to a line: `monday:friday 22:00-06:00`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sentinel.schedules.reading import MONTHS, read, written
from sentinel.schedules.schedule import Schedule

HOURS = re.compile(r"\d-\d")
YEARS = re.compile(r"\d{4}(:\d{4})?")
DAYS_OF_MONTH = re.compile(r"-?\d+(:-?\d+)?")

ORDER = ("years", "months", "days_of_month", "weekdays", "times")
"""In which the parts of an interval are written."""


def read_lines(texts: Sequence[str], zone: str, *, field: str) -> Schedule | None:
    """Read days and hours, `monday:friday 09:00-17:00` or `december 24:26`; None where there is no line.

    Each word is known by its looks: hours have a dash, years four digits, days of a month are numbers, the others are
    names. Raises `InvalidInputError` that names the place under `field`.
    """
    return read({"zone": zone, "intervals": list(map(_interval, texts))}, field) if texts else None


def written_lines(schedule: Schedule) -> list[str]:
    """Write a schedule as `read_lines` takes it."""
    return [" ".join(_words(each)) for each in written(schedule)["intervals"]]


def _interval(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in text.replace(",", " ").split():
        found.setdefault(_kind(word), []).append(word)
    return found


def _kind(word: str) -> str:
    if HOURS.search(word):
        return "times"
    if YEARS.fullmatch(word):
        return "years"
    if DAYS_OF_MONTH.fullmatch(word):
        return "days_of_month"
    first = word.partition(":")[0].lower()
    return "months" if any(first in (name, name[:3]) for name in MONTHS) else "weekdays"


def _words(interval: dict[str, Any]) -> Iterable[str]:
    return (word for kind in ORDER for word in interval.get(kind, ()))
