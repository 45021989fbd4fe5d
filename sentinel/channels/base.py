"""What every channel speaks: a message in, a receipt out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

LINK_WORDS = "Acknowledge, snooze or resolve"
"""What a link is called where it need not be written out."""


class Outcome(StrEnum):
    """What one try at a provider came to; the seven outcomes, and BUG for an error of our own."""

    OK = "OK"
    """The provider accepted the message."""
    RETRY = "RETRY"
    """Certainly not processed: try again later."""
    AMBIGUOUS = "AMBIGUOUS"
    """May have been processed: the policy decides."""
    RECIPIENT = "RECIPIENT"
    """This address can never work on this channel."""
    MESSAGE = "MESSAGE"
    """This content can never work."""
    CONFIG = "CONFIG"
    """Our account, credential or sender is wrong: every message would fail."""
    QUOTA = "QUOTA"
    """The account's limit is used up until a known time."""
    BUG = "BUG"
    """Our own error: never tried again by itself."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one target, ready to send. `id` is the notification's id, equal on every attempt.

    `is_status`: it tells a program what became of another notification, as its metadata says. `event` is what the
    event said that led to it (JSON text), for receivers that are programs; `secret` signs for its endpoint. It
    belongs to the trace of `traceparent`. `link` is where its reader can act.
    """

    id: str
    channel: str
    recipient: str
    body: str
    subject: str | None = None
    severity: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    client: str | None = None
    event_id: str | None = None
    event: str | None = None
    rule_ids: tuple[int, ...] = ()
    endpoint_id: int | None = None
    secret: str | None = field(default=None, repr=False)
    created_at: datetime | None = None
    is_status: bool = False
    attempt: int = 1
    traceparent: str | None = None
    link: str | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """What people read where there is nothing but text: the body, and below it the link."""
        return self.body if self.link is None else f"{self.body}\n{self.link}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's answer to one try.

    `reason` is a short snake_case word (`invalid_number`, `opted_out`, `read_timeout`); `detail` the provider's own
    words, capped, never a secret; `hint` what to do about it; `retry_after_seconds` how long the provider asks us to
    wait (None: our own backoff). `is_account_wide=False`: what is said holds for this destination only (a country
    without permission, a webhook that asks for patience), so the provider account must not be paused for it.
    """

    outcome: Outcome
    reason: str | None = None
    provider_message_id: str | None = None
    http_status: int | None = None
    provider_code: str | None = None
    detail: str | None = None
    hint: str | None = None
    retry_after_seconds: float | None = None
    is_account_wide: bool = True


class Provider(Protocol):
    """Builds the request, knows its own final errors, returns a receipt. No retry loop, no database."""

    name: str

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over. Expected failures are receipts, not exceptions."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a provider accepted `message`, which was first tried at `since`."""

    message: Message
    since: datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message that a provider has, and that may be the one in doubt."""

    provider_message_id: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What a provider says to a question, oldest sighting first.

    With `trouble` (`read_timeout`, `http_429`) it could not be asked, or not to the end: there may be more sightings.
    """

    sightings: tuple[Sighting, ...] = ()
    trouble: str | None = None


@runtime_checkable
class LooksUp(Protocol):
    """A provider that can be asked which messages it has accepted."""

    name: str

    async def look_up(self, question: Question) -> Finding:
        """Return what it has that may be this message; asking changes nothing, so it may be repeated."""
        ...
