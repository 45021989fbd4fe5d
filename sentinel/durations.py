"""Times as people write them: `90s`, `5m`, `1h`, `2d`, or an ISO 8601 time with an offset."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)


def in_seconds(text: str) -> int:
    """Return how many seconds `5m`, `2h` or `1d` are. Raises ValueError."""
    short = _SHORT.fullmatch(text.strip())
    if short is None:
        raise ValueError(f"{text!r} is no length of time")
    return int(short[1]) * round(timedelta(**{UNITS[short[2]]: 1}).total_seconds())


def parse_since(text: str, *, now: datetime) -> datetime:
    """Return the moment `text` means: so long before `now`, or an aware ISO time. Raises ValueError."""
    return _moment(text, now=now, direction=-1)


def parse_until(text: str, *, now: datetime) -> datetime:
    """Return the moment `text` means: so long after `now`, or an aware ISO time. Raises ValueError."""
    return _moment(text, now=now, direction=1)


def parse_seconds(text: str) -> int:
    """Return how many seconds `text` means (`15m`). Raises ValueError."""
    short = _SHORT.fullmatch(text.strip())
    if short is None:
        raise ValueError(f"{text} is not a duration")
    try:
        return int(timedelta(**{UNITS[short[2]]: int(short[1])}).total_seconds())
    except OverflowError:
        raise ValueError(f"{text} is longer than time goes") from None


def _moment(text: str, *, now: datetime, direction: int) -> datetime:
    short = _SHORT.fullmatch(text.strip())
    if short:
        try:
            return now + direction * timedelta(**{UNITS[short[2]]: int(short[1])})
        except OverflowError:
            raise ValueError(f"{text} is farther away than time goes") from None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text} is not a time") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset; end it with Z or +01:00")
    return moment
