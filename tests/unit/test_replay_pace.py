"""The pace of bulk replays: how many letters are taken up, and when somebody looks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.models import LetterReplay
from sentinel.services.bookkeeping.replays import SLICE, portion

BEGAN = datetime(2026, 11, 20, 18, tzinfo=UTC)
AHEAD = timedelta(seconds=10)


def replay(*, rate: int, total: int, seen: int = 0) -> LetterReplay:
    return LetterReplay(rate=rate, total=total, seen=seen, paced_from=BEGAN)


def test_what_fits_into_the_time_ahead_is_taken_up_at_once() -> None:
    found = portion(replay(rate=1, total=3), now=BEGAN, ahead=AHEAD)

    assert (found.size, found.paced_from) == (3, BEGAN)


def test_no_more_is_taken_up_than_has_its_turn_soon() -> None:
    found = portion(replay(rate=5, total=1000), now=BEGAN, ahead=AHEAD)

    assert (found.size, found.next_look_at) == (50, BEGAN + timedelta(seconds=5))


def test_one_transaction_takes_a_slice_and_the_next_follows_at_once() -> None:
    found = portion(replay(rate=500, total=1_000_000), now=BEGAN, ahead=AHEAD)

    assert (found.size, found.next_look_at) == (SLICE, BEGAN)


def test_a_time_in_which_nobody_looked_is_not_made_up_for() -> None:
    later = BEGAN + timedelta(hours=1)

    found = portion(replay(rate=5, total=1000, seen=50), now=later, ahead=AHEAD)

    assert found.paced_from + timedelta(seconds=50 / 5) == later
    assert found.size == 50


@settings(max_examples=40, deadline=None)
@given(
    rate=st.integers(1, 1000),
    total=st.integers(1, 5_000),
    pauses=st.lists(st.floats(0, 60), min_size=1, max_size=20),
)
def test_no_second_has_more_turns_than_the_rate_and_every_letter_gets_one(
    rate: int, total: int, pauses: list[float]
) -> None:
    row, now, turns = replay(rate=rate, total=total), BEGAN, list[float]()
    steps = iter(pauses * (total + 1))
    while row.seen < total:
        found = portion(row, now=now, ahead=AHEAD)
        assert now <= found.next_look_at
        first = (found.paced_from - BEGAN).total_seconds()
        turns += [first + place / rate for place in range(row.seen, row.seen + found.size)]
        row.paced_from, row.seen = found.paced_from, row.seen + found.size
        now = found.next_look_at + timedelta(seconds=0 if found.size == SLICE else next(steps))

    assert len(turns) == total
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert all(gap >= 1 / rate - 1e-4 for gap in gaps)
