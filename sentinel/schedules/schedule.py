"""A schedule: time intervals of one place, and when they begin and end. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from sentinel.schedules.intervals import Span, TimeInterval

DAY = timedelta(days=1)

FARTHEST_DAYS = 366 * 9
"""How far a next time is looked for: a 29th of February is at most eight years away."""

LONGEST = timedelta(days=366)
"""How long intervals that follow each other without a gap are followed; what goes on is taken for endless."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times that come again: whenever one of its intervals holds, on the clocks of its zone."""

    intervals: tuple[TimeInterval, ...]
    zone: ZoneInfo

    def holds(self, moment: datetime) -> bool:
        """Whether a moment belongs to it."""
        today = moment.astimezone(self.zone).date()
        days = (today, today - DAY)  # hours that cross midnight are of the day before
        return any(
            start <= moment < end
            for day in days
            for each in self.intervals
            for start, end in each.spans_of(day, self.zone)
        )

    def until(self, moment: datetime) -> datetime | None:
        """When what holds at a moment is over; that moment if nothing holds, None if it does not end within a year."""
        found = self._span_around(moment)
        if found is None:
            return moment
        return found[1] if found[1] - moment <= LONGEST else None

    def next_start(self, moment: datetime) -> datetime | None:
        """When it next begins to hold after a moment, at which it may hold already; None: not within nine years."""
        return next((start for start, _ in self.spans(moment) if start > moment), None)

    def always_ends(self, now: datetime) -> bool:
        """Whether what holds now, or begins within a year, ends within one."""
        near = takewhile(lambda span: span[0] < now + LONGEST, self.spans(now))
        return all(end - max(start, now) <= LONGEST for start, end in near)

    def spans(self, since: datetime) -> Iterator[Span]:
        """When it holds, from the span around `since` on, in order; spans that touch are one.

        Ends after nine years, and with a span that is longer than a year.
        """
        began, ended = None, since
        for start, end in self._pieces(since):
            if began is None or start > ended:
                if began is not None and ended > since:
                    yield began, ended
                began, ended = start, end
            ended = max(ended, end)
            if ended - max(began, since) > LONGEST:
                break
        if began is not None and ended > since:
            yield began, ended

    def _pieces(self, since: datetime) -> Iterator[Span]:
        """The hours of each day in order, from two days before `since` on."""
        day = since.astimezone(self.zone).date() - 2 * DAY
        end = day + FARTHEST_DAYS * DAY
        while day < end:
            # A month that none of them chooses is passed over at once: it may be years until one does.
            following = min(_next_month(day), end)
            near = [each for each in self.intervals if each.chooses_month(day)]
            while near and day < following:
                yield from sorted(span for each in near for span in each.spans_of(day, self.zone))
                day += DAY
            day = following

    def _span_around(self, moment: datetime) -> Span | None:
        at = moment.astimezone(UTC)
        for span in self.spans(at):
            return span if span[0] <= at < span[1] else None
        return None


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
