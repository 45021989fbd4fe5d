"""The subject line of a mail: given, or made from what the message says."""

from __future__ import annotations

import re

from sentinel.channels.base import Message, Outcome, Receipt

DEFAULT_SUBJECT = "Notification"
_LINE_LENGTH = 78  # what RFC 5322 recommends for a line
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def subject_line(message: Message) -> str | None:
    """The subject to send; None when the given one has line breaks or control characters in it.

    A missing subject becomes the body's first line, shortened.
    """
    if message.subject and message.subject.strip():
        return None if _CONTROL.search(message.subject) else message.subject
    return first_line(message)


def first_line(message: Message) -> str:
    """What the body begins with, as one line."""
    first = next((line for line in message.body.splitlines() if line.strip()), DEFAULT_SUBJECT)
    line = " ".join(_CONTROL.sub(" ", first).split()) or DEFAULT_SUBJECT
    return line if len(line) <= _LINE_LENGTH else line[: _LINE_LENGTH - 1] + "…"


def invalid_subject() -> Receipt:
    """The receipt of a message whose subject could smuggle in headers."""
    return Receipt(
        Outcome.MESSAGE,
        reason="invalid_subject",
        detail="the subject contains a line break or another control character; nothing was sent",
        hint="Send the subject as one line of text.",
    )
