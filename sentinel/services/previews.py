"""What a message looks like where it is read: as its channel would send it, from the channel's own hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from sentinel.channels import slack_payload
from sentinel.channels.base import Message
from sentinel.channels.mail_parts import parts_of
from sentinel.channels.sms_segments import Segments, foreign_in, segments_of
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.json_bounds import DEEPEST, is_shallow
from sentinel.rendering import Content, Wording
from sentinel.rules.syntax import SEVERITIES
from sentinel.services import templates
from sentinel.services.unit_of_work import UnitOfWork

EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"
RECIPIENTS = {
    "sms": "+14155552671",
    "email": "oncall@example.com",
    "slack": "#alerts",
    "webhook": "https://example.com/hooks/sentinel",
    "push": "ntfys://ntfy.sh/ops",
    "inbox": "user-17",
}
"""To whom an example goes."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A message and its forms: what its channel has none of is None."""

    message: Message
    subject: str | None
    """As it is sent: a mail has one in any case."""
    segments: Segments | None = None
    foreign: str = ""
    """The first character of an SMS that makes segments shorter."""
    page: str | None = None
    """A mail's HTML."""
    payload: dict[str, Any] | None = None
    """What is posted."""


def of_wording(
    uow: UnitOfWork, client: str, channel: str, wording: Wording | None, event: dict[str, Any] | None
) -> Preview:
    """Show what a wording (None: the built-in one) makes of an event (None: an example). Raises `TemplateError`."""
    content = templates.preview(uow, client, channel, wording, event)
    return of_message(_message(uow, client, channel, content, templates.EXAMPLE_EVENT if event is None else event))


def of_message(message: Message) -> Preview:
    """Show a message as its channel would send it."""
    if message.channel == "sms":
        return Preview(message, None, segments=segments_of(message.text), foreign=foreign_in(message.text))
    if message.channel == "email":
        parts = parts_of(message)
        return Preview(message, parts.subject, page=parts.html) if parts else Preview(message, None)
    if message.channel == "slack":
        return Preview(message, message.subject, payload=slack_payload.payload(message))
    if message.channel == "webhook":
        from sentinel.channels import webhook_request  # noqa: PLC0415 - what signs is for those who look at webhooks

        return Preview(message, message.subject, payload=orjson.loads(webhook_request.body_of(message)))
    return Preview(message, message.subject)


def event_of(text: str) -> dict[str, Any] | None:
    """Read an event that somebody wrote as JSON; None where nothing is written."""
    if not text.strip():
        return None
    remedy = 'write a JSON object like {"type": "payment", "severity": "high"}, or nothing: then an example is taken'
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidInputError(FieldError("event", shown(text), message, remedy)) from None
    if not isinstance(found, dict):
        raise InvalidInputError(FieldError("event", shown(text), "is no JSON object", remedy))
    if not is_shallow(text.encode(), found):
        message, remedy = f"is nested deeper than {DEEPEST} levels", "send what lies deeper as a text"
        raise InvalidInputError(FieldError("event", shown(text), message, remedy))
    return found


def _message(uow: UnitOfWork, client: str, channel: str, content: Content, event: dict[str, Any]) -> Message:
    severity = str(event.get("severity")).lower()
    return Message(
        id=EXAMPLE_ID,
        channel=channel,
        recipient=RECIPIENTS[channel],
        subject=content.subject,
        body=content.body,
        severity=severity if severity in SEVERITIES else None,
        client=client,
        event_id=EXAMPLE_ID,
        event=orjson.dumps(event).decode(),
        rule_ids=(templates.EXAMPLE_RULE[0],),
        created_at=uow.now,
    )
