"""When a route is not told: Alertmanager's time intervals as one schedule. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sentinel.importing import boxes
from sentinel.importing.boxes import InexpressibleError
from sentinel.importing.configuration import Configuration, Route
from sentinel.schedules.intervals import TimeInterval
from sentinel.schedules.reading import MOST_INTERVALS
from sentinel.schedules.schedule import Schedule


class UntoldError(ValueError):
    """Times that no schedule of ours can be; its message says why."""


def quiet_times(route: Route, configuration: Configuration, now: datetime) -> Schedule | None:
    """When the route's alerts are not told: while one of `mute` holds, or none of `active`. None: they always are.

    Raises `UntoldError`, also where they would not be told for a year from now.
    """
    muted = [each for name in route.mute for each in configuration.intervals[name]]
    active = [each for name in route.active for each in configuration.intervals[name]]
    if not muted and not active:
        return None
    zone = _one_zone([*muted, *active])
    intervals = [part for each in muted for part in each.intervals]
    if active:
        intervals += complement([part for each in active for part in each.intervals])
    found = tuple(dict.fromkeys(intervals))
    if len(found) > MOST_INTERVALS:
        raise UntoldError(f"they make {len(found)} intervals, and a schedule has {MOST_INTERVALS} at most")
    quiet = Schedule(found, zone)
    if not quiet.always_ends(now):
        raise UntoldError("they leave a year or more in which its alerts would be told to nobody")
    return quiet if found else None


def complement(intervals: Sequence[TimeInterval]) -> list[TimeInterval]:
    """Intervals that hold whenever none of these does. Raises `UntoldError`."""
    try:
        return [boxes.interval(each) for each in boxes.outside(map(boxes.box, intervals))]
    except InexpressibleError:
        raise UntoldError("the days of the month beside them cannot be written as ranges of days") from None


def _one_zone(schedules: Sequence[Schedule]) -> ZoneInfo:
    zones = sorted({each.zone.key for each in schedules})
    if len(zones) > 1:
        raise UntoldError(f"they go by the clocks of {' and '.join(zones)}, and a schedule has one zone")
    return schedules[0].zone
