"""A message in the form that Slack takes. Pure, so that whoever shows it shows what would be sent."""

from __future__ import annotations

from typing import Any

from sentinel.channels.base import LINK_WORDS, Message
from sentinel.channels.colours import colour_of
from sentinel.channels.subjects import first_line

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def payload(message: Message) -> dict[str, Any]:
    """The message in Slack's form: a headline, and with a severity its colour beside the text."""
    subject = (message.subject or "").strip()
    headline, body = _escaped(subject or first_line(message)), _body(message)
    parts: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
    if not message.severity:
        return parts | {"text": f"*{headline}*\n{body}" if subject else body}
    attachment = {
        "color": colour_of(message.severity),
        "fallback": headline,
        "text": body if body != headline else "",
        "mrkdwn_in": ["text"],
        "fields": [{"title": "Severity", "value": _escaped(message.severity), "short": True}],
        "footer": f"Sentinel {message.id}",
    }
    return parts | {"text": headline, "attachments": [attachment]}


def request(message: Message) -> dict[str, Any]:
    """The message as `chat.postMessage` takes it."""
    # The API knows no idempotency key; the metadata lets a person find out which of our messages a post was.
    metadata = {"event_type": "sentinel_notification", "event_payload": {"notification_id": message.id}}
    return payload(message) | {"channel": message.recipient, "metadata": metadata}


def _body(message: Message) -> str:
    body = _escaped(message.body)
    return body if message.link is None else f"{body}\n<{_escaped(message.link)}|{LINK_WORDS}>"


def _escaped(text: str) -> str:
    """Slack's three special characters: nobody is called by `<!channel>` in an event's text."""
    return text.translate(_ESCAPES)
