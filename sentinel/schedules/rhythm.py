"""A rhythm: how often something is expected, and at which times; when it is next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.schedules.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Something is expected after so many seconds, in certain windows, or once in each window.

    At least one of the two is given.
    """

    every_seconds: int | None = None
    windows: Schedule | None = None

    def expected_after(self, seen: datetime) -> datetime | None:
        """When the next one should be there, after one at `seen`; None: never again.

        Each window counts anew from its start. One that is too short for the interval wants one by its end, and so
        does any where there is no interval.
        """
        if self.windows is None:
            return self._later(seen)
        for start, end in self.windows.spans(seen):
            by = self._later(max(seen, start))
            if by is not None and by < end:
                return by
            if start > seen:
                return end
        return None

    def _later(self, moment: datetime) -> datetime | None:
        return None if self.every_seconds is None else moment + timedelta(seconds=self.every_seconds)
