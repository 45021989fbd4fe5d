"""What suppressions look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.error import FieldErrorSchema
from sentinel.api.schemas.fields import NumberedPageQuery, one_of, storable, text
from sentinel.channels.registry import CHANNELS
from sentinel.models.suppression import SuppressionReason
from sentinel.services.suppressions import LONGEST_NOTE, Written

LONGEST_RECIPIENT = 1600
REASONS = tuple(reason.value for reason in SuppressionReason)


class SuppressionRequest(ma.Schema):
    """Do not write to this address any more."""

    channel = one_of(CHANNELS, example="email", required=True)
    recipient = text(
        LONGEST_RECIPIENT,
        example="ann@example.com",
        remedy="the address as notifications have it: a phone number, a mail address, a URL, a channel, a user id",
        required=True,
    )
    reason = one_of(REASONS, example="manual", load_default=SuppressionReason.MANUAL.value)
    note = text(LONGEST_NOTE, example="asked by telephone", remedy="any text, or leave it out", allow_none=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Written:
        return Written(**data | {"reason": SuppressionReason(data["reason"])})


class SuppressionListQuery(NumberedPageQuery):
    """What `GET /suppressions` is narrowed to."""

    channel = one_of(CHANNELS, example="email")
    recipient = fields.String(
        validate=storable,
        metadata={"description": "exactly this one; with `channel`, in any spelling", "example": "ann@example.com"},
    )
    reason = one_of(REASONS, example="opted_out")
    lifted = fields.Boolean(
        load_default=False,
        metadata={"description": "also those that were lifted", "example": True, "remedy": "use true or false"},
    )


class SuppressionView(ma.Schema):
    """A suppression; it holds while `lifted_at` is null."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    channel = fields.String(required=True)
    recipient = fields.String(required=True, metadata={"description": "in its one spelling"})
    reason = fields.String(required=True, validate=validate.OneOf(REASONS))
    source = fields.String(required=True, metadata={"description": "the provider, the API key or who else says so"})
    notification_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the notification whose receipt told it"}
    )
    note = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    lifted_at = fields.AwareDateTime(required=True, allow_none=True)
    lifted_by = fields.String(required=True, allow_none=True)
    hint = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "what the provider wants before messages arrive there again; lifting is not enough"},
    )


class SuppressionItemView(ma.Schema):
    """What became of one item of a batch: `suppression` if the address is suppressed, `errors` if not (422)."""

    index = fields.Integer(required=True, metadata={"description": "position of the item, from 0"})
    status = fields.Integer(
        required=True,
        validate=validate.OneOf((200, 201, 422)),
        metadata={"description": "201: new, 200: suppressed before, 422: refused"},
    )
    suppression = fields.Nested(SuppressionView)
    errors = fields.List(fields.Nested(FieldErrorSchema))
