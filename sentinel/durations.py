"""Lengths of time and moments, as people write them (`90s`, `5m`, `2d`, an ISO 8601 time) and as they are told them.

A length is said in two ways: `written` is exact and is read back, in rules, forms and on the command line; `told` is
for who looks, and says no more than one wants to know.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86_400
SIZES = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": 1}
STEPS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"))
SECONDS_WITH_TENTHS = 10
_SHORT = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)


def parse_seconds(text: str) -> int:
    """Return how many seconds `text` means (`15m`). Raises ValueError."""
    short = _SHORT.fullmatch(text.strip())
    if short is None:
        raise ValueError(f"{text} is no length of time")
    seconds = int(short[1]) * SIZES[short[2]]
    if seconds > timedelta.max.total_seconds():
        raise ValueError(f"{text} is longer than time goes")
    return seconds


def written(seconds: int) -> str:
    """A length as it is typed, in the largest unit that fits it: `90s`, `5m`, `1w`."""
    if not seconds:
        return "0s"
    unit, size = next((unit, size) for unit, size in SIZES.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"


def told(length: float | timedelta) -> str:
    """A length in at most two of its parts, rounded down: `3 d 4 h`, `12 min`, `5 s`, `40 ms`."""
    left = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if left < 1:
        return f"{left * 1000:.0f} ms" if left > 0 else "0 s"
    if left < MINUTE:
        return f"{left:.1f} s" if left < SECONDS_WITH_TENTHS and left != int(left) else f"{int(left)} s"
    rest = int(left)
    first = next(place for place, (size, _) in enumerate(STEPS) if rest >= size)
    parts = []
    for size, name in STEPS[first : first + 2]:
        count, rest = divmod(rest, size)
        parts += [f"{count} {name}"] if count else []
    return " ".join(parts)


def parse_since(text: str, *, now: datetime) -> datetime:
    """Return the moment `text` means: so long before `now`, or an aware ISO time. Raises ValueError."""
    return _moment(text, now=now, direction=-1)


def parse_until(text: str, *, now: datetime) -> datetime:
    """Return the moment `text` means: so long after `now`, or an aware ISO time. Raises ValueError."""
    return _moment(text, now=now, direction=1)


def _moment(text: str, *, now: datetime, direction: int) -> datetime:
    short = _SHORT.fullmatch(text.strip())
    if short:
        try:
            return now + direction * timedelta(seconds=int(short[1]) * SIZES[short[2]])
        except OverflowError:
            raise ValueError(f"{text} is farther away than time goes") from None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text} is not a time") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset; end it with Z or +01:00")
    return moment
