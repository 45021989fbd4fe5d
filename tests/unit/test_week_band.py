"""The week of a rotation as a band: bars fill it without a gap, days by the clocks of the place, one colour each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.schedules.rotation import Override, Rotation
from sentinel.services.escalating.rosters import week
from sentinel.web.week_band import TINTS, Band, band
from tests.unit.schedules.clock_changes import WEEKS_OF_CLOCK_CHANGES

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]


def drawn(rotation: Rotation, now: datetime, *overrides: Override) -> Band:
    return band(week(rotation, overrides, now), rotation.members, rotation.zone, now=now)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES).map(ZoneInfo),
    st.sampled_from(WEEKS_OF_CLOCK_CHANGES),
    st.integers(0, 7 * 24),
    st.integers(1, 10),
    st.integers(0, 24 * 60 - 1),
)
def test_through_clock_changes_bars_fill_the_week_and_now_is_in_its_first_day(
    zone: ZoneInfo, around: datetime, hours: int, shift_days: int, handover: int
) -> None:
    now = around + timedelta(hours=hours)
    rotation = Rotation(("ann", "bob", "cid"), zone, date(2026, 1, 1), handover, shift_days)

    found = drawn(rotation, now, Override("eve", now, now + timedelta(hours=5)))

    assert found.bars[0].left == 0
    assert sum(bar.width for bar in found.bars) == pytest.approx(100, abs=0.01)
    assert all(bar.width > 0 for bar in found.bars)
    assert len(found.days) == 7
    assert found.days[0][1] == now.astimezone(zone).strftime("%a %-d")
    assert found.days[0][0] <= found.now < found.days[1][0]
    assert any(bar.is_override and bar.member == "eve" for bar in found.bars)


def test_each_member_has_a_colour_and_who_stands_in_another_one() -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    rotation = Rotation(("ann", "bob"), ZoneInfo("UTC"), date(2026, 11, 30), 0, 1)

    found = drawn(rotation, now, Override("eve", now, now + timedelta(hours=1)))

    assert {bar.member: bar.tint for bar in found.bars} == {"ann": 0, "bob": 1, "eve": 2}


def test_colours_begin_again_where_there_are_more_members() -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    members = tuple(f"m{number}" for number in range(TINTS + 2))
    rotation = Rotation(members, ZoneInfo("UTC"), date(2026, 11, 30) - timedelta(days=TINTS), 0, 1)

    assert [bar.tint for bar in drawn(rotation, now).bars][:2] == [0, 1]
