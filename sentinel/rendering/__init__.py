"""The words of a message: what an event says, in the client's own wording or the built-in one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentinel.channels.registry import ROUTES
from sentinel.rendering import built_in, gathered
from sentinel.rendering.budget import LONGEST_TEXT
from sentinel.rendering.gathered import Gathered
from sentinel.rendering.language import VARIABLES, TemplateError, compiled
from sentinel.rules.rulings import HeldBack

__all__ = ["VARIABLES", "Content", "Facts", "TemplateError", "Wording", "check", "render", "tells_groups"]

LONGEST_SUBJECT = 255
TEST_MARK = "[TEST] "
LINE_BREAKING = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """The Jinja sources of a template; without a subject the built-in one is used."""

    subject: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to tell. `event` is the object as it came; `rules` are (id, name) of those that ask for it.

    `held_back` is what a throttle held back before.
    """

    client: str
    event_id: str
    severity: str | None
    rules: tuple[tuple[int, str], ...]
    event: Mapping[str, Any]
    occurred_at: datetime
    is_test: bool = False
    held_back: HeldBack | None = None
    group: Gathered | None = None
    """All that is told at once; `event` is the first of them."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent; the subject is one line, and None where the channel has none."""

    subject: str | None
    body: str


def render(channel: str, facts: Facts, wording: Wording | None = None) -> Content:
    """Word `facts` for `channel`; None: the built-in wording. Raises `TemplateError`."""
    mark = TEST_MARK if facts.is_test else ""
    if wording is None:
        subject, body = _built_in(channel, facts)
    else:
        subject, body = _worded(channel, facts, wording)
    line = None if channel == "sms" else shortened(mark + one_line(subject), LONGEST_SUBJECT)
    return Content(line, shortened(mark + body, _longest_body(channel)))


def check(channel: str | None, wording: Wording) -> None:
    """Raise `TemplateError` if the wording cannot be used; it names the field, the line and the remedy."""
    del channel  # the same language on each
    if wording.subject is not None:
        compiled(wording.subject, "subject")
    compiled(wording.body, "body")


def _built_in(channel: str, facts: Facts) -> tuple[str, str]:
    if facts.group is None:
        return built_in.subject(facts), built_in.body(channel, facts)
    return gathered.subject(facts.group), gathered.body(channel, facts.group, _longest_body(channel))


def tells_groups(wording: Wording) -> bool:
    """Whether a template speaks of all that is told at once; one that does not would tell the first and lose the rest.

    Raises `TemplateError`.
    """
    return compiled(wording.body, "body").tells_groups


def _worded(channel: str, facts: Facts, wording: Wording) -> tuple[str, str]:
    """Subject and body of a template; what comes out empty tells nothing, so the built-in one stands in."""
    values = _variables(facts)
    subject = compiled(wording.subject, "subject").fill(values) if wording.subject and channel != "sms" else ""
    body = compiled(wording.body, "body").fill(values, most=_longest_body(channel))
    if not subject.strip() and channel != "sms":
        subject = _built_in(channel, facts)[0]
    return subject, body if body.strip() else _built_in(channel, facts)[1]


def _variables(facts: Facts) -> dict[str, Any]:
    event = facts.event
    return {
        "event": event,
        "severity": facts.severity,
        "source": event.get("source"),
        "name": event.get("name"),
        "type": event.get("type"),
        "rules": [{"id": number, "name": name} for number, name in facts.rules],
        "client": facts.client,
        "event_id": facts.event_id,
        "occurred_at": facts.occurred_at,
        "is_test": facts.is_test,
        "held_back": facts.held_back.count if facts.held_back else 0,
        "held_back_since": facts.held_back and facts.held_back.since,
        **({} if facts.group is None else _of_group(facts.group)),
    }


def _of_group(group: Gathered) -> dict[str, Any]:
    return {"group": group.as_object(), "alerts": [each.as_object() for each in group.told]}


def _longest_body(channel: str) -> int:
    return ROUTES[channel].longest_body if channel in ROUTES else LONGEST_TEXT


def one_line(text: str) -> str:
    """What stands in a subject: a line break there ends the message, not the line."""
    if text.isprintable() and text == text.strip() and "  " not in text:
        return text
    return " ".join(LINE_BREAKING.sub(" ", text).split())


def shortened(text: str, longest: int) -> str:
    """A text cut off at so many characters, visibly."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
