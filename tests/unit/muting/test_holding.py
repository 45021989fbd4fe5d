"""Silences with windows hold by the clocks of their place, and say until when and when next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.models import Silence
from sentinel.schedules.reading import read
from sentinel.services.muting.holding import as_stored, held, quiet_times
from tests.unit.schedules.clock_changes import WEEKS_OF_CLOCK_CHANGES

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
INTERVALS: tuple[dict[str, Any], ...] = (
    {"times": ["22:00-06:00"]},
    {"times": ["02:00-03:00"]},
    {"weekdays": ["sunday"], "times": ["01:30-02:30", "23:00-24:00"]},
    {"weekdays": ["saturday:sunday"]},
    {"weekdays": ["monday:friday"], "times": ["09:00-17:30"]},
)
STEP = timedelta(minutes=15)

windows = st.builds(
    lambda zone, intervals: {"zone": zone, "intervals": intervals},
    st.sampled_from(ZONES),
    st.lists(st.sampled_from(INTERVALS), min_size=1, max_size=2),
)


def silence(starts_at: datetime, ends_at: datetime, windows: dict[str, Any] | None = None) -> Silence:
    return Silence(id="s", matchers=[], starts_at=starts_at, ends_at=ends_at, windows=windows)


@settings(max_examples=25, deadline=None)
@given(windows, st.sampled_from(WEEKS_OF_CLOCK_CHANGES), st.integers(0, 96), st.integers(97, 700))
def test_through_whole_weeks_it_holds_when_it_says_it_does(
    given_windows: dict[str, Any], week: datetime, first: int, last: int
) -> None:
    row = silence(week + first * STEP, week + last * STEP, given_windows)
    schedule = read(given_windows, "windows")

    for number in range(8 * 96):
        now = week + number * STEP
        found = quiet_times(row, now=now)
        is_quiet = row.starts_at <= now < row.ends_at and schedule.holds(now)
        assert found.is_quiet_now is is_quiet
        assert bool(held([as_stored(row)], now=now)) is schedule.holds(now)
        if found.quiet_until is not None:
            assert now < found.quiet_until <= row.ends_at
            last_moment = found.quiet_until - timedelta(microseconds=1)
            assert quiet_times(row, now=last_moment).quiet_until == found.quiet_until
        if found.quiet_from is not None:
            assert now <= found.quiet_from < row.ends_at
            assert quiet_times(row, now=found.quiet_from).is_quiet_now
            assert is_quiet or not quiet_times(row, now=found.quiet_from - timedelta(microseconds=1)).is_quiet_now


def at(hour: int, day: int = 1) -> datetime:
    return datetime(2026, 12, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(9), (False, None, at(10))),
        (at(10), (True, at(12), None)),
        (at(12), (False, None, None)),
    ],
)
def test_without_windows_it_holds_from_its_start_to_its_end(
    now: datetime, expected: tuple[bool, datetime | None, datetime | None]
) -> None:
    found = quiet_times(silence(at(10), at(12)), now=now)

    assert (found.is_quiet_now, found.quiet_until, found.quiet_from) == expected


def test_a_window_ends_with_the_silence_and_the_next_one_is_named_while_one_is_open() -> None:
    nights = {"zone": "UTC", "intervals": [{"times": ["22:00-06:00"]}]}
    row = silence(at(0, 1), at(3, 3), nights)

    open_now, last = quiet_times(row, now=at(23, 1)), quiet_times(row, now=at(1, 3))

    assert (open_now.quiet_until, open_now.quiet_from) == (at(6, 2), at(22, 2))
    assert (last.is_quiet_now, last.quiet_until, last.quiet_from) == (True, at(3, 3), None)


def test_one_that_begins_within_a_window_is_quiet_from_its_start() -> None:
    nights = {"zone": "UTC", "intervals": [{"times": ["22:00-06:00"]}]}

    assert quiet_times(silence(at(2), at(12), nights), now=at(1)).quiet_from == at(2)
