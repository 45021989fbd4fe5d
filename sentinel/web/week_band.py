"""A week of a rotation as a band: who is on call when, in parts of its width. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sentinel.services.escalating.rosters import Week

TINTS = 8
"""Colours of members; then they begin again."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Somebody's time. `left` and `width` are hundredths of the band, `tint` is one of `TINTS`."""

    left: float
    width: float
    member: str
    tint: int
    is_override: bool
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Band:
    """The bars of a week; each day by where it begins and what it is called; and where now is."""

    bars: Sequence[Bar]
    days: Sequence[tuple[float, str]]
    now: float


def band(week: Week, members: Sequence[str], zone: ZoneInfo, *, now: datetime) -> Band:
    """Lay out a week. Members have their colours by their places, who stands in those that follow."""
    start, end = week.midnights[0], week.midnights[-1]

    def place(moment: datetime) -> float:
        return round((moment - start) / (end - start) * 100, 3)

    known = list(dict.fromkeys((*members, *sorted({each.member for each in week.duties}))))
    bars = [
        Bar(
            place(each.since),
            round(place(each.until) - place(each.since), 3),
            each.member,
            known.index(each.member) % TINTS,
            each.is_override,
            each.since,
            each.until,
        )
        for each in week.duties
    ]
    days = [(place(midnight), midnight.astimezone(zone).strftime("%a %-d")) for midnight in week.midnights[:-1]]
    return Band(bars, days, place(now))
