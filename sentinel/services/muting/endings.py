"""Whether a silence ends by itself, and whether it is time to remind somebody of its end. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.models import Silence
from sentinel.models.silence import EndReason, SilenceState

LOOK = timedelta(seconds=10)
"""How often a silence is looked at that ends when its alerts are resolved."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a silence: its end and why, whether somebody is reminded, and when it is looked at next."""

    ended: EndReason | None = None
    is_reminder_due: bool = False
    next_look_at: datetime | None = None


def decide(silence: Silence, *, is_matched: bool, now: datetime) -> Decision:
    """Say what becomes of a silence. `is_matched`: an alert fires that it matches."""
    state = silence.state(now)
    if state is SilenceState.EXPIRED:
        return Decision()
    if state is SilenceState.PENDING:
        return Decision(next_look_at=silence.starts_at)
    if silence.ends_when_resolved and silence.alert_matched_at is not None and not is_matched:
        return Decision(EndReason.RESOLVED)
    quiet_at = _quiet_at(silence)
    if quiet_at is not None and quiet_at <= now and not is_matched:
        return Decision(EndReason.QUIET)
    remind_at = _remind_at(silence)
    is_due = remind_at is not None and remind_at <= now
    looks = _looks(silence, None if is_due else remind_at, quiet_at, now)
    return Decision(None, is_due, min((each for each in looks if each < silence.ends_at), default=None))


def _quiet_at(silence: Silence) -> datetime | None:
    """When nothing has matched for long enough, if nothing does until then."""
    if silence.ends_after_quiet_seconds is None:
        return None
    since = max(silence.starts_at, silence.last_matched_at or silence.starts_at)
    return since + timedelta(seconds=silence.ends_after_quiet_seconds)


def _remind_at(silence: Silence) -> datetime | None:
    if silence.remind_before_seconds is None or silence.reminded_at is not None:
        return None
    return silence.ends_at - timedelta(seconds=silence.remind_before_seconds)


def _looks(
    silence: Silence, remind_at: datetime | None, quiet_at: datetime | None, now: datetime
) -> Iterator[datetime]:
    """When there may be something to decide. An alert that fires on keeps a silence from being quiet."""
    if silence.ends_when_resolved:
        yield now + LOOK
    if quiet_at is not None and silence.ends_after_quiet_seconds is not None:
        yield quiet_at if quiet_at > now else now + timedelta(seconds=silence.ends_after_quiet_seconds)
    if remind_at is not None:
        yield remind_at
