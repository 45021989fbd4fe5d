"""Quiet hours: what is told at once, what later, and what never, through whole weeks of clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.rules.syntax import SEVERITIES
from sentinel.services import quiet_hours
from sentinel.services.quiet_hours import DROP, HOLD, QuietHours

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
NIGHTS = {"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-07:00"]}]}
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")
WEEKS_OF_CLOCK_CHANGES = (
    datetime(2026, 3, 5, tzinfo=UTC),
    datetime(2026, 3, 26, tzinfo=UTC),
    datetime(2026, 4, 1, tzinfo=UTC),
    datetime(2026, 9, 3, tzinfo=UTC),
    datetime(2026, 10, 1, tzinfo=UTC),
    datetime(2026, 10, 22, tzinfo=UTC),
    datetime(2026, 10, 29, tzinfo=UTC),
)
WEEK = timedelta(days=8)

severities = st.sampled_from([*SEVERITIES, None])
hours = (
    st.tuples(st.integers(0, 47), st.integers(0, 47))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: "-".join(f"{half // 2:02}:{half % 2 * 30:02}" for half in pair))
)
intervals = st.fixed_dictionaries(
    {"times": st.lists(hours, min_size=1, max_size=2)},
    optional={"weekdays": st.lists(st.sampled_from(["monday:friday", "saturday:sunday", "wednesday"]), min_size=1)},
)
windows = st.builds(
    lambda found, zone: {"zone": zone, "intervals": found},
    st.lists(intervals, min_size=1, max_size=2),
    st.sampled_from(ZONES),
)


def quiet(**changes: Any) -> QuietHours:
    return quiet_hours.read({"windows": NIGHTS} | changes, now=NOW)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("passes_from", "passing"),
    [
        ("critical", {"critical"}),
        ("high", {"critical", "high"}),
        ("low", set(SEVERITIES)),
        (None, set()),
    ],
)
def test_from_a_severity_on_messages_pass_and_one_without_any_never_does(
    passes_from: str | None, passing: set[str]
) -> None:
    night = berlin("2026-11-02 23:00")
    found = quiet(passes_from=passes_from)

    assert {each for each in (*SEVERITIES, None) if found.holds_back(each, night) is None} == passing
    assert found.holds_back(None, berlin("2026-11-02 12:00")) is None


def test_critical_passes_and_the_rest_is_held_until_morning_unless_said_otherwise() -> None:
    found = quiet()

    assert (found.mode, found.passes_from, found.drops) == (HOLD, "critical", False)
    assert found.holds_back("high", berlin("2026-11-02 23:00")) == berlin("2026-11-03 07:00")


@pytest.mark.parametrize(
    ("night", "hours"),
    [("2026-10-24 22:00", 10), ("2026-03-28 22:00", 8), ("2026-11-02 22:00", 9)],
)
def test_a_night_of_a_clock_change_is_as_long_as_it_is(night: str, hours: int) -> None:
    start = berlin(night)

    assert quiet().holds_back("low", start) == start + timedelta(hours=hours)


@settings(max_examples=60, deadline=None)
@given(
    windows=windows,
    week=st.sampled_from(WEEKS_OF_CLOCK_CHANGES),
    passes_from=severities,
    messages=st.lists(st.tuples(st.integers(0, int(WEEK.total_seconds())), severities), max_size=40),
)
def test_each_message_of_a_week_is_told_once_at_once_or_as_the_quiet_hours_end(
    windows: dict[str, Any], week: datetime, passes_from: str | None, messages: list[tuple[int, str | None]]
) -> None:
    try:
        found = quiet_hours.read({"windows": windows, "passes_from": passes_from}, now=week)
    except InvalidInputError:
        return  # it never ends
    spans = [span for span in found.windows.spans(week) if span[0] < week + 2 * WEEK]
    for second, severity in messages:
        came_at = week + timedelta(seconds=second)
        span = next((each for each in spans if each[0] <= came_at < each[1]), None)

        told_at = found.holds_back(severity, came_at) or came_at

        if span is None or found.lets_pass(severity):
            assert told_at == came_at
        else:
            assert told_at == span[1]
            assert not any(start <= told_at < end for start, end in spans)
            assert found.holds_back(severity, told_at) is None


@given(windows, st.sampled_from([HOLD, DROP]), severities)
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_again(windows: dict[str, Any], mode: str, passes_from: str | None) -> None:
    try:
        found = quiet_hours.read({"windows": windows, "mode": mode, "passes_from": passes_from}, now=NOW)
    except InvalidInputError:
        return
    assert quiet_hours.stored(orjson.dumps(quiet_hours.written(found)).decode()) == found


def test_without_any_an_endpoint_has_none() -> None:
    assert quiet_hours.stored(None) is None


def test_what_never_ends_can_be_dropped_and_not_held() -> None:
    always = {"zone": "UTC", "intervals": [{"times": ["00:00-12:00"]}, {"times": ["12:00-24:00"]}]}

    with pytest.raises(InvalidInputError, match=r"quiet_hours\.windows.*never be told.*gaps"):
        quiet(windows=always)

    found = quiet(windows=always, mode=DROP, passes_from="high")
    assert found.holds_back("high", NOW) is None
    assert found.holds_back("medium", NOW) is not None


def test_what_is_wrong_is_named_with_its_place() -> None:
    with pytest.raises(InvalidInputError, match=r"quiet_hours\.windows\.intervals\.0\.times\.0"):
        quiet(windows={"intervals": [{"times": ["25:00-07:00"]}]})
