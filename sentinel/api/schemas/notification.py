"""What a notification looks like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.error import FieldErrorSchema
from sentinel.api.schemas.fields import SEVERITIES, TimedPageQuery, moment, one_line, one_of, small, storable, text
from sentinel.api.schemas.target import TargetSchema, targets
from sentinel.channels.registry import CHANNELS
from sentinel.models.status import Status
from sentinel.services.notifications import Request

LONGEST_BODY = 100_000


class NotificationRequest(ma.Schema):
    """Send this text to this recipient."""

    channel = one_of(CHANNELS, example="sms", required=True)
    recipient = text(
        1600,
        example="+14155552671",
        remedy='a phone number with its country code ("+14155552671"), an e-mail address, "#channel", a URL',
        required=True,
    )
    body = text(LONGEST_BODY, example="Your order has shipped.", required=True)
    subject = text(998, example="Order 4711", validate=[one_line], allow_none=True)
    severity = one_of(SEVERITIES, example="high", allow_none=True)
    user_id = text(255, example="user-17", allow_none=True)
    dedupe_key = text(255, example="order-4711-shipped", allow_none=True)
    send_at = moment(example="2026-12-24T18:00:00Z")
    expires_at = moment(example="2026-12-24T20:00:00Z")
    metadata = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        validate=[storable, small],
        metadata={"example": {"order": 4711}, "remedy": "any JSON object of up to 16 kB"},
    )
    failover = targets()

    @ma.post_load
    def _request(self, data: dict[str, Any], **_: Any) -> Request:
        changes = {"metadata": data.get("metadata") or {}, "failover": tuple(data.get("failover") or ())}
        return Request(**data | changes)


class NotificationView(ma.Schema):
    """A notification as it stands."""

    id = fields.UUID(required=True)
    client = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(Status)))
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why it stands where it stands"})
    channel = fields.String(required=True)
    recipient = fields.String(required=True, metadata={"description": "in its one spelling"})
    subject = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
    severity = fields.String(required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)
    dedupe_key = fields.String(required=True, allow_none=True)
    duplicate_of = fields.UUID(required=True, allow_none=True)
    silence_id = fields.UUID(required=True, allow_none=True, metadata={"description": "the silence that held it back"})
    group_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the group in which it waits, or waited to its end"}
    )
    told_by = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the notification that told it with others"}
    )
    event_id = fields.UUID(required=True, allow_none=True, metadata={"description": "the event that rules made it of"})
    rule_ids = fields.List(fields.Integer(), required=True, allow_none=True)
    endpoint_id = fields.Integer(required=True, allow_none=True)
    metadata = fields.Dict(keys=fields.String(), required=True)
    attempts = fields.Integer(required=True)
    attempt_limit = fields.Integer(required=True)
    provider = fields.String(required=True, allow_none=True)
    provider_message_id = fields.String(required=True, allow_none=True)
    send_at = fields.AwareDateTime(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True, allow_none=True)
    next_attempt_at = fields.AwareDateTime(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
    sent_at = fields.AwareDateTime(required=True, allow_none=True)
    failover = fields.List(
        fields.Nested(TargetSchema), required=True, allow_none=True, metadata={"description": "targets that are left"}
    )
    failover_of = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the notification that this one takes over for"}
    )


class BatchItemView(ma.Schema):
    """What became of one item of a batch: `notification` if it was accepted (202), `errors` if not (422)."""

    index = fields.Integer(required=True, metadata={"description": "position of the item, from 0"})
    status = fields.Integer(required=True, validate=validate.OneOf((202, 422)))
    notification = fields.Nested(NotificationView)
    errors = fields.List(fields.Nested(FieldErrorSchema))


class ListQuery(TimedPageQuery):
    """What `GET /notifications` is narrowed to."""

    status = fields.String(
        metadata={"description": "one status, or several with commas", "example": "FAILED,UNDELIVERED"}
    )
    channel = one_of(CHANNELS, example="sms")
    reason = fields.String(validate=storable, metadata={"example": "rate_limited"})
    user_id = fields.String(validate=storable, metadata={"example": "user-17"})
    recipient = fields.String(
        validate=storable, metadata={"example": "+14155552671", "description": "in its stored spelling"}
    )
    event = fields.UUID(metadata={"description": "only what rules made of this event, by its `id`"})


class TimelineItemView(ma.Schema):
    """One thing that happened."""

    at = fields.AwareDateTime(required=True)
    event = fields.String(required=True)
    detail = fields.Dict(keys=fields.String(), required=True)
