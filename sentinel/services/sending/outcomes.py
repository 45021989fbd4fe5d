"""What follows from a receipt: a pure function from (receipt, tries so far, times) to the next status."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.channels.base import Outcome, Receipt
from sentinel.models.status import Reason, Status
from sentinel.settings import Settings

ENDS = frozenset({Outcome.RECIPIENT, Outcome.MESSAGE, Outcome.BUG})
PARKS = frozenset({Outcome.CONFIG, Outcome.QUOTA})

REPORTING = "sendgrid"
"""It cannot be asked, but it reports by itself which mails it has taken in, where its events are taken."""

REPORT_SECONDS = 120
"""Within this time it has reported, or it has not taken the mail in."""


@dataclass(frozen=True, slots=True)
class Try:
    """A notification at the end of one try: `number` of this try, of `limit`; times are UTC."""

    number: int
    limit: int
    created_at: datetime
    expires_at: datetime | None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a notification goes: its status, why, and when it is due again (None: it has ended)."""

    status: Status
    reason: str | None = None
    due_at: datetime | None = None
    extra_attempts: int = 0
    """Tries given back: a refused account is not the message's failure."""


def backoff_seconds(attempt: int, settings: Settings) -> float:
    """Exponential backoff with full jitter: anywhere from 0 to base * 2^(attempt - 1), capped.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(settings.backoff_cap_seconds, settings.backoff_base_seconds * 2.0 ** min(attempt - 1, 30))
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, hides nothing


def pause_seconds(receipt: Receipt, settings: Settings) -> float:
    """How long an account rests after a refusal: as long as it asks, within an hour."""
    if receipt.retry_after_seconds is None:
        return settings.backoff_base_seconds if receipt.outcome is Outcome.RETRY else settings.provider_pause_seconds
    return min(receipt.retry_after_seconds, settings.backoff_cap_seconds)


def doubt_seconds(provider: str, settings: Settings) -> float:
    """How long the end of a send may still become known by itself, before anybody decides about it."""
    if provider == REPORTING and settings.sendgrid_webhook_public_key is not None:
        return max(REPORT_SECONDS, settings.ambiguous_wait_seconds)
    return settings.ambiguous_wait_seconds


def next_step(receipt: Receipt, tried: Try, settings: Settings, *, now: datetime) -> Step:
    """Decide what becomes of a notification after `receipt`."""
    if receipt.outcome is Outcome.OK:
        return Step(Status.SENT)
    if receipt.outcome in ENDS:
        return Step(Status.FAILED, receipt.reason)
    if receipt.outcome is Outcome.AMBIGUOUS:
        # Even the last try waits: its end may still become known.
        decide_at = now + timedelta(seconds=doubt_seconds(tried.provider, settings))
        return Step(Status.AMBIGUOUS, receipt.reason, decide_at)
    if receipt.outcome in PARKS:
        if not receipt.is_account_wide:
            # One country or one number is closed to us: waiting does not open it, and holds up nobody else.
            return Step(Status.FAILED, receipt.reason)
        return _park(receipt, tried, settings, now=now)
    return _retry(receipt, tried, settings, now=now)


def _park(receipt: Receipt, tried: Try, settings: Settings, *, now: datetime) -> Step:
    due_at = now + timedelta(seconds=pause_seconds(receipt, settings))
    if due_at > tried.created_at + timedelta(seconds=settings.park_seconds):
        return Step(Status.FAILED, receipt.reason)
    return _unless_expired(Step(Status.RETRYING, Reason.ACCOUNT_PAUSED, due_at, extra_attempts=1), tried)


def _retry(receipt: Receipt, tried: Try, settings: Settings, *, now: datetime) -> Step:
    if tried.number >= tried.limit:
        return Step(Status.FAILED, Reason.ATTEMPTS_EXHAUSTED)
    wait = backoff_seconds(tried.number, settings)
    if receipt.retry_after_seconds is not None:
        # A provider may ask for more than our backoff, never for less, and not for days.
        wait = max(wait, min(receipt.retry_after_seconds, settings.backoff_cap_seconds))
    return _unless_expired(Step(Status.RETRYING, receipt.reason, now + timedelta(seconds=wait)), tried)


def _unless_expired(step: Step, tried: Try) -> Step:
    if tried.expires_at is not None and step.due_at is not None and step.due_at >= tried.expires_at:
        return Step(Status.FAILED, Reason.EXPIRED)
    return step
