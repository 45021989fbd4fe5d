"""When silences hold, and what they hold back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from sentinel.errors import InvalidInputError
from sentinel.logs import get_logger
from sentinel.models import Silence
from sentinel.models.silence import SilenceState
from sentinel.rules import matchers
from sentinel.rules.matchers import Matcher
from sentinel.schedules.reading import stored
from sentinel.schedules.schedule import Schedule
from sentinel.services.muting.matchers import read_all

log = get_logger(__name__)

StoredSilence = tuple[str, Sequence[Mapping[str, Any]], str | None]
"""An active silence as the database has it: its id, its matchers, and its windows as JSON text."""


@dataclass(frozen=True, slots=True)
class Held:
    """A silence that holds, ready to be asked."""

    id: str
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class QuietTimes:
    """Whether a silence holds at a moment, until when, and when it next begins to; None: it does not."""

    is_quiet_now: bool
    quiet_until: datetime | None
    quiet_from: datetime | None


def held(active: Iterable[StoredSilence], *, now: datetime) -> tuple[Held, ...]:
    """Read active silences, and leave out those of which no window is open."""
    return tuple(
        Held(silence_id, read_all(stored_matchers))
        for silence_id, stored_matchers, windows in active
        if windows is None or _is_open(silence_id, windows, now)
    )


def _is_open(silence_id: str, windows: str, now: datetime) -> bool:
    """Windows that cannot be read any more, as their zone is known no longer, hold nothing back."""
    try:
        return stored(windows).holds(now)
    except InvalidInputError as error:
        log.warning("silence_unreadable", silence_id=silence_id, error=str(error))
        return False


def silencing(holding: Iterable[Held], body: Mapping[str, Any]) -> list[str]:
    """Return the ids of those silences that match an event."""
    return [silence.id for silence in holding if matchers.match(silence.matchers, body)]


def as_stored(row: Silence) -> StoredSilence:
    """A silence as `held` takes it."""
    return row.id, row.matchers, None if row.windows is None else orjson.dumps(row.windows).decode()


def windows_of(row: Silence) -> Schedule | None:
    """When a silence holds between its start and its end; None: all the time."""
    text = as_stored(row)[2]
    return None if text is None else stored(text)


def quiet_times(row: Silence, *, now: datetime) -> QuietTimes:
    """Say whether a silence holds, until when, and when next."""
    state, windows = row.state(now), windows_of(row)
    if state is SilenceState.EXPIRED:
        return QuietTimes(is_quiet_now=False, quiet_until=None, quiet_from=None)
    if windows is None:
        is_active = state is SilenceState.ACTIVE
        return QuietTimes(is_active, row.ends_at if is_active else None, None if is_active else row.starts_at)
    return _within(windows, max(now, row.starts_at), row.ends_at, is_active=state is SilenceState.ACTIVE)


def _within(windows: Schedule, at: datetime, ends_at: datetime, *, is_active: bool) -> QuietTimes:
    is_open = windows.holds(at)
    if is_open and is_active:
        until = windows.until(at) or ends_at
        return QuietTimes(is_quiet_now=True, quiet_until=min(until, ends_at), quiet_from=_next(windows, at, ends_at))
    starts = at if is_open else _next(windows, at, ends_at)
    return QuietTimes(is_quiet_now=False, quiet_until=None, quiet_from=starts)


def _next(windows: Schedule, at: datetime, ends_at: datetime) -> datetime | None:
    found = windows.next_start(at)
    return found if found is not None and found < ends_at else None
