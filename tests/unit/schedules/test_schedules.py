"""Schedules hold by the clocks of their place, also when these change."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.schedules.intervals import TimeInterval
from sentinel.schedules.reading import read, stored, written
from sentinel.schedules.schedule import Schedule
from tests.unit.schedules.clock_changes import WEEKS_OF_CLOCK_CHANGES

NIGHTS = {"times": ["22:00-06:00"]}
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")


def schedule(*intervals: dict[str, Any], zone: str = "UTC") -> Schedule:
    return read({"zone": zone, "intervals": list(intervals)}, "windows")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


times = (
    st.tuples(st.integers(0, 95), st.integers(0, 96))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: "-".join(f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in pair))
)
weekdays = st.sampled_from(["monday", "tuesday:thursday", "saturday:sunday", "monday:sunday", "friday"])
days = st.sampled_from(["1", "25:31", "-7:-1", "28:-2"])
intervals = st.fixed_dictionaries(
    {"times": st.lists(times, min_size=1, max_size=3)},
    optional={
        "weekdays": st.lists(weekdays, min_size=1, max_size=2),
        "days_of_month": st.lists(days, min_size=1, max_size=2),
    },
)
schedules = st.builds(
    lambda found, zone: schedule(*found, zone=zone), st.lists(intervals, min_size=1, max_size=2), st.sampled_from(ZONES)
)


@settings(max_examples=30, deadline=None)
@given(schedules, st.sampled_from(WEEKS_OF_CLOCK_CHANGES))
def test_through_weeks_of_clock_changes_spans_and_moments_agree(found: Schedule, week: datetime) -> None:
    spans = _until(found, week, week + timedelta(days=8))

    for number in range(8 * 24 * 4):
        moment = week + timedelta(minutes=15 * number)
        around = next((span for span in spans if span[0] <= moment < span[1]), None)
        assert found.holds(moment) is (around is not None)
        if number % 31 == 0:
            assert found.until(moment) in ((around[1], None) if around else (moment,))


@settings(deadline=None)
@given(schedules, st.sampled_from(WEEKS_OF_CLOCK_CHANGES))
def test_spans_come_in_order_with_gaps_between_them(found: Schedule, week: datetime) -> None:
    spans = _until(found, week, week + timedelta(days=8))

    assert all(start < end for start, end in spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


@settings(deadline=None)
@given(schedules, st.sampled_from(WEEKS_OF_CLOCK_CHANGES), st.integers(0, 8 * 24 * 60))
def test_the_next_start_is_the_first_moment_that_holds_after_one_that_does_not(
    found: Schedule, week: datetime, minutes: int
) -> None:
    moment = week + timedelta(minutes=minutes)

    start = found.next_start(moment)

    if start is not None:
        assert start > moment
        assert found.holds(start)
        assert not found.holds(start - timedelta(seconds=1))


def _until(found: Schedule, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    spans = []
    for span in found.spans(since):
        if span[0] >= until:
            break
        spans.append(span)
    return spans


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/Berlin", "2026-03-28T22:00+01:00", 7),
        ("Europe/Berlin", "2026-10-24T22:00+02:00", 9),
        ("Europe/Berlin", "2026-11-30T22:00+01:00", 8),
        ("America/New_York", "2026-03-07T22:00-05:00", 7),
        ("America/New_York", "2026-10-31T22:00-04:00", 9),
        ("Australia/Lord_Howe", "2026-04-04T22:00+11:00", 8.5),
    ],
)
def test_a_night_is_shorter_or_longer_when_clocks_change(zone: str, evening: str, hours: float) -> None:
    nights = schedule(NIGHTS, zone=zone)

    assert next(nights.spans(at(evening)))[0] == at(evening)
    assert nights.until(at(evening)) == at(evening) + timedelta(hours=hours)


def test_hours_that_clocks_leave_out_begin_when_they_jump() -> None:
    early = schedule({"times": ["02:30-04:00"]}, zone="Europe/Berlin")

    assert early.next_start(at("2026-03-29T00:00+01:00")) == at("2026-03-29T03:00+02:00")
    assert early.until(at("2026-03-29T03:00+02:00")) == at("2026-03-29T04:00+02:00")


def test_hours_that_lie_wholly_in_what_clocks_leave_out_are_not() -> None:
    gone = schedule({"times": ["02:10-02:50"]}, zone="Europe/Berlin")

    assert gone.next_start(at("2026-03-28T12:00+01:00")) == at("2026-03-30T02:10+02:00")


def test_hours_that_clocks_show_twice_hold_from_the_first_start_to_the_last_end() -> None:
    twice = schedule({"times": ["02:00-02:30"]}, zone="Europe/Berlin")

    assert next(twice.spans(at("2026-10-25T02:45+02:00")))[0] == at("2026-10-25T02:00+02:00")
    assert twice.until(at("2026-10-25T02:45+02:00")) == at("2026-10-25T02:30+01:00")


def test_hours_that_cross_midnight_belong_to_the_day_on_which_they_begin() -> None:
    friday_nights = schedule({"weekdays": ["friday"], "times": ["22:00-06:00"]})

    assert friday_nights.holds(at("2026-11-28T05:59Z"))
    assert not friday_nights.holds(at("2026-11-27T05:59Z"))


def test_evening_and_morning_that_touch_are_one_night() -> None:
    night = schedule({"times": ["00:00-06:00", "22:00-24:00"]})

    assert night.until(at("2026-11-30T22:00Z")) == at("2026-12-01T06:00Z")


@pytest.mark.parametrize(
    ("days_of_month", "chosen"),
    [
        ("1", {1}),
        ("-1", {28}),
        ("29:31", set()),
        ("-3:-1", {26, 27, 28}),
        ("27:31", {27, 28}),
        ("27:-1", {27, 28}),
        ("-31:-29", set()),
        ("-31:-27", {1, 2}),
    ],
)
def test_days_of_the_month_count_from_either_end(days_of_month: str, chosen: set[int]) -> None:
    found = schedule({"days_of_month": [days_of_month]})

    february = [datetime(2027, 2, day, 12, tzinfo=UTC) for day in range(1, 29)]
    assert {moment.day for moment in february if found.holds(moment)} == chosen


def test_what_never_ends_says_so() -> None:
    always = schedule({"times": ["00:00-24:00"]}, zone="Europe/Berlin")

    assert always.holds(at("2026-11-30T00:00Z"))
    assert always.until(at("2026-11-30T00:00Z")) is None
    assert always.next_start(at("2026-11-30T00:00Z")) is None


def test_a_leap_day_is_found_years_ahead_and_a_past_year_never_again() -> None:
    leap = schedule({"months": ["february"], "days_of_month": ["29"], "years": ["2028"]})
    over = schedule({"years": ["2025"]})

    assert leap.next_start(at("2026-11-30T00:00Z")) == at("2028-02-29T00:00Z")
    assert over.next_start(at("2026-11-30T00:00Z")) is None


def test_months_and_years_that_no_interval_chooses_are_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    far = schedule(*[{"times": ["10:00-11:00"], "years": ["2034"], "months": ["december"]}] * 50)
    asked: list[date] = []
    chooses = TimeInterval.chooses

    def noting(interval: TimeInterval, day: date) -> bool:
        asked.append(day)
        return chooses(interval, day)

    monkeypatch.setattr(TimeInterval, "chooses", noting)

    assert far.next_start(at("2026-11-30T00:00Z")) == at("2034-12-01T10:00Z")
    assert {(day.year, day.month) for day in asked} == {(2034, 12)}


@given(
    st.lists(
        st.fixed_dictionaries(
            {"times": st.just(["20:00-03:00"])},
            optional={
                "years": st.sampled_from([["2026"], ["2027:2028"], ["2031"]]),
                "months": st.sampled_from([["february"], ["11:12"], ["1", "6:7"]]),
                "days_of_month": st.sampled_from([["29"], ["-1"], ["1:3"]]),
                "weekdays": st.sampled_from([["monday"], ["saturday:sunday"]]),
            },
        ),
        min_size=1,
        max_size=4,
    ),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
def test_what_is_skipped_chooses_no_day(intervals: list[dict[str, Any]], first: date) -> None:
    found = schedule(*intervals)
    days = (first + timedelta(days=number) for number in range(366 * 9 - 2))
    chosen = next((day for day in days if any(each.chooses(day) for each in found.intervals)), None)
    before = datetime.combine(first, time(), UTC) - timedelta(seconds=1)

    expected = None if chosen is None else datetime.combine(chosen, time(20), UTC)
    assert found.next_start(before + timedelta(hours=4)) == expected


@given(schedules)
def test_what_is_written_reads_as_it_was(found: Schedule) -> None:
    assert read(written(found), "windows") == found


def test_the_stored_form_is_read() -> None:
    found = stored('{"zone": "Europe/Berlin", "intervals": [{"months": ["5", "june:august"], "weekdays": ["Mon"]}]}')

    assert found.zone == ZoneInfo("Europe/Berlin")
    assert found.intervals[0].months == ((5, 5), (6, 8))
    assert found.intervals[0].weekdays == ((0, 0),)


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ("nights", "windows"),
        ({"intervals": []}, "windows.intervals"),
        ({}, "windows.intervals"),
        ({"intervals": [NIGHTS], "timezone": "UTC"}, "windows.timezone"),
        ({"intervals": [NIGHTS], "zone": "Mars/Olympus"}, "windows.zone"),
        ({"intervals": [NIGHTS], "zone": "../etc/passwd"}, "windows.zone"),
        ({"intervals": [NIGHTS], "zone": 1}, "windows.zone"),
        ({"intervals": [{}]}, "windows.intervals.0"),
        ({"intervals": [{"time": ["22:00-06:00"]}]}, "windows.intervals.0.time"),
        ({"intervals": [{"times": "22:00-06:00"}]}, "windows.intervals.0.times"),
        ({"intervals": [{"times": ["22-6"]}]}, "windows.intervals.0.times.0"),
        ({"intervals": [{"times": ["22:00-22:00"]}]}, "windows.intervals.0.times.0"),
        ({"intervals": [{"times": ["24:00-06:00"]}]}, "windows.intervals.0.times.0"),
        ({"intervals": [{"times": ["22:00"]}]}, "windows.intervals.0.times.0"),
        ({"intervals": [{"times": ["22:60-23:00"]}]}, "windows.intervals.0.times.0"),
        ({"intervals": [{"weekdays": ["someday"]}]}, "windows.intervals.0.weekdays.0"),
        ({"intervals": [{"weekdays": ["friday:monday"]}]}, "windows.intervals.0.weekdays.0"),
        ({"intervals": [{"weekdays": ["1"]}]}, "windows.intervals.0.weekdays.0"),
        ({"intervals": [{"months": ["13"]}]}, "windows.intervals.0.months.0"),
        ({"intervals": [{"days_of_month": ["0"]}]}, "windows.intervals.0.days_of_month.0"),
        ({"intervals": [{"days_of_month": ["32"]}]}, "windows.intervals.0.days_of_month.0"),
        ({"intervals": [{"days_of_month": ["-1:1"]}]}, "windows.intervals.0.days_of_month.0"),
        ({"intervals": [{"years": ["26"]}]}, "windows.intervals.0.years.0"),
        ({"intervals": [NIGHTS] * 51}, "windows.intervals"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place_and_a_remedy(given_: Any, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read(given_, "windows")

    [error] = refused.value.errors
    assert error.field == field
    assert error.remedy
