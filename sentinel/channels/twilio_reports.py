"""Twilio's status callbacks: who asks for them, what is kept of them, and what each code means after acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from sentinel.channels.base import Outcome
from sentinel.channels.outcomes import Ruling, shown
from sentinel.channels.reports import Again, Effect, Meaning, Report
from sentinel.channels.twilio_codes import CODES, hint_for
from sentinel.ids import is_id
from sentinel.settings import Settings, is_loopback

NAME = "twilio"
CALLBACK_PATH = "/callbacks/twilio"
KEPT = (
    "MessageSid",
    "MessageStatus",
    "ErrorCode",
    "ErrorMessage",
    "AccountSid",
    "MessagingServiceSid",
    "RawDlrDoneDate",
)
"""The rest repeats what we know, or tells more about people than we need."""

LONGEST_WORD = 50

EFFECTS: dict[str, Effect] = {
    "accepted": Effect.ACCEPTED,
    "scheduled": Effect.ACCEPTED,
    "queued": Effect.ACCEPTED,
    "sending": Effect.ACCEPTED,
    "sent": Effect.ACCEPTED,
    "delivered": Effect.DELIVERED,
    "read": Effect.DELIVERED,
    "undelivered": Effect.UNDELIVERED,
    "failed": Effect.UNDELIVERED,
    "canceled": Effect.UNDELIVERED,
}

_SENDER = "Register this sender with the carriers in Twilio's console; messages of it are not delivered."


def _lost(reason: str, again: Again = Again.SOON, outcome: Outcome = Outcome.RETRY, hint: str | None = None) -> Meaning:
    return Meaning(Effect.UNDELIVERED, reason, again, outcome=outcome, hint=hint)


def _nobody(reason: str, hint: str, again: Again = Again.NEVER) -> Meaning:
    return Meaning(Effect.UNDELIVERED, reason, again, "invalid", Outcome.RECIPIENT, hint)


def _ours(reason: str, hint: str, outcome: Outcome = Outcome.CONFIG) -> Meaning:
    return Meaning(Effect.UNDELIVERED, reason, outcome=outcome, hint=hint)


REPORTED_CODES: dict[int, Meaning] = {
    # --- lost on the way: another send may arrive -------------------------------------------------------------------
    30001: _lost("queue_overflow"),
    30017: _lost("carrier_congestion"),
    30020: _lost("carrier_error"),
    30021: _lost("carrier_error"),
    30022: _lost("carrier_rate_limit", hint="Send less at once, or raise the throughput of the sender's registration."),
    30036: _lost("validity_expired"),
    30410: _lost("provider_timeout"),
    30500: _lost("provider_error"),
    60005: _lost("carrier_error"),
    # --- out of reach for now: one more send later ------------------------------------------------------------------
    30003: _lost("unreachable_handset", Again.LATER, hint="The phone was off or without coverage."),
    30008: _lost("unknown_carrier_error", Again.LATER),
    # --- a limit of the account -------------------------------------------------------------------------------------
    30023: _lost("daily_cap", Again.NEXT_DAY, Outcome.QUOTA, "The brand's daily cap is used up; ask Twilio for more."),
    30027: _lost("daily_cap", Again.NEXT_DAY, Outcome.QUOTA, "The carrier's daily cap is used up; send less to it."),
    30450: _lost(
        "fraud_block", Again.HALF_HOUR, Outcome.QUOTA, "Twilio suspects SMS pumping; check who asks for texts."
    ),
    # --- nobody there: the address is left alone from now on --------------------------------------------------------
    30004: _nobody("blocked", "The phone or its carrier refuses messages from this sender.", Again.LATER),
    30005: _nobody("unknown_handset", "The number is not in service any more; correct it in the client's data."),
    30006: _nobody("landline", "The number cannot receive SMS; use another channel."),
    # --- our account, our sender, our words -------------------------------------------------------------------------
    30002: _ours("account_suspended", "Sign in to Twilio's console: the account is suspended."),
    30007: _ours("filtered_content", "The carrier's filter took it for spam; reword it.", Outcome.MESSAGE),
    30018: _ours("unregistered_sender", _SENDER),
    30019: _ours("too_large", "Shorten the message: the carrier refuses its size.", Outcome.MESSAGE),
    30024: _ours("unregistered_sender", _SENDER),
    30032: _ours("unverified_sender", "Verify the toll-free number in Twilio's console."),
    30033: _ours("campaign_suspended", "Look at the suspended A2P campaign in Twilio's console."),
    30034: _ours("unregistered_sender", _SENDER),
}
"""`ErrorCode` of a message that Twilio had accepted. A `LATER` that fails again is an end."""


def callback_url(settings: Settings, notification_id: str) -> str | None:
    """Where Twilio shall report about a notification; None when it could not reach us.

    Plain http is for rehearsals: Twilio itself refuses addresses that it cannot reach, and the message with them.
    """
    base = urlsplit(settings.public_base_url)
    is_rehearsal = is_loopback(urlsplit(settings.twilio_api_base_url).hostname or "")
    is_public = base.scheme == "https" and not is_loopback(base.hostname or "")
    if not base.hostname or not (is_public or is_rehearsal):
        return None
    return f"{settings.public_base_url}{CALLBACK_PATH}?{urlencode({'notification_id': notification_id})}"


def read(form: Mapping[str, str], notification_id: str | None, *, now: datetime) -> Report | None:
    """A callback's form as a report; None when it is about no message."""
    sid, word = form.get("MessageSid") or form.get("SmsSid"), form.get("MessageStatus") or form.get("SmsStatus")
    if not sid or not word:
        return None
    kind, code = shown(word, secrets=())[:LONGEST_WORD].lower(), form.get("ErrorCode") or None
    code = None if code in (None, "0") else shown(code, secrets=())[:LONGEST_WORD]
    sid = shown(sid, secrets=())
    return Report(
        NAME,
        # Twilio numbers messages, not reports: the same word about the same message is the same report.
        event_id=f"{sid}:{kind}:{code or ''}",
        kind=kind,
        code=code,
        body={name: shown(form[name], secrets=()) for name in KEPT if form.get(name)},
        occurred_at=now,
        notification_id=notification_id if notification_id and is_id(notification_id) else None,
        message_id=sid,
    )


def meaning_of(kind: str, code: str | None, _body: Mapping[str, str]) -> Meaning:
    """What a report says, by its word and its code."""
    effect = EFFECTS.get(kind, Effect.NOTHING)
    if effect is not Effect.UNDELIVERED:
        return Meaning(effect)
    number = int(code) if code and code.isascii() and code.isdigit() else None
    if number in REPORTED_CODES:
        return REPORTED_CODES[number]
    ruling = CODES.get(number) if number is not None else None
    return _as_at_send(ruling, hint_for(number)) if ruling and number else Meaning(effect, kind)


def _as_at_send(ruling: Ruling, hint: str) -> Meaning:
    """Messaging services find out after acceptance what a single sender is told at once."""
    again = Again.SOON if ruling.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS) else Again.NEVER
    suppresses = None
    if ruling.outcome is Outcome.RECIPIENT:
        suppresses = "opted_out" if ruling.reason == "opted_out" else "invalid"
    return Meaning(Effect.UNDELIVERED, ruling.reason, again, suppresses, ruling.outcome, hint)
