"""Silences end by themselves for one of two reasons, and remind once; the decision is pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.models import Silence
from sentinel.models.silence import EndReason
from sentinel.services.muting.endings import LOOK, Decision, decide

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
END = START + timedelta(hours=8)


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


def silence(**changes: Any) -> Silence:
    return Silence(**{"starts_at": START, "ends_at": END, "ends_when_resolved": False, "matched": 0} | changes)


def decided(row: Silence, at: float, *, is_matched: bool = False) -> Decision:
    return decide(row, is_matched=is_matched, now=minutes(at))


def test_one_that_ends_with_its_alerts_ends_once_none_fires_any_more() -> None:
    row = silence(ends_when_resolved=True, alert_matched_at=minutes(1))

    assert decided(row, 2, is_matched=True) == Decision(next_look_at=minutes(2) + LOOK)
    assert decided(row, 3).ended is EndReason.RESOLVED


def test_it_does_not_end_before_it_has_matched_an_alert() -> None:
    row = silence(ends_when_resolved=True, matched=7)

    assert decided(row, 400) == Decision(next_look_at=minutes(400) + LOOK)


def test_it_does_not_end_before_it_has_begun() -> None:
    row = silence(ends_when_resolved=True, ends_after_quiet_seconds=60, alert_matched_at=minutes(-9))

    assert decided(row, -5) == Decision(next_look_at=START)


@pytest.mark.parametrize(
    ("last", "at", "ended", "next_look"),
    [
        (None, 29, None, 30),
        (None, 30, EndReason.QUIET, None),
        (20, 30, None, 50),
        (20, 50, EndReason.QUIET, None),
        (-60, 29, None, 30),
    ],
)
def test_one_that_ends_when_it_is_quiet_waits_since_its_start_or_its_last_match(
    last: float | None, at: float, ended: EndReason | None, next_look: float | None
) -> None:
    row = silence(ends_after_quiet_seconds=1800, last_matched_at=None if last is None else minutes(last))

    found = decided(row, at)

    assert (found.ended, found.next_look_at) == (ended, None if next_look is None else minutes(next_look))


def test_an_alert_that_fires_on_is_no_quiet() -> None:
    row = silence(ends_after_quiet_seconds=1800)

    assert decided(row, 40, is_matched=True) == Decision(next_look_at=minutes(70))


def test_the_reminder_is_due_once_before_the_end() -> None:
    row = silence(remind_before_seconds=900)

    assert decided(row, 464) == Decision(next_look_at=minutes(465))
    assert decided(row, 465) == Decision(is_reminder_due=True)
    row.reminded_at = minutes(465)
    assert decided(row, 466) == Decision()


def test_what_has_ended_by_itself_reminds_nobody() -> None:
    row = silence(remind_before_seconds=900, ends_after_quiet_seconds=60)

    assert decided(row, 470) == Decision(EndReason.QUIET)


@given(at=st.integers(-60, 600), is_matched=st.booleans(), ends_when_resolved=st.booleans(), is_reminded=st.booleans())
def test_a_silence_is_looked_at_later_and_before_its_end_or_not_at_all(
    *, at: int, is_matched: bool, ends_when_resolved: bool, is_reminded: bool
) -> None:
    row = silence(ends_when_resolved=ends_when_resolved, ends_after_quiet_seconds=3600, remind_before_seconds=600)
    row.reminded_at = START if is_reminded else None

    found = decided(row, at, is_matched=is_matched)

    if found.next_look_at is not None:
        assert minutes(at) < found.next_look_at < END
        assert found.ended is None
