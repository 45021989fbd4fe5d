"""What a mail says, whoever carries it: its subject, its text, and its HTML where there is a severity. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.channels.base import Message
from sentinel.channels.mail_html import html_of
from sentinel.channels.subjects import subject_line


@dataclass(frozen=True, slots=True)
class MailParts:
    """A mail without its envelope."""

    subject: str
    text: str
    html: str | None


def parts_of(message: Message) -> MailParts | None:
    """The parts of a mail; None when its subject has line breaks or control characters in it."""
    subject = subject_line(message)
    return None if subject is None else MailParts(subject, message.text, html_of(message, subject))
