"""Rotations: members take turns on duty, each for some days of the local calendar. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sentinel.schedules.intervals import moment_of

FARTHEST = timedelta(days=400)
"""How far a change is looked for: longer than the longest turn."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Who follows whom. The first member begins on `starts_on`; duty is handed over at `handover` (minutes of the day).

    Before `starts_on` the turns are counted backwards, so there is somebody at any time.
    """

    members: tuple[str, ...]
    zone: ZoneInfo
    starts_on: date
    handover: int
    shift_days: int

    def start_of(self, turn: int) -> datetime:
        """When a turn begins; UTC. Days are counted on the calendar, so a clock change moves no handover."""
        day = self.starts_on + timedelta(days=turn * self.shift_days)
        return moment_of(day, self.handover, self.zone, is_last=False)

    def turn_at(self, moment: datetime) -> int:
        """Which turn a moment belongs to; the first one is 0."""
        days = (moment.astimezone(self.zone).date() - self.starts_on).days
        turn = days // self.shift_days
        return turn - 1 if moment < self.start_of(turn) else turn


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody who stands in, until `ends_at`, excluded."""

    member: str
    starts_at: datetime
    ends_at: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether it counts at a moment."""
        return self.starts_at <= moment < self.ends_at


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call, since when, and until when at least nothing changes."""

    member: str
    since: datetime
    until: datetime
    is_override: bool = False


def on_call(rotation: Rotation, overrides: Sequence[Override], moment: datetime) -> Duty:
    """Say who is on call at a moment. Of overrides that hold at once, the last of the list counts."""
    turn = rotation.turn_at(moment)
    changes = [rotation.start_of(turn + 1)]
    changes += [change for each in overrides for change in (each.starts_at, each.ends_at) if change > moment]
    standing_in = [each for each in overrides if each.holds(moment)]
    if standing_in:
        return Duty(standing_in[-1].member, standing_in[-1].starts_at, min(changes), is_override=True)
    member = rotation.members[turn % len(rotation.members)]
    return Duty(member, rotation.start_of(turn), min(changes))


def duties(rotation: Rotation, overrides: Sequence[Override], since: datetime, until: datetime) -> Iterator[Duty]:
    """Say who is on call from a moment until another, in order: each as long as nobody else is."""
    going = None
    while since < until:
        found = on_call(rotation, overrides, since)
        following = replace(found, since=since, until=min(found.until, until))
        if going is None:
            going = following
        elif (going.member, going.is_override) == (following.member, following.is_override):
            going = replace(going, until=following.until)
        else:
            yield going
            going = following
        since = following.until
    if going is not None:
        yield going


def next_duty(rotation: Rotation, overrides: Sequence[Override], moment: datetime) -> Duty | None:
    """Say who is the next on call that is somebody else, or as somebody else is; None: nobody within `FARTHEST`."""
    coming = duties(rotation, overrides, moment, moment + FARTHEST)
    next(coming)
    return next(coming, None)
