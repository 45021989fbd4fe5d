"""What providers report after they have accepted a message: one shape, whoever reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sentinel.channels.base import Outcome


class Effect(StrEnum):
    """What a report says of its message."""

    ACCEPTED = "ACCEPTED"
    """The provider has it, and is still at it."""
    DELIVERED = "DELIVERED"
    """It arrived."""
    UNDELIVERED = "UNDELIVERED"
    """The provider has given it up."""
    NOTHING = "NOTHING"
    """Nothing about its delivery: opened, clicked, complained about."""


class Again(StrEnum):
    """When another send of what could not be delivered may succeed."""

    NEVER = "NEVER"
    SOON = "SOON"
    """Something on the way was full or broken."""
    LATER = "LATER"
    """The recipient was out of reach: once, when it may be back."""
    HALF_HOUR = "HALF_HOUR"
    """The provider says that its block lasts so long."""
    NEXT_DAY = "NEXT_DAY"
    """A daily cap is used up; US carriers begin anew at midnight on the Pacific coast."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a report means. `suppresses` is the reason why its address must be left alone from now on."""

    effect: Effect
    reason: str | None = None
    again: Again = Again.NEVER
    suppresses: str | None = None
    outcome: Outcome | None = None
    hint: str | None = None

    @property
    def concerns_account(self) -> bool:
        """Whether our account, not this message, is the trouble: somebody must look."""
        return self.outcome in (Outcome.CONFIG, Outcome.QUOTA)


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it came. `event_id` is equal when it comes again; `body` holds what is kept of it."""

    provider: str
    event_id: str
    kind: str
    body: dict[str, str]
    occurred_at: datetime
    code: str | None = None
    notification_id: str | None = None
    message_id: str | None = None
