"""Quiet hours of an endpoint: what is told to it at once, what later, and what never. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.logs import get_logger
from sentinel.rules.syntax import SEVERITIES
from sentinel.schedules import reading
from sentinel.schedules.schedule import LONGEST, Schedule

log = get_logger(__name__)

FIELD = "quiet_hours"
HOLD, DROP = "hold", "drop"
MODES = (HOLD, DROP)
PASSES_FROM = "critical"
CACHED = 2000
SAMPLE = {
    "windows": {"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-07:00"]}]},
    "mode": HOLD,
    "passes_from": "critical",
}


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When an endpoint wants to be left alone, what becomes of messages then, and which ones come all the same."""

    windows: Schedule
    mode: str = HOLD
    """`hold`: they are told together when the quiet hours are over. `drop`: they are not told."""
    passes_from: str | None = PASSES_FROM
    """Messages of this severity and higher ones pass; none: nothing does."""

    @property
    def drops(self) -> bool:
        """Whether what comes meanwhile is not told."""
        return self.mode == DROP

    def lets_pass(self, severity: str | None) -> bool:
        """Whether a message is told at any hour; one without a severity is below all that have one."""
        if self.passes_from is None or severity not in SEVERITIES:
            return False
        return SEVERITIES.index(severity) <= SEVERITIES.index(self.passes_from)

    def until(self, now: datetime) -> datetime | None:
        """When the endpoint is no longer left alone; None: it is not now.

        What seems endless is looked at again in a year.
        """
        if not self.windows.holds(now):
            return None
        return _end(self.windows, now) or now + LONGEST

    def holds_back(self, severity: str | None, now: datetime) -> datetime | None:
        """Until when a message is not told; None: it may be told now."""
        return None if self.lets_pass(severity) else self.until(now)


def read(given: Mapping[str, Any], *, now: datetime) -> QuietHours:
    """Read what somebody wrote. Raises `InvalidInputError` that names the place."""
    windows = reading.read(given.get("windows"), f"{FIELD}.windows")
    found = QuietHours(windows, given.get("mode", HOLD), given.get("passes_from", PASSES_FROM))
    if not found.drops and not windows.always_ends(now):
        message = "has no end within a year, and what is held would never be told"
        remedy = f'leave gaps between the intervals, or use mode "{DROP}"'
        raise InvalidInputError(FieldError(f"{FIELD}.windows", shown(given.get("windows")), message, remedy))
    return found


def written(quiet_hours: QuietHours) -> dict[str, Any]:
    """Write quiet hours as `read` takes them."""
    return {
        "windows": reading.written(quiet_hours.windows),
        "mode": quiet_hours.mode,
        "passes_from": quiet_hours.passes_from,
    }


def stored(text: str | None) -> QuietHours | None:
    """Read the JSON of an endpoint's row, which was checked before; the same text is read once.

    What cannot be read any more, as its zone is known no longer, keeps nobody waiting: it is not quiet.
    """
    return None if text is None else _stored(text)


def end_of(row: Mapping[str, Any] | None, now: datetime) -> datetime | None:
    """When the quiet hours of an endpoint's row end; None: it is not quiet now."""
    found = None if row is None else _read_surely(row)
    return None if found is None else found.until(now)


@lru_cache(maxsize=CACHED)
def _stored(text: str) -> QuietHours | None:
    return _read_surely(orjson.loads(text))


def _read_surely(row: Mapping[str, Any]) -> QuietHours | None:
    try:
        return _of_row(row)
    except InvalidInputError as error:
        log.warning("quiet_hours_unreadable", quiet_hours=row, error=str(error))
        return None


def _of_row(row: Mapping[str, Any]) -> QuietHours:
    return QuietHours(reading.read(row["windows"], FIELD), row["mode"], row["passes_from"])


@lru_cache(maxsize=CACHED)
def _end(windows: Schedule, now: datetime) -> datetime | None:
    """A batch has one `now`, and many messages to the same endpoint."""
    return windows.until(now)
