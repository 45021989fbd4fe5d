"""Fingerprints and times of alerts are Alertmanager's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.clock import written
from sentinel.services.alerting.reports import fingerprint, read_moment


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        ({}, 14695981039346656037),
        ({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346),
    ],
)
def test_fingerprints_are_those_of_prometheus(labels: dict[str, str], number: int) -> None:
    assert fingerprint(tuple(sorted(labels.items()))) == f"{number:016x}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00.000Z", None),
        ("2026-11-20T18:00:00Z", datetime(2026, 11, 20, 18, tzinfo=UTC)),
        ("2026-11-20T18:00:00.123456789Z", datetime(2026, 11, 20, 18, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-20t19:00:00+01:00", datetime(2026, 11, 20, 18, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_go_writes_them(text: str | None, moment: datetime | None) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize("value", ["now", "2026-11-20", "2026-11-20T18:00:00", 5, "9999-12-31T23:59:59-01:00"])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong is said where it is caught
        read_moment(value)


@given(moment=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_a_time_that_is_written_is_read_again_to_the_millisecond(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)

    assert read_moment(written(aware)) == aware.replace(microsecond=aware.microsecond // 1000 * 1000)
