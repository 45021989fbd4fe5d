"""Rhythms: when a signal should be there, in windows and over both clock changes. No false alarm, none missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentinel.schedules.reading import read
from sentinel.schedules.rhythm import Rhythm
from sentinel.schedules.schedule import Schedule

MINUTE = timedelta(minutes=1)
CLOCK_CHANGES = (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC))
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")


def windows(*times: str, zone: str = "Europe/Berlin", **others: Any) -> Schedule:
    return read({"zone": zone, "intervals": [{"times": list(times), **others}]}, "schedule")


def berlin(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)  # type: ignore[arg-type,misc]


OFFICE = windows("09:00-17:00", weekdays=["monday:friday"])
NIGHT = windows("02:00-04:00")


@pytest.mark.parametrize(
    ("rhythm", "seen", "expected"),
    [
        (Rhythm(300), berlin(2026, 11, 30, 10, 0), berlin(2026, 11, 30, 10, 5)),
        (Rhythm(300, OFFICE), berlin(2026, 11, 30, 10, 0), berlin(2026, 11, 30, 10, 5)),
        # Friday's last one, at closing time or just before, is followed by one on Monday.
        (Rhythm(300, OFFICE), berlin(2026, 11, 27, 16, 58), berlin(2026, 11, 30, 9, 5)),
        (Rhythm(300, OFFICE), berlin(2026, 11, 28, 12, 0), berlin(2026, 11, 30, 9, 5)),
        # A window that is shorter than the interval wants one by its end.
        (Rhythm(86_400, OFFICE), berlin(2026, 11, 27, 18, 0), berlin(2026, 11, 30, 17, 0)),
        # Once in each window, and the one that has come is enough for its own.
        (Rhythm(None, NIGHT), berlin(2026, 11, 30, 1, 0), berlin(2026, 11, 30, 4, 0)),
        (Rhythm(None, NIGHT), berlin(2026, 11, 30, 3, 0), berlin(2026, 12, 1, 4, 0)),
        (Rhythm(None, NIGHT), berlin(2026, 11, 30, 4, 0), berlin(2026, 12, 1, 4, 0)),
    ],
)
def test_the_next_signal_is_expected_in_its_window(rhythm: Rhythm, seen: datetime, expected: datetime) -> None:
    assert rhythm.expected_after(seen) == expected


def test_in_the_night_of_a_clock_change_the_window_is_that_of_the_clocks() -> None:
    spring = Rhythm(None, NIGHT).expected_after(berlin(2026, 3, 29, 0, 30))
    autumn = Rhythm(None, windows("01:00-03:30")).expected_after(berlin(2026, 10, 25, 0, 30))

    assert spring == datetime(2026, 3, 29, 2, 0, tzinfo=UTC)  # 04:00 in summer time
    assert autumn == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)  # 03:30 in winter time


def test_what_never_comes_again_is_never_expected() -> None:
    past = windows("02:00-04:00", years=["2020"])

    assert Rhythm(None, past).expected_after(berlin(2026, 11, 30, 1, 0)) is None
    assert Rhythm(60, past).expected_after(berlin(2026, 11, 30, 1, 0)) is None


def test_windows_without_a_gap_and_an_interval_are_an_interval() -> None:
    always = read({"intervals": [{"times": ["00:00-24:00"]}]}, "schedule")
    seen = berlin(2026, 11, 30, 23, 59)

    assert Rhythm(300, always).expected_after(seen) == seen + timedelta(seconds=300)
    assert Rhythm(None, always).expected_after(seen) is None


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Windows of at least half an hour, some across midnight, on some days, in a zone that changes its clocks."""
    starts = draw(st.lists(st.integers(0, 23), min_size=1, max_size=3, unique=True))
    times = [f"{hour:02}:00-{(hour + draw(st.integers(1, 12))) % 24:02}:30" for hour in starts]
    days = draw(st.sampled_from([{}, {"weekdays": ["monday:friday"]}, {"weekdays": ["sunday"]}]))
    found = windows(*times, zone=draw(st.sampled_from(ZONES)), **days)
    assume(found.always_ends(min(CLOCK_CHANGES)))  # several can hold the whole day: who wants that needs no windows
    return found


def weeks() -> st.SearchStrategy[datetime]:
    """A moment in the week around one of the clock changes."""
    return st.builds(
        lambda start, minutes: start + minutes * MINUTE, st.sampled_from(CLOCK_CHANGES), st.integers(0, 7 * 1440)
    )


def test_windows_that_never_end_expect_nothing_by_themselves() -> None:
    always = windows("00:00-12:30", "12:00-00:30", zone=ZONES[0])

    assert Rhythm(None, always).expected_after(CLOCK_CHANGES[0]) is None
    assert Rhythm(300, always).expected_after(CLOCK_CHANGES[0]) == CLOCK_CHANGES[0] + 5 * MINUTE


@settings(deadline=None)
@given(schedules(), weeks(), st.one_of(st.none(), st.integers(5, 200_000)))
def test_a_signal_is_expected_while_a_window_holds_and_never_before_there_was_time_for_it(
    schedule: Schedule, seen: datetime, every: int | None
) -> None:
    expected = Rhythm(every, schedule).expected_after(seen)

    assert expected is not None
    assert expected > seen
    span = next(each for each in schedule.spans(seen) if each[1] >= expected)
    assert span[0] <= expected <= span[1]
    if expected < span[1]:
        assert every is not None
        assert expected - max(seen, span[0]) == timedelta(seconds=every)


@settings(max_examples=40, deadline=None)
@given(schedules(), weeks(), st.integers(900, 7200))
def test_a_sender_that_signals_in_time_in_each_window_is_never_missed(
    schedule: Schedule, began: datetime, every: int
) -> None:
    """It signals at each window's start and then at its interval: there is no false alarm."""
    rhythm = Rhythm(every, schedule)
    seen = began
    for start, end in islice(schedule.spans(began), 5):
        moment = max(start, began)
        while moment < end:
            expected = rhythm.expected_after(seen)
            assert expected is not None
            assert moment <= expected
            seen = moment
            moment += timedelta(seconds=every)


@settings(deadline=None)
@given(schedules(), weeks(), st.one_of(st.none(), st.integers(60, 7200)))
def test_a_sender_that_dies_is_missed_by_the_end_of_the_next_whole_window(
    schedule: Schedule, died: datetime, every: int | None
) -> None:
    expected = Rhythm(every, schedule).expected_after(died)

    whole = next(each for each in schedule.spans(died) if each[0] > died)
    assert expected is not None
    assert expected <= whole[1]
