"""Schedules as lines: each word is known by its looks, and what is written is read again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.schedules.lines import read_lines, written_lines
from sentinel.schedules.reading import read
from sentinel.schedules.schedule import Schedule

WORDS = {
    "times": ["09:00-17:30", "22:00-06:00", "00:00-24:00"],
    "weekdays": ["monday", "tuesday:thursday", "saturday:sunday"],
    "days_of_month": ["1", "1:7", "-1", "-7:-1", "28:-2"],
    "months": ["may", "march:october"],
    "years": ["2026", "2026:2028"],
}
intervals = st.fixed_dictionaries(
    {}, optional={kind: st.lists(st.sampled_from(words), min_size=1, max_size=2) for kind, words in WORDS.items()}
).filter(bool)


def lines(*texts: str, zone: str = "Europe/Berlin") -> Schedule:
    found = read_lines(texts, zone, field="windows")
    assert found is not None
    return found


@given(st.lists(intervals, min_size=1, max_size=3))
def test_what_is_written_is_read_again_as_it_was(given_: list[dict[str, list[str]]]) -> None:
    found = read({"zone": "Europe/Berlin", "intervals": given_}, "windows")

    assert lines(*written_lines(found)) == found


@pytest.mark.parametrize(
    ("line", "interval"),
    [
        ("monday:friday 22:00-06:00", {"weekdays": ["monday:friday"], "times": ["22:00-06:00"]}),
        (
            "Mon, Wed 9:00-12:00 13:00-17:00".replace(" 9", " 09"),
            {"weekdays": ["monday", "wednesday"], "times": ["09:00-12:00", "13:00-17:00"]},
        ),
        ("december 24:26", {"months": ["december"], "days_of_month": ["24:26"]}),
        ("-1 2026", {"days_of_month": ["-1"], "years": ["2026"]}),
    ],
)
def test_a_line_means_an_interval(line: str, interval: dict[str, list[str]]) -> None:
    assert lines(line) == read({"zone": "Europe/Berlin", "intervals": [interval]}, "windows")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("22-06", "windows.intervals.0.times.0"),
        ("someday", "windows.intervals.0.weekdays.0"),
        ("32", "windows.intervals.0.days_of_month.0"),
    ],
)
def test_a_word_that_means_nothing_is_named(line: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        lines(line)

    assert [error.field for error in refused.value.errors] == [field]


def test_no_line_is_no_schedule() -> None:
    assert read_lines([], "UTC", field="windows") is None
