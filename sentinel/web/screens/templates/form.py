"""A template as its form has it, and the event that its preview tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError, NotFoundError, shown
from sentinel.json_bounds import is_storable
from sentinel.models import Template
from sentinel.queries.events import Filter
from sentinel.rendering import Wording
from sentinel.services import events, previews
from sentinel.services.templates import Written
from sentinel.services.unit_of_work import UnitOfWork

Values = dict[str, str]

ANY_CHANNEL = ""
"""A template for each channel that has none of its own."""
SHOWN_AS = "email"
"""What a template for all channels is shown as, unless somebody wants to see another one."""
MOST_EVENTS = 20
FIELDS = frozenset({"client", "name", "channel", "subject", "body"})
"""Fields that show their own errors."""

STARTER = Written(
    name="default",
    subject="{% if severity %}[{{ severity | upper }}] {% endif %}{{ source }}: {{ name }}",
    body="{{ name }} at {{ occurred_at }}\n{% for rule in rules %}Rule: {{ rule.name }}\n{% endfor %}",
)
"""What a new template begins with."""


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """An event that a preview may tell of."""

    id: str
    words: str


def new_values(client: str) -> Values:
    """The form of a template that is not there yet."""
    values = {"client": client, "name": STARTER.name, "channel": ANY_CHANNEL}
    return values | {"subject": STARTER.subject or "", "body": STARTER.body}


def values_of(found: Template, client: str) -> Values:
    """The form of a template as it is."""
    plain = {name: getattr(found, name) or "" for name in ("name", "channel", "subject", "body")}
    return plain | {"client": client, "version": str(found.version)}


def values_sent() -> Values:
    """The form as it was sent: the spaces of a text are meant."""
    names = (
        "client",
        "name",
        "channel",
        "subject",
        "body",
        "version",
        "template_id",
        "as_channel",
        "event_id",
        "event",
    )
    values = {name: request.form.get(name, "").replace("\r\n", "\n") for name in names}
    return values | {name: values[name].strip() for name in ("client", "name")}


def written_of(values: Mapping[str, str]) -> Written:
    """Read a form; what it means is judged by the service."""
    return Written(
        name=values["name"],
        body=_storable("body", values["body"]),
        subject=_storable("subject", values["subject"]) or None,
        channel=values["channel"] or None,
    )


def wording_of(values: Mapping[str, str]) -> Wording | None:
    """The wording of a form; None without a body: the built-in one."""
    return Wording(values["subject"] or None, values["body"]) if values["body"].strip() else None


def shown_channel(values: Mapping[str, str]) -> str:
    """The channel whose message is shown: the template's own, or the one that was chosen."""
    wanted = values.get("channel") or values.get("as_channel") or SHOWN_AS
    if wanted not in CHANNELS:
        raise InvalidInputError(FieldError("channel", shown(wanted), "is not a channel", "choose one of the list"))
    return wanted


def event_of(uow: UnitOfWork, values: Mapping[str, str], client_id: int) -> dict[str, Any] | None:
    """The event that the preview tells of: what somebody wrote, a recent one, or none: an example."""
    written = previews.event_of(values.get("event", ""))
    if written is not None or not values.get("event_id"):
        return written
    try:
        found: dict[str, Any] = events.get(uow, values["event_id"], client_id).event.body
    except NotFoundError as error:
        raise InvalidInputError(FieldError("event", values["event_id"], str(error), "choose another one")) from None
    return found


def recent_events(uow: UnitOfWork, client_id: int) -> list[RecentEvent]:
    """The last events that a client may see."""
    rows, _ = events.page(uow, Filter({}), client_id, size=MOST_EVENTS)
    return [RecentEvent(each.event.id, _words(each.event)) for each in rows]


def _words(event: Any) -> str:
    parts = [event.name or event.type, event.source, event.severity and event.severity.upper()]
    return " · ".join([*(part for part in parts if part), f"{event.created_at:%m-%d %H:%M:%S}"])


def _storable(field: str, text: str) -> str:
    if not is_storable(text):
        message, remedy = "has a NUL character, which cannot be stored", "take it out"
        raise InvalidInputError(FieldError(field, shown(text), message, remedy))
    return text
