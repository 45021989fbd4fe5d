"""What follows from a report: a pure function from (where a notification stands, report) to where it stands then."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sentinel.channels.base import Outcome
from sentinel.channels.reports import Again, Effect, Meaning
from sentinel.models.status import Status, sources
from sentinel.settings import Settings

PACIFIC = ZoneInfo("America/Los_Angeles")
HALF_HOUR = timedelta(minutes=30)
JITTER = 0.1
"""Waits of many messages that failed together do not end together."""

MAYBE_ACCEPTED = (Outcome.OK, Outcome.AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class Try:
    """One try at a provider; `message_id` is what the provider calls the message, where that is known."""

    number: int
    provider: str
    outcome: str
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a notification stands, as far as reports are concerned. Tries that were certainly refused are left out."""

    status: Status
    tries: tuple[Try, ...]
    expires_at: datetime | None = None
    reason: str | None = None
    due_at: datetime | None = None
    message_id: str | None = None
    """Of the try that brought it here, where a report has told it."""


class Fate(StrEnum):
    """What became of the report itself."""

    APPLIED = "APPLIED"
    IGNORED = "IGNORED"
    WAITS = "WAITS"
    """It cannot be read yet: our own commit may still be under way."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report led to."""

    standing: Standing
    fate: Fate
    detail: str
    adopted: Try | None = None
    """A try without the provider's id, with the one that the report has told."""
    is_suppressing: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment, and how long to wait for another send."""

    now: datetime
    settings: Settings


def follow(standing: Standing, provider: str, message_id: str | None, meaning: Meaning, clock: Clock) -> Reading:
    """Decide what `meaning`, said of the message that the provider calls `message_id`, changes."""
    if meaning.effect is Effect.NOTHING:
        fate = Fate.APPLIED if meaning.suppresses else Fate.IGNORED
        return Reading(standing, fate, meaning.reason or "says nothing about delivery", is_suppressing=True)
    found = _find(standing, provider, message_id)
    if found is not None:
        return _about(standing, found, meaning, clock, is_news=False)
    unnamed = None if standing.status is Status.SENDING else _unnamed(standing, provider)
    if unnamed is None or message_id is None:
        return Reading(standing, Fate.WAITS, "fits no try of this notification")
    named = replace(unnamed, message_id=message_id.partition(".")[0])
    tries = tuple(named if each is unnamed else each for each in standing.tries)
    reading = _about(replace(standing, tries=tries), named, meaning, clock, is_news=True)
    return replace(reading, fate=Fate.APPLIED, adopted=named)


def _find(standing: Standing, provider: str, message_id: str | None) -> Try | None:
    """The try of that id. What SendGrid adds to it behind a dot is left out."""
    ours = (each for each in standing.tries if each.provider == provider and each.message_id and message_id)
    return next((each for each in ours if f"{message_id}.".startswith(f"{each.message_id}.")), None)


def _unnamed(standing: Standing, provider: str) -> Try | None:
    """The last try that may have been accepted, though nobody has told us the provider's id."""
    ours = [each for each in standing.tries if each.provider == provider and each.message_id is None]
    return ours[-1] if ours else None


def _about(standing: Standing, found: Try, meaning: Meaning, clock: Clock, *, is_news: bool) -> Reading:
    if meaning.effect is Effect.DELIVERED:
        return _delivered(standing, found)
    if found is not standing.tries[-1]:
        return Reading(standing, Fate.IGNORED, "is about an earlier send")
    if meaning.effect is Effect.ACCEPTED:
        return _accepted(standing, found, is_news=is_news)
    return _undelivered(standing, found, meaning, clock, is_news=is_news)


def _delivered(standing: Standing, found: Try) -> Reading:
    if standing.status is Status.SENDING:
        return Reading(standing, Fate.WAITS, "another send is under way")
    if standing.status in sources(Status.DELIVERED):
        return _moved(standing, Status.DELIVERED, found)
    return Reading(standing, Fate.IGNORED, f"it is {standing.status} already")


def _accepted(standing: Standing, found: Try, *, is_news: bool) -> Reading:
    """Settle a send in doubt: the provider has it, so no second copy may leave."""
    if is_news and standing.status in (Status.AMBIGUOUS, Status.RETRYING):
        return _moved(standing, Status.SENT, found)
    return Reading(standing, Fate.IGNORED, "tells nothing new")


def _undelivered(standing: Standing, found: Try, meaning: Meaning, clock: Clock, *, is_news: bool) -> Reading:
    # Of a try that was known, a row that waits for the next one has heard already.
    is_open = standing.status is Status.SENT or (is_news and standing.status in (Status.AMBIGUOUS, Status.RETRYING))
    if not is_open:
        # A mail server may take a message and send it back later: the address is bad all the same.
        is_late = standing.status is Status.DELIVERED
        return Reading(standing, Fate.IGNORED, f"it is {standing.status} already", is_suppressing=is_late)
    due_at = _another_send(standing, meaning, clock)
    if due_at is None:
        return replace(_moved(standing, Status.UNDELIVERED, found, meaning.reason), is_suppressing=True)
    if standing.status is Status.RETRYING:
        return Reading(standing, Fate.APPLIED, "another send is on its way")
    reading = _moved(standing, Status.RETRYING, found, meaning.reason)
    return replace(reading, standing=replace(reading.standing, due_at=due_at))


def _moved(standing: Standing, status: Status, found: Try, reason: str | None = None) -> Reading:
    moved = replace(standing, status=status, reason=reason, due_at=None, message_id=found.message_id)
    return Reading(moved, Fate.APPLIED, f"{standing.status} to {status}")


def _another_send(standing: Standing, meaning: Meaning, clock: Clock) -> datetime | None:
    """When the message is sent anew; None when that would not help, was done often enough, or comes too late."""
    already = sum(each.message_id is not None for each in standing.tries) - 1
    wait = _wait(meaning.again, max(already, 0), clock)
    if wait is None:
        return None
    due_at = clock.now + wait
    return due_at if standing.expires_at is None or due_at < standing.expires_at else None


def _wait(again: Again, already: int, clock: Clock) -> timedelta | None:
    waits, later = clock.settings.resend_seconds, clock.settings.resend_later_seconds
    if again is Again.SOON and already < len(waits):
        return timedelta(seconds=waits[already] * _around())
    if again is Again.NEVER or again is Again.SOON or already:
        return None
    if again is Again.LATER:
        return timedelta(seconds=random.uniform(later, 2 * later))  # noqa: S311 - spreads load, hides nothing
    if again is Again.HALF_HOUR:
        return HALF_HOUR * (1 + JITTER) * _around()
    midnight = (clock.now.astimezone(PACIFIC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - clock.now + HALF_HOUR * _around()


def _around() -> float:
    return random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, hides nothing
