"""A message as its channel shows it: made of the very parts that its provider is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from markupsafe import Markup

from sentinel.channels import push_markup, slack_payload
from sentinel.channels.base import Message
from sentinel.channels.mail_parts import MailParts, parts_of
from sentinel.channels.push_services import BY_SCHEME
from sentinel.channels.sms_segments import Segments, segments_of
from sentinel.errors import UnreadableSecretError
from sentinel.queries.kept import KeptMessage
from sentinel.services.watching.inbox import Letter
from sentinel.settings import Settings
from sentinel.web.slack_markup import html_of

DOTS = "…"


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text on the phone; `is_this`: the one that was asked for."""

    text: str
    segments: Segments
    at: datetime
    is_this: bool
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as a program shows it. `sender` is empty where none is set up."""

    sender: str
    parts: MailParts | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a post with a coloured bar beside it."""

    colour: str
    text: Markup
    fields: Sequence[tuple[str, Markup]]
    footer: str


@dataclass(frozen=True, slots=True)
class Post:
    """A post as a Slack channel shows it, and the JSON it is made of."""

    place: str
    text: Markup
    attachments: Sequence[Attachment]
    wire: str


@dataclass(frozen=True, slots=True)
class Call:
    """The request to a webhook. `trouble`: why it carries no signature although its endpoint has a secret."""

    address: str
    headers: Mapping[str, str]
    body: str
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A push message as a phone shows it."""

    service: str
    title: str
    text: str


def bubbles(texts: Sequence[KeptMessage], this: Message) -> list[Bubble]:
    """The texts on a phone; this one as it was sent, with its link."""
    return [_bubble(each, this.text if each.id == this.id else each.body, is_this=each.id == this.id) for each in texts]


def _bubble(kept: KeptMessage, text: str, *, is_this: bool) -> Bubble:
    at = kept.sent_at or kept.created_at
    return Bubble(text, segments_of(text), at, is_this, is_refused=kept.status == "FAILED")


def view_of(letter: Letter, settings: Settings) -> Mail | Post | Call | Push | None:
    """What a message is shown as; None where it is nothing but its text."""
    match letter.message.channel:
        case "email":
            return mail(letter.message, settings)
        case "slack":
            return post(letter.message)
        case "webhook":
            return call(letter)
        case "push":
            return push(letter.message)
        case _:
            return None


def mail(message: Message, settings: Settings) -> Mail:
    """The mail that SendGrid or an SMTP server would be given."""
    return Mail(settings.sendgrid_from_email or settings.smtp_from_email or "", parts_of(message))


def post(message: Message) -> Post:
    """The post that Slack would be given."""
    is_address = message.recipient.startswith("http")
    wire = slack_payload.payload(message) if is_address else slack_payload.request(message)
    return Post(
        place_of(message.channel, message.recipient),
        html_of(wire["text"]),
        [_attachment(each) for each in wire.get("attachments", ())],
        _pretty(wire),
    )


def _attachment(wire: Mapping[str, Any]) -> Attachment:
    fields = [(str(each["title"]), html_of(each["value"])) for each in wire["fields"]]
    return Attachment(wire["color"], html_of(wire["text"]), fields, wire["footer"])


def call(letter: Letter) -> Call:
    """The request that the webhook's receiver would get, signed for the moment at which it was sent."""
    from sentinel.channels import webhook_request  # noqa: PLC0415 - what signs is for those who look at webhooks

    message, trouble, webhook = letter.message, None, None
    body = webhook_request.body_of(message)
    try:
        webhook = webhook_request.signer_of(message.secret or "").webhook
    except UnreadableSecretError as error:
        trouble = str(error)
    except ValueError:
        trouble = "the endpoint's secret cannot be used"
    now = letter.kept.sent_at or letter.kept.created_at
    headers = {"Content-Type": "application/json"} | webhook_request.headers_of(message, body, webhook, now=now)
    return Call(message.recipient, headers, _pretty(orjson.loads(body)), trouble)


def push(message: Message) -> Push:
    """The message that the service behind a push target would be given."""
    scheme = message.recipient.partition("://")[0]
    service = BY_SCHEME.get(scheme)
    title, text = push_markup.told(scheme, message)
    return Push(service.title if service else scheme, title, text)


def place_of(channel: str, recipient: str) -> str:
    """Where a message goes, for everybody who may look: an address that is a secret itself is not shown."""
    scheme, is_url, _ = recipient.partition("://")
    if not is_url or channel == "webhook":
        return recipient
    if channel == "push":
        service = BY_SCHEME.get(scheme)
        return f"{service.title if service else scheme} ({scheme}://{DOTS})"
    return f"{scheme}://{urlsplit(recipient).hostname}/{DOTS}"


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
