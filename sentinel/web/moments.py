"""Times to come, as people type them and as pages say them: how long from now, or a time, UTC unless it says more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentinel.durations import parse_seconds, parse_until, written
from sentinel.errors import FieldError, InvalidInputError, shown

WHEN = 'write how long ("30m", "2h", "1d"), or a time: "2026-12-24 18:00" is UTC, "2026-12-24T18:00+01:00" is not'
HOW_LONG = 'write how long: "15m", "2h", "1d"'


def read_moment(given: str, field: str, *, now: datetime) -> datetime | None:
    """Read a time; None where nothing was typed. Times without an offset are UTC, as everywhere on these pages."""
    if not given:
        return None
    try:
        return _as_utc(given) or parse_until(given, now=now)
    except ValueError:
        raise InvalidInputError(FieldError(field, shown(given), "is no time", WHEN)) from None


def _as_utc(given: str) -> datetime | None:
    """A date, or a time of one, that names no offset; None for everything else."""
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else None


def required_moment(given: str, field: str, *, now: datetime) -> datetime:
    """Read a time that there must be."""
    found = read_moment(given, field, now=now)
    if found is None:
        raise InvalidInputError(FieldError(field, "", "is missing", WHEN))
    return found


def read_length(given: str, field: str) -> int | None:
    """Read a length of time, in seconds; None where nothing was typed."""
    try:
        return parse_seconds(given) if given else None
    except ValueError:
        raise InvalidInputError(FieldError(field, shown(given), "is no length of time", HOW_LONG)) from None


def in_short(length: timedelta | int | None) -> str:
    """A length of time as people type it: `90s`, `15m`, `2h`; nothing as nothing."""
    if length is None:
        return ""
    return written(max(1, round(length.total_seconds())) if isinstance(length, timedelta) else length)


def when(at: datetime, *, now: datetime) -> str:
    """A time to come, to the minute, in UTC: `18:00`, `Thu 24 Dec 18:00`, `Thu 24 Dec 2026 18:00`."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    if at.date() == now.date():
        return at.strftime("%H:%M")
    return at.strftime("%a %-d %b %H:%M" if at.year == now.year else "%a %-d %b %Y %H:%M")
