"""What an event looks like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.error import FieldErrorSchema
from sentinel.api.schemas.fields import AnyCase, TimedPageQuery, storable
from sentinel.models.event import EventStatus
from sentinel.services.events import LONGEST_TEXT

MOST = {"maxLength": LONGEST_TEXT}
MOMENT = {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}, {"type": "null"}]}
KNOWN_TEXT = {"type": ["string", "null"], **MOST}

# Written out and not a schema that loads: events come by the thousand, and `services.events.check` reads them.
KNOWN_FIELDS = {
    "event_id": {**KNOWN_TEXT, "description": "the sender's own id; a second event under it is a duplicate"},
    "alert_id": {**KNOWN_TEXT, "description": "another name of `event_id`"},
    "type": {**KNOWN_TEXT, "example": "order"},
    "severity": {**KNOWN_TEXT, "example": "high", "description": "in any case"},
    "source": {**KNOWN_TEXT, "example": "api"},
    "name": {**KNOWN_TEXT, "example": "timeout"},
    "user_id": {**KNOWN_TEXT, "example": "user-17"},
    "device_id": {**KNOWN_TEXT, "example": "dev-1"},
    "occurred_at": {**MOMENT, "description": "when it happened; a number counts seconds or milliseconds since 1970"},
    "ts": {**MOMENT, "description": "another name of `occurred_at`"},
}

EVENT = {"type": "object", "properties": KNOWN_FIELDS, "additionalProperties": True}

ALERT = {
    "type": "object",
    "required": ["user_id"],
    "properties": KNOWN_FIELDS
    | {
        "user_id": {"type": "string", "minLength": 1, **MOST, "example": "user-17"},
        "payload": {"description": "any JSON", "example": {"message": "Your card was declined"}},
    },
    "additionalProperties": True,
}


class EventReceipt(ma.Schema):
    """That an event is stored."""

    event_id = fields.String(required=True, metadata={"description": "the sender's id, or ours if it gave none"})
    id = fields.UUID(required=True, metadata={"description": "our id; of a duplicate, the first one's"})
    status = fields.String(required=True, validate=validate.OneOf(("accepted", "duplicate")))


class AlertReceipt(ma.Schema):
    """That an alert is stored."""

    status = fields.String(required=True, validate=validate.OneOf(("accepted", "duplicate")))
    event_id = fields.String(required=True, metadata={"description": "the sender's id, or ours if it gave none"})


class EventItemView(ma.Schema):
    """What became of one item of a batch: `event` if it was accepted (202), `errors` if not (422)."""

    index = fields.Integer(required=True, metadata={"description": "position of the item, from 0"})
    status = fields.Integer(required=True, validate=validate.OneOf((202, 422)))
    event = fields.Nested(EventReceipt)
    errors = fields.List(fields.Nested(FieldErrorSchema))


class EventView(ma.Schema):
    """An event as it stands."""

    id = fields.UUID(required=True)
    event_id = fields.String(required=True, allow_none=True, metadata={"description": "the sender's own id"})
    client = fields.String(required=True, metadata={"description": "who posted it"})
    status = fields.String(required=True, validate=validate.OneOf(list(EventStatus)))
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why it stands where it stands"})
    type = fields.String(required=True, allow_none=True)
    severity = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)
    device_id = fields.String(required=True, allow_none=True)
    occurred_at = fields.AwareDateTime(required=True)
    is_broadcast = fields.Boolean(required=True, metadata={"description": "heard by the rules of every client"})
    is_addressed = fields.Boolean(required=True, metadata={"description": "told to its user besides"})
    rule_ids = fields.List(
        fields.Integer(), required=True, metadata={"description": "the rules of the asking client that spoke"}
    )
    unheard = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Integer()),
        required=True,
        metadata={"description": "its rules that matched and did not speak, by why"},
    )
    body = fields.Dict(keys=fields.String(), required=True, metadata={"description": "the event as it was sent"})
    created_at = fields.AwareDateTime(required=True)
    evaluated_at = fields.AwareDateTime(required=True, allow_none=True)


class EventDetailView(EventView):
    """An event as it stands, and how many notifications were made of it."""

    notifications = fields.Integer(required=True, metadata={"description": "of the asking client"})


class Statuses(fields.String):
    """Statuses of events, in any case, with commas between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        named = tuple(each.strip().upper() for each in super()._deserialize(value, attr, data, **kwargs).split(","))
        if not set(named) <= set(EventStatus):
            raise ma.ValidationError("Unknown status.")
        return named


class EventListQuery(TimedPageQuery):
    """What `GET /events` is narrowed to."""

    status = Statuses(
        metadata={
            "description": "one status, or several with commas",
            "example": "MATCHED,FAILED",
            "remedy": f"use any of: {', '.join(EventStatus)}",
        }
    )
    event_id = fields.String(validate=storable, metadata={"description": "the sender's own id"})
    type = fields.String(validate=storable, metadata={"example": "order"})
    severity = AnyCase(validate=storable, metadata={"example": "high"})
    source = fields.String(validate=storable, metadata={"example": "api"})
    name = fields.String(validate=storable, metadata={"example": "timeout"})
    user_id = fields.String(validate=storable, metadata={"example": "user-17"})
    device_id = fields.String(validate=storable, metadata={"example": "dev-1"})
    rule = fields.Integer(
        validate=validate.Range(min=1, max=2**31 - 1),
        metadata={"description": "the id of a rule that spoke", "remedy": "use an id from GET /rules"},
    )
