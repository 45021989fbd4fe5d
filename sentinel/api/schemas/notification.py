"""What a notification looks like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import orjson
from marshmallow import fields, validate

from sentinel.api.parsing import is_storable
from sentinel.api.schemas.error import FieldErrorSchema
from sentinel.channels.registry import CHANNELS
from sentinel.models.status import Status
from sentinel.services.notifications import Request

SEVERITIES = ("critical", "high", "medium", "low")
LONGEST_BODY = 100_000
LARGEST_METADATA_BYTES = 16_384
AWARE = 'write it with its offset, for example "2026-11-20T18:00:00Z"'


ONE_OF_CHANNELS = f"use one of: {', '.join(CHANNELS)}"


class AnyCase(fields.String):
    """Text whose case does not matter (`SMS`, `High`)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return str(super()._deserialize(value, attr, data, **kwargs)).lower()


def _storable(value: Any) -> None:
    if not is_storable(value):
        raise ma.ValidationError("Contains a NUL character, which cannot be stored.")


def _one_line(value: str) -> None:
    if "\n" in value or "\r" in value:
        raise ma.ValidationError("Must be one line.")


def _small(value: dict[str, Any]) -> None:
    size = len(orjson.dumps(value))
    if size > LARGEST_METADATA_BYTES:
        raise ma.ValidationError(f"Is {size} bytes as JSON; at most {LARGEST_METADATA_BYTES} are kept.")


def _text(longest: int, *, example: str, remedy: str | None = None, **options: Any) -> fields.String:
    checks = [validate.Length(min=1, max=longest), _storable, *options.pop("validate", [])]
    metadata = {"example": example} | ({"remedy": remedy} if remedy else {})
    return fields.String(validate=checks, metadata=metadata, **options)


def _moment(*, example: str) -> fields.AwareDateTime:
    words: dict[str, Any] = {"invalid": "Is not a time.", "invalid_awareness": "Has no offset from UTC."}
    metadata = {"example": example, "remedy": AWARE}
    return fields.AwareDateTime(format="iso", allow_none=True, error_messages=words, metadata=metadata)


class NotificationRequest(ma.Schema):
    """Send this text to this recipient."""

    channel = AnyCase(
        required=True,
        validate=validate.OneOf(CHANNELS),
        metadata={"example": "sms", "remedy": ONE_OF_CHANNELS},
    )
    recipient = _text(
        320,
        example="+14155552671",
        remedy='a phone number with its country code ("+14155552671"), or an e-mail address',
        required=True,
    )
    body = _text(LONGEST_BODY, example="Your order has shipped.", required=True)
    subject = _text(998, example="Order 4711", validate=[_one_line], allow_none=True)
    severity = AnyCase(
        validate=validate.OneOf(SEVERITIES),
        allow_none=True,
        metadata={"example": "high", "remedy": f"use one of: {', '.join(SEVERITIES)}"},
    )
    user_id = _text(255, example="user-17", allow_none=True)
    dedupe_key = _text(255, example="order-4711-shipped", allow_none=True)
    send_at = _moment(example="2026-12-24T18:00:00Z")
    expires_at = _moment(example="2026-12-24T20:00:00Z")
    metadata = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        validate=[_storable, _small],
        metadata={"example": {"order": 4711}, "remedy": "any JSON object of up to 16 kB"},
    )

    @ma.post_load
    def _request(self, data: dict[str, Any], **_: Any) -> Request:
        return Request(**data | {"metadata": data.get("metadata") or {}})


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


class BatchItemView(ma.Schema):
    """What became of one item of a batch: `notification` if it was accepted (202), `errors` if not (422)."""

    index = fields.Integer(required=True, metadata={"description": "position of the item, from 0"})
    status = fields.Integer(required=True, validate=validate.OneOf((202, 422)))
    notification = fields.Nested(NotificationView)
    errors = fields.List(fields.Nested(FieldErrorSchema))


class ListQuery(ma.Schema):
    """What `GET /notifications` is narrowed to."""

    class Meta:
        """Refuse unknown parameters: a typo must not list everything."""

        unknown = ma.RAISE

    status = fields.String(
        metadata={"description": "one status, or several with commas", "example": "FAILED,UNDELIVERED"}
    )
    channel = AnyCase(validate=validate.OneOf(CHANNELS), metadata={"example": "sms", "remedy": ONE_OF_CHANNELS})
    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    reason = fields.String(validate=_storable, metadata={"example": "rate_limited"})
    since = fields.String(metadata={"description": "a time, or how long ago", "example": "1h"})
    cursor = fields.UUID(
        metadata={
            "description": "`next_cursor` of the page before",
            "remedy": "send `next_cursor` of the page before as it is",
        }
    )
    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(min=1, max=200),
        metadata={"example": 50, "remedy": "use a number from 1 to 200"},
    )


class TimelineItemView(ma.Schema):
    """One thing that happened."""

    at = fields.AwareDateTime(required=True)
    event = fields.String(required=True)
    detail = fields.Dict(keys=fields.String(), required=True)
