"""Times as people write them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.durations import SIZES, parse_seconds, parse_since, told, written

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
        (" 2d ", timedelta(days=2)),
        ("3w", timedelta(weeks=3)),
        ("0s", timedelta()),
    ],
)
def test_a_number_and_a_unit_is_so_long_ago(text: str, ago: timedelta) -> None:
    assert parse_since(text, now=NOW) == NOW - ago


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T18:00:00Z", NOW),
        ("2026-11-20T19:00:00+01:00", NOW),
        ("2026-11-20 18:00+00:00", NOW),
        ("20261120T180000Z", NOW),
    ],
)
def test_an_iso_time_with_an_offset_is_itself(text: str, moment: datetime) -> None:
    assert parse_since(text, now=NOW) == moment


@pytest.mark.parametrize(
    "text", ["", "h", "5", "5 m", "-5m", "1.5h", "5H", "٣h", "yesterday", "2026-13-01T00:00:00Z", "\x00"]
)
def test_anything_else_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_since(text, now=NOW)


@pytest.mark.parametrize("text", ["2026-11-20", "2026-11-20T18:00:00"])
def test_a_time_without_an_offset_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no offset; end it with Z or \+01:00"):
        parse_since(text, now=NOW)


@pytest.mark.parametrize("text", ["999999999w", "999999999d", "999999999h"])
def test_before_the_first_year_there_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text} is farther away than time goes"):
        parse_since(text, now=NOW)


@given(number=st.integers(0, 20_000), unit=st.sampled_from(sorted(SIZES)))
def test_so_long_ago_is_never_after_now_and_grows_with_the_number(number: int, unit: str) -> None:
    found = parse_since(f"{number}{unit}", now=NOW)

    assert found.tzinfo is not None
    assert found <= NOW
    assert parse_since(f"{number + 1}{unit}", now=NOW) < found


@given(
    moment=st.datetimes(timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))),
)
def test_every_iso_time_that_python_writes_is_read_back(moment: datetime) -> None:
    assert parse_since(moment.isoformat(), now=NOW) == moment


@given(text=st.text(max_size=40))
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_since(text, now=NOW).tzinfo is not None


@given(number=st.integers(0, 20_000), unit=st.sampled_from(sorted(SIZES)))
def test_a_duration_is_as_long_as_it_is_ago(number: int, unit: str) -> None:
    text = f"{number}{unit}"

    assert NOW - timedelta(seconds=parse_seconds(text)) == parse_since(text, now=NOW)


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "2026-11-20T18:00:00Z", "999999999w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no length of time|is longer than time goes"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "90s"), (300, "5m"), (7200, "2h"), (86_400, "1d"), (604_800, "1w"), (604_801, "604801s")],
)
def test_a_length_is_written_in_the_largest_unit_that_fits_it(seconds: int, text: str) -> None:
    assert written(seconds) == text


@given(st.integers(0, 10**8))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_seconds(written(seconds)) == seconds


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.04, "40 ms"),
        (4.25, "4.2 s"),
        (40, "40 s"),
        (59.9, "59 s"),
        (119, "1 min"),
        (timedelta(minutes=12), "12 min"),
        (7199, "1 h 59 min"),
        (7200, "2 h"),
        (timedelta(days=3, minutes=5), "3 d"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
    ],
)
def test_a_length_is_told_in_two_parts_at_most(length: float | timedelta, said: str) -> None:
    assert told(length) == said


@given(st.floats(0, 1e9))
def test_whatever_is_told_is_short(seconds: float) -> None:
    assert len(told(seconds)) <= len("11574 d 23 h")
