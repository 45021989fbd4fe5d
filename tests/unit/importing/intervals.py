"""Time intervals as Alertmanager's files have them, and whether one holds by what a clock on the wall shows."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MINUTES = 15
"""Times are whole multiples of it, so that a test may look every so many minutes."""


def holds(intervals: Sequence[Mapping[str, Any]], local: datetime) -> bool:
    """Whether one of the intervals holds when clocks show this."""
    return any(_holds(each, local) for each in intervals)


def _holds(interval: Mapping[str, Any], local: datetime) -> bool:
    length = monthrange(local.year, local.month)[1]
    tests = {
        "times": lambda each: each["start_time"] <= f"{local:%H:%M}" < each["end_time"],
        "weekdays": lambda each: _is_between(local.isoweekday() % 7, each, WEEKDAYS.index),
        "days_of_month": lambda each: _is_between(local.day, each, lambda text: _day(int(text), length)),
        "months": lambda each: _is_between(local.month, each, int),
        "years": lambda each: _is_between(local.year, each, int),
    }
    return all(any(map(test, interval[name])) for name, test in tests.items() if name in interval)


def _day(number: int, length: int) -> int:
    return number if number > 0 else length + 1 + number


def _is_between(number: int, written: str, read: Any) -> bool:
    low, _, high = written.partition(":")
    return bool(read(low) <= number <= read(high or low))


@st.composite
def _ranges(draw: Any, low: int, high: int, names: Sequence[str] = ()) -> str:
    first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    first, last = (names[each] if names else str(each) for each in (first, last))
    return f"{first}:{last}" if first != last else str(first)


@st.composite
def _days(draw: Any) -> str:
    kind = draw(st.sampled_from(("start", "end", "both")))
    if kind == "both":
        return f"{draw(st.integers(1, 25))}:{draw(st.integers(-3, -1))}"
    return str(draw(_ranges(*((1, 31) if kind == "start" else (-31, -1)))))


@st.composite
def _times(draw: Any) -> dict[str, str]:
    steps = 24 * 60 // MINUTES
    start = draw(st.integers(0, steps - 1))
    end = draw(st.integers(start + 1, steps))
    return {"start_time": _clock(start), "end_time": _clock(end)}


def _clock(step: int) -> str:
    return f"{step * MINUTES // 60:02}:{step * MINUTES % 60:02}"


def _few(each: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(each, min_size=1, max_size=2)


INTERVAL = st.fixed_dictionaries(
    {},
    optional={
        "times": _few(_times()),
        "weekdays": _few(_ranges(0, 6, WEEKDAYS)),
        "days_of_month": _few(_days()),
        "months": _few(_ranges(1, 12)),
        "years": _few(_ranges(2024, 2028)),
    },
)
INTERVALS = st.lists(INTERVAL, min_size=1, max_size=3)
