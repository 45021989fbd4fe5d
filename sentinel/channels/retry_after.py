"""How long a provider asks us to wait, read from its headers: the only place that parses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_EPOCH_FROM = 1e9  # a smaller number cannot be a moment of our time: it counts seconds from now


def asked_wait(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds to wait, never negative; None when no header says so in a form we understand.

    The number is the provider's wish as it stands: whoever plans the next try clamps it.
    """
    retry_after = headers.get("Retry-After")
    if retry_after is not None:
        seconds = _seconds(retry_after)
        return _until_date(retry_after, now) if seconds is None else seconds
    for name in ("X-RateLimit-Reset", "RateLimit-Reset"):
        seconds = _seconds(headers.get(name, ""))
        if seconds is not None:
            return _from_epoch(seconds, now)
    return None


def _seconds(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text := text.strip()) else None


def _from_epoch(seconds: float, now: datetime) -> float:
    return seconds if seconds < _EPOCH_FROM else max(0.0, seconds - now.timestamp())


def _until_date(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" means UTC without a place
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
