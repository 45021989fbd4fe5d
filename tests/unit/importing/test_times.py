"""Alertmanager's time intervals as quiet times, beside what the clock on the wall says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentinel.importing import boxes
from sentinel.importing.boxes import InexpressibleError
from sentinel.importing.configuration import Configuration, Route
from sentinel.importing.interval_reading import schedules_of
from sentinel.importing.times import UntoldError, quiet_times
from sentinel.schedules.intervals import TimeInterval
from sentinel.schedules.schedule import Schedule
from tests.unit.importing.intervals import INTERVALS, MINUTES, holds

NOW = datetime(2026, 10, 19, tzinfo=UTC)
BERLIN = "Europe/Berlin"
WEEKS = {
    "spring": datetime(2026, 3, 23, tzinfo=UTC),
    "autumn": datetime(2026, 10, 19, tzinfo=UTC),
    "end of February": datetime(2028, 2, 21, tzinfo=UTC),
}


def configuration(*, zone: str = BERLIN, **named: list[dict[str, Any]]) -> Configuration:
    intervals = {
        name: schedules_of({"time_intervals": [each | {"location": zone} for each in given]}, name)
        for name, given in named.items()
    }
    return Configuration(Route("route", "r"), {}, intervals=intervals)


def quiet(*, mute: tuple[str, ...] = (), active: tuple[str, ...] = (), **named: Any) -> Schedule | None:
    return quiet_times(Route("route", "r", mute=mute, active=active), configuration(**named), NOW)


def says(schedule: Schedule | None, since: datetime, moments: list[datetime]) -> list[bool]:
    """Whether the schedule holds at moments that are in order, by its spans."""
    found, spans = [], schedule.spans(since) if schedule else iter(())
    span = next(spans, None)
    for moment in moments:
        while span is not None and span[1] <= moment:
            span = next(spans, None)
        found.append(span is not None and span[0] <= moment)
    return found


def is_ambiguous(local: datetime) -> bool:
    """Whether the clock shows that twice: a span that begins or ends then is the longer one."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@pytest.mark.parametrize("week", WEEKS)
@settings(deadline=None, max_examples=8)
@given(muted=INTERVALS, active=INTERVALS)
def test_it_is_quiet_exactly_when_alertmanager_is_over_two_weeks(week: str, muted: Any, active: Any) -> None:
    since = WEEKS[week]
    moments = [since + timedelta(minutes=MINUTES * number) for number in range(14 * 24 * 60 // MINUTES)]
    locals_ = [each.astimezone(ZoneInfo(BERLIN)) for each in moments]
    try:
        schedule = quiet(mute=("m",), active=("a",), m=muted, a=active)
    except UntoldError:
        assume(False)

    expected = [holds(muted, each) or not holds(active, each) for each in locals_]

    found = says(schedule, since, moments)
    wrong = [
        str(local)
        for local, one, other in zip(locals_, found, expected, strict=True)
        if one != other and not is_ambiguous(local)
    ]
    assert wrong == []


@settings(deadline=None, max_examples=100)
@given(intervals=INTERVALS, local=st.datetimes(datetime(2023, 1, 1), datetime(2029, 12, 31)))  # noqa: DTZ001
def test_what_is_outside_is_exactly_what_is_not_inside(intervals: Any, local: datetime) -> None:
    inside = [part for each in schedules_of({"time_intervals": intervals}, "i") for part in each.intervals]
    try:
        outside = [boxes.interval(each) for each in boxes.outside(map(boxes.box, inside))]
    except InexpressibleError:
        assume(False)

    assert contains(inside, local) is holds(intervals, local)
    assert contains(outside, local) is not holds(intervals, local)


def contains(intervals: list[TimeInterval], local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    return any(
        each.chooses(local.date()) and any(hours.start <= minute < hours.end for hours in each.hours)
        for each in intervals
    )
