"""SendGrid's event webhook: what is kept of its events, and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sentinel.channels.base import Outcome
from sentinel.channels.outcomes import shown
from sentinel.channels.reports import Again, Effect, Meaning, Report
from sentinel.ids import is_id

NAME = "sendgrid"
CALLBACK_PATH = "/callbacks/sendgrid"
KEPT = ("event", "type", "reason", "response", "status", "bounce_classification", "attempt", "sg_message_id", "smtp-id")
"""The rest repeats what we know, or tells more about people than we need (addresses, browsers)."""

LONGEST_WORD = 50
LATEST = 2**32
"""Seconds since 1970 that no event has: beyond them a date cannot be kept."""

_LISTED = "SendGrid has the address on a list of its own: take it off there too before it is written to again."
_BLOCKED = "The receiving server refuses mail from us for now; look at the reason, and at the sender's reputation."

_EFFECTS: dict[str, Meaning] = {
    "processed": Meaning(Effect.ACCEPTED),
    "deferred": Meaning(Effect.ACCEPTED),  # SendGrid tries again by itself, for up to 72 hours
    "delivered": Meaning(Effect.DELIVERED),
    "spamreport": Meaning(Effect.NOTHING, "spam_report", suppresses="complaint"),
    "unsubscribe": Meaning(Effect.NOTHING, "unsubscribed", suppresses="opted_out"),
    "group_unsubscribe": Meaning(Effect.NOTHING, "unsubscribed", suppresses="opted_out"),
}


KINDS = frozenset({*_EFFECTS, "bounce", "dropped", "open", "click", "group_resubscribe"})


def _nobody(reason: str, suppresses: str, hint: str | None = None) -> Meaning:
    return Meaning(Effect.UNDELIVERED, reason, suppresses=suppresses, outcome=Outcome.RECIPIENT, hint=hint)


BOUNCED = _nobody("bounced", "bounced")
BLOCKED = Meaning(Effect.UNDELIVERED, "blocked", Again.LATER, outcome=Outcome.RETRY, hint=_BLOCKED)

DROPS: tuple[tuple[str, Meaning], ...] = (
    ("bounced address", _nobody("bounced", "bounced", _LISTED)),
    ("unsubscribed address", _nobody("opted_out", "opted_out", _LISTED)),
    ("spam reporting address", _nobody("complaint", "complaint", _LISTED)),
    (
        "recipient list over package quota",
        Meaning(Effect.UNDELIVERED, "quota", Again.NEXT_DAY, outcome=Outcome.QUOTA, hint="Raise SendGrid's plan."),
    ),
    ("spam content", Meaning(Effect.UNDELIVERED, "spam_content", outcome=Outcome.MESSAGE, hint="Reword the mail.")),
    ("invalid smtpapi header", Meaning(Effect.UNDELIVERED, "invalid_header", outcome=Outcome.MESSAGE)),
    ("invalid", _nobody("invalid_address", "invalid", "Correct the address in the client's data.")),
)
"""How the `reason` of a `dropped` event begins → what it means; the first that fits."""


def read(event: Any, *, now: datetime) -> Report | None:
    """One event as a report; None when it is about no message of ours."""
    if not isinstance(event, dict):
        return None
    word, event_id, message_id = event.get("event"), event.get("sg_event_id"), event.get("sg_message_id")
    notification_id = event.get("notification_id")
    if not (isinstance(word, str) and isinstance(event_id, str) and word and event_id):
        return None
    if not (isinstance(notification_id, str) and is_id(notification_id)):
        return None  # another program's mail: the events of a whole account come here
    body = {name: shown(str(event[name]), secrets=()) for name in KEPT if event.get(name) not in (None, "")}
    return Report(
        NAME,
        event_id=shown(event_id, secrets=()),
        kind=shown(word, secrets=())[:LONGEST_WORD].lower(),
        code=body.get("status", "")[:LONGEST_WORD] or None,
        body=body,
        occurred_at=_moment(event.get("timestamp"), now),
        notification_id=notification_id,
        message_id=shown(message_id, secrets=()) or None if isinstance(message_id, str) else None,
    )


def meaning_of(kind: str, _code: str | None, body: Mapping[str, str]) -> Meaning:
    """What an event says."""
    if kind == "bounce":
        return BLOCKED if body.get("type") == "blocked" else BOUNCED
    if kind == "dropped":
        reason = body.get("reason", "").lower()
        known = (meaning for beginning, meaning in DROPS if reason.startswith(beginning))
        return next(known, Meaning(Effect.UNDELIVERED, "dropped", outcome=Outcome.MESSAGE))
    return _EFFECTS.get(kind, Meaning(Effect.NOTHING))


def _moment(timestamp: Any, now: datetime) -> datetime:
    is_known = isinstance(timestamp, int) and not isinstance(timestamp, bool) and 0 < timestamp < LATEST
    return datetime.fromtimestamp(timestamp, UTC) if is_known else now
