"""The wait that a provider asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.retry_after import asked_wait

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": " 120 "}, 120),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "Fri, 20 Nov 2026 12:01:00 GMT"}, 60),
        ({"Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "Fri, 20 Nov 2026 12:01:00 -0000"}, 60),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Fri, 20 Nov 99999 12:01:00 GMT"}, None),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 30)}, 30),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) - 30)}, 0),
        ({"X-RateLimit-Reset": "30"}, 30),
        ({"RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Reset": "soon", "RateLimit-Reset": "7"}, 7),
        ({"Retry-After": "5", "X-RateLimit-Reset": "30"}, 5),
    ],
)
def test_each_form_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers, now=NOW) == seconds


@given(st.integers(min_value=0, max_value=10**9))
def test_seconds_are_taken_as_they_are(seconds: int) -> None:
    assert asked_wait({"Retry-After": str(seconds)}, now=NOW) == seconds


@given(st.integers(min_value=-(10**8), max_value=10**8))
def test_a_date_is_the_distance_from_now_and_never_negative(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert asked_wait({"Retry-After": date}, now=NOW) == max(0, seconds)


@given(st.integers(min_value=10**9, max_value=4 * 10**9))
def test_an_epoch_is_the_distance_from_now_and_never_negative(epoch: int) -> None:
    wait = asked_wait({"X-RateLimit-Reset": str(epoch)}, now=NOW)

    assert wait == max(0, epoch - NOW.timestamp())


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_a_header_may_say_is_an_error(first: str, second: str, third: str) -> None:
    headers = {"Retry-After": first, "X-RateLimit-Reset": second, "RateLimit-Reset": third}

    wait = asked_wait(headers, now=NOW)

    assert wait is None or 0 <= wait < float("inf")
