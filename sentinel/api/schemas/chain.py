"""What failover chains look like in requests and answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.target import TargetSchema
from sentinel.channels.registry import CHANNELS
from sentinel.services.sending.failover import MOST_TARGETS


class ChainRequest(ma.Schema):
    """Other targets, in the order in which they take over."""

    targets = fields.List(
        fields.Nested(TargetSchema),
        required=True,
        validate=validate.Length(min=1, max=MOST_TARGETS),
        metadata={
            "example": [{"channel": "email", "recipient": "oncall@example.com", "after_seconds": 300}],
            "remedy": f"send an array of 1 to {MOST_TARGETS} targets",
        },
    )


class ChainView(ma.Schema):
    """Where messages on a channel go that are not reached."""

    client = fields.String(required=True)
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    targets = fields.List(fields.Nested(TargetSchema), required=True)
    updated_at = fields.AwareDateTime(required=True)
