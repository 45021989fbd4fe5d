"""Times as people type them into forms, and lengths as they are written for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.web.moments import in_short, read_length, read_moment, required_moment, when

NOW = datetime(2026, 11, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("2h", datetime(2026, 11, 30, 22, tzinfo=UTC)),
        ("2026-12-24 18:00", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24", datetime(2026, 12, 24, tzinfo=UTC)),
        ("2026-12-24T18:00+01:00", datetime(2026, 12, 24, 17, tzinfo=UTC)),
        ("2026-12-24T18:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("", None),
    ],
)
def test_a_time_is_read(typed: str, means: datetime | None) -> None:
    assert read_moment(typed, "ends_at", now=NOW) == means


@pytest.mark.parametrize("typed", ["soon", "2h30", "24.12.2026", "99999999w", "2026-13-01"])
def test_what_is_no_time_is_refused_with_what_to_write(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="ends_at: is no time"):
        read_moment(typed, "ends_at", now=NOW)


def test_a_time_that_there_must_be_is_asked_for() -> None:
    with pytest.raises(InvalidInputError, match="ends_at: is missing"):
        required_moment("", "ends_at", now=NOW)


@given(st.integers(1, 10**8))
def test_a_length_is_read_as_it_is_written(seconds: int) -> None:
    assert read_length(in_short(seconds), "x") == seconds
    assert in_short(timedelta(seconds=seconds)) == in_short(seconds)


def test_no_length_is_none_and_nonsense_is_refused() -> None:
    assert (read_length("", "x"), in_short(None)) == (None, "")
    with pytest.raises(InvalidInputError, match="x: is no length of time"):
        read_length("an hour", "x")


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(hours=1), "21:00"),
        (timedelta(hours=5), "Tue 1 Dec 01:00"),
        (timedelta(days=40), "Sat 9 Jan 2027 20:00"),
    ],
)
def test_a_time_to_come_is_said_as_short_as_it_is_clear(later: timedelta, said: str) -> None:
    assert when(NOW + later, now=NOW) == said
