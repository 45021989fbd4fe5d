"""What may be wrong with a silence that somebody wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.errors import FieldError, InvalidInputError
from sentinel.rules import matchers
from sentinel.rules.matchers import Matcher
from sentinel.schedules.schedule import Schedule
from sentinel.services.muting.matchers import LONGEST_VALUE, SHOWN, errors_of, written

LONGEST_COMMENT, LONGEST_CREATOR = 1000, 255
FARTHEST_END = timedelta(days=36_500)
"""PostgreSQL keeps years that Python cannot read again: one such row would break every list it is in."""
LEAST_SECONDS, MOST_SECONDS = 60, 366 * 24 * 3600
"""Of waits and reminders; the sweeper looks every few seconds."""


@dataclass(frozen=True, slots=True)
class Manners:
    """When a silence holds, what ends it early, and who is told before its end."""

    windows: Schedule | None = None
    ends_when_resolved: bool = False
    ends_after_quiet_seconds: int | None = None
    remind_before_seconds: int | None = None
    remind: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A silence as somebody wants it; times aware. Without a start it begins now, or as it did before.

    Without manners it has those it had before: Alertmanager's clients know none.
    """

    matchers: tuple[Matcher, ...]
    starts_at: datetime | None
    ends_at: datetime
    created_by: str
    comment: str = ""
    manners: Manners | None = None


def check(wanted: Wanted, *, now: datetime) -> None:
    """Say what is wrong with what is wanted."""
    errors = [*_matcher_errors(wanted.matchers), *_time_errors(wanted, now), *_text_errors(wanted)]
    if wanted.manners is not None:
        errors += _seconds_errors(wanted.manners)
    if wanted.manners is not None and not errors:
        errors += _manners_errors(wanted, wanted.manners, now)
    if errors:
        raise InvalidInputError(*errors)


def check_matchers(wanted: Sequence[Matcher]) -> None:
    """Say what is wrong with matchers alone."""
    if errors := _matcher_errors(wanted):
        raise InvalidInputError(*errors)


def _matcher_errors(wanted: Sequence[Matcher]) -> list[FieldError]:
    errors = errors_of(wanted, "matchers")
    if not errors and matchers.match_anything(wanted):
        shown, remedy = written(wanted)[:LONGEST_VALUE], "add a matcher that asks for a label to be there"
        errors = [FieldError("matchers", shown, "would silence every event without these labels", remedy)]
    return errors


def _time_errors(wanted: Wanted, now: datetime) -> list[FieldError]:
    shown = wanted.ends_at.isoformat()
    if wanted.starts_at is not None and wanted.ends_at <= wanted.starts_at:
        return [FieldError("ends_at", shown, "is not after starts_at", "choose a later time")]
    if wanted.ends_at <= now:
        return [FieldError("ends_at", shown, "lies in the past", "choose a time to come")]
    if wanted.ends_at > now + FARTHEST_END:
        return [FieldError("ends_at", shown, "is too far away", f"choose a time within {FARTHEST_END.days} days")]
    return []


def _text_errors(wanted: Wanted) -> list[FieldError]:
    longest = (("created_by", wanted.created_by, LONGEST_CREATOR), ("comment", wanted.comment, LONGEST_COMMENT))
    return [
        FieldError(name, f"{text[:SHOWN]}…", f"has {len(text)} characters", f"at most {most} are kept")
        for name, text, most in longest
        if len(text) > most
    ]


def _seconds_errors(manners: Manners) -> Iterator[FieldError]:
    for name in ("ends_after_quiet_seconds", "remind_before_seconds"):
        seconds = getattr(manners, name)
        if seconds is not None and not LEAST_SECONDS <= seconds <= MOST_SECONDS:
            remedy = f"use {LEAST_SECONDS} to {MOST_SECONDS} seconds, or leave it out"
            yield FieldError(name, seconds, "is too short or too long", remedy)
    if (manners.remind is None) is not (manners.remind_before_seconds is None):
        field = "remind" if manners.remind is None else "remind_before_seconds"
        remedy = "name an endpoint as `remind`, and how long before the end as `remind_before_seconds`"
        yield FieldError(field, None, "is missing", remedy)


def _manners_errors(wanted: Wanted, manners: Manners, now: datetime) -> Iterator[FieldError]:
    """Refuse windows of which none opens any more, and a reminder before the beginning."""
    starts_at = wanted.starts_at or now
    if manners.windows is not None and not _opens(manners.windows, max(starts_at, now), wanted.ends_at):
        remedy = "move ends_at behind the start of a window, or change the windows"
        yield FieldError("windows", "(object)", "have none between starts_at and ends_at", remedy)
    seconds = manners.remind_before_seconds
    if seconds is not None and wanted.ends_at - starts_at <= timedelta(seconds=seconds):
        remedy = "choose less than the silence lasts"
        yield FieldError("remind_before_seconds", seconds, "lies before the silence begins", remedy)


def _opens(windows: Schedule, starts_at: datetime, ends_at: datetime) -> bool:
    start = starts_at if windows.holds(starts_at) else windows.next_start(starts_at)
    return start is not None and start < ends_at
