"""Times as people write them: `90s`, `5m`, `1h`, `2d`, or an ISO 8601 time with an offset."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)


def parse_since(text: str, *, now: datetime) -> datetime:
    """Return the moment `text` means: so long before `now`, or an aware ISO time. Raises ValueError."""
    short = _SHORT.fullmatch(text.strip())
    if short:
        try:
            return now - timedelta(**{UNITS[short[2]]: int(short[1])})
        except OverflowError:
            raise ValueError(f"{text} is longer ago than time goes back") from None
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset; end it with Z or +01:00")
    return moment
