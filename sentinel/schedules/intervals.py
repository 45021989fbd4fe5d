"""A time interval: which days, and which hours of them, on the clocks of some place. Pure.

Days are chosen as Alertmanager's time intervals choose them
(https://prometheus.io/docs/alerting/latest/configuration/#time_interval). Hours may cross midnight; they then belong to
the day on which they begin.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Range = tuple[int, int]
"""From and to, both included."""

MINUTES_OF_A_DAY = 24 * 60

Span = tuple[datetime, datetime]
"""From, included, until, excluded; UTC."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes since midnight, `start` included and `end` not. One that does not end after its start ends next day."""

    start: int
    end: int


WHOLE_DAY = (Hours(0, MINUTES_OF_A_DAY),)


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Days that all fields choose, and their hours. An empty field chooses everything.

    `weekdays` count from Monday, 0. `days_of_month` below zero count from the month's end: -1 is the last day.
    """

    hours: tuple[Hours, ...] = WHOLE_DAY
    weekdays: tuple[Range, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()

    def chooses(self, day: date) -> bool:
        """Whether hours of this day belong to it."""
        return _within(day.weekday(), self.weekdays) and self.chooses_month(day) and self._chooses_day_of_month(day)

    def chooses_month(self, day: date) -> bool:
        """Whether any day of this day's month may belong to it."""
        return _within(day.month, self.months) and _within(day.year, self.years)

    def spans_of(self, day: date, zone: ZoneInfo) -> Iterator[Span]:
        """When its hours of a day are, on the clocks of a place; hours that a clock change leaves out are not."""
        if not self.chooses(day):
            return
        for hours in self.hours:
            start = moment_of(day, hours.start, zone, is_last=False)
            minutes = hours.end if hours.end > hours.start else hours.end + MINUTES_OF_A_DAY
            end = moment_of(day, minutes, zone, is_last=True)
            if start < end:
                yield start, end

    def _chooses_day_of_month(self, day: date) -> bool:
        if not self.days_of_month:
            return True
        length = monthrange(day.year, day.month)[1]
        return any(_from_start(a, length) <= day.day <= _from_start(b, length) for a, b in self.days_of_month)


def moment_of(day: date, minutes: int, zone: ZoneInfo, *, is_last: bool) -> datetime:
    """When clocks show a time of a day, for the first or the last time; UTC.

    Where a clock change leaves that time out, it is the moment of the change.
    """
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moment = local.replace(tzinfo=zone, fold=int(is_last)).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    return _change_around(local, zone)


def _change_around(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which clocks jump over `local`: between readings of it by the offset after and the one before."""
    early, late = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _within(number: int, ranges: tuple[Range, ...]) -> bool:
    return not ranges or any(low <= number <= high for low, high in ranges)


def _from_start(day: int, length: int) -> int:
    """A day of a month of that length, counted from its start; below 1 where the month is too short for it."""
    return length + 1 + day if day < 0 else day
