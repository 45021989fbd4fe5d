"""Ids sort by time, and only what PostgreSQL takes for an id is one."""

from __future__ import annotations

import os
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.ids import first_id, is_id, new_id, new_ids

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
KNOWN = "01a1fb51-12c7-7639-9ce9-a1d6fe245600"


@given(moment=MOMENTS)
def test_an_id_is_a_uuid_of_version_7(moment: datetime) -> None:
    made = uuid.UUID(new_id(moment))

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(moment.timestamp() * 1000)


@given(moment=MOMENTS, later=st.integers(1, 10**9))
def test_ids_sort_by_their_time(moment: datetime, later: int) -> None:
    assert new_id(moment) < new_id(moment + timedelta(milliseconds=later, microseconds=1))


@given(moment=MOMENTS, count=st.integers(0, 1000))
def test_ids_of_one_moment_keep_their_order_and_differ(moment: datetime, count: int) -> None:
    made = new_ids(moment, count)

    assert made == sorted(set(made))
    assert len(made) == count


@given(moment=MOMENTS, before=st.integers(2, 10**9))
def test_the_first_id_of_a_moment_divides_before_from_after(moment: datetime, before: int) -> None:
    assert first_id(moment) <= new_id(moment)
    assert new_id(max(moment - timedelta(milliseconds=before), datetime(1970, 1, 1, tzinfo=UTC))) <= first_id(
        moment
    ) or before > (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)])
def test_before_1970_every_id_is_later(moment: datetime) -> None:
    assert first_id(moment) < new_id(datetime(1970, 1, 1, tzinfo=UTC))


def test_calls_of_one_process_keep_their_order_within_a_millisecond() -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)

    made = [each for _ in range(1000) for each in new_ids(moment, 2)]

    assert made == sorted(set(made))


def test_a_child_process_does_not_make_its_parents_ids() -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    new_id(moment)
    read_end, write_end = os.pipe()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        os.write(write_end, new_id(moment).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read_end, 36).decode() != new_id(moment)


def test_threads_do_not_make_the_same_id() -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)

    with ThreadPoolExecutor(4) as pool:
        made = [each for ids in pool.map(lambda _: new_ids(moment, 10), range(400)) for each in ids]

    assert len(set(made)) == 4000


@pytest.mark.parametrize("text", [KNOWN, KNOWN.upper()])
def test_an_id_is_an_id(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        KNOWN[:-1],
        KNOWN + "0",
        KNOWN.replace("-", ""),
        f"urn:uuid:{KNOWN}",
        f"{{{KNOWN}}}",
        f" {KNOWN}",
        "+" + KNOWN.replace("-", "")[1:],
        KNOWN.replace("0", "\u0660"),
        "0_1a1fb51-12c7-7639-9ce9-a1d6fe24560",
    ],
)
def test_what_python_takes_for_a_uuid_but_postgresql_does_not_is_no_id(text: str) -> None:
    assert not is_id(text)


@given(text=st.text(max_size=50))
def test_any_text_is_an_id_or_not(text: str) -> None:
    assert is_id(text) in (True, False)
