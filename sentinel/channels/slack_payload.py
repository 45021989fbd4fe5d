"""What a message is in Slack. Apart from the provider, for who only shows it has no use for an HTTP client."""

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


def _body(message: Message) -> str:
    body = _escaped(message.body)
    return body if message.link is None else f"{body}\n<{_escaped(message.link)}|{LINK_WORDS}>"


def _escaped(text: str) -> str:
    """Slack's three special characters: nobody is called by `<!channel>` in an event's text."""
    return text.translate(_ESCAPES)
