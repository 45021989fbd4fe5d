"""What provider accounts look like in requests and answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import one_line, one_of, text
from sentinel.services.sending.breaker import CLOSED, HALF_OPEN, OPEN

LONGEST_REASON = 200


class ProviderQuery(ma.Schema):
    """What `GET /providers` is narrowed to."""

    class Meta:
        """Refuse unknown parameters: a typo must not list everything."""

        unknown = ma.RAISE

    state = one_of((CLOSED, OPEN, HALF_OPEN), example=OPEN)


class HoldRequest(ma.Schema):
    """Why an account is to be left alone."""

    reason = text(LONGEST_REASON, example="number is being moved", validate=[one_line], allow_none=True)


class ProviderView(ma.Schema):
    """A provider account and its circuit breaker."""

    name = fields.String(required=True)
    channels = fields.List(fields.String(), required=True, metadata={"description": "the channels it serves"})
    state = fields.String(required=True, validate=validate.OneOf((CLOSED, OPEN, HALF_OPEN)))
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why it is left alone"})
    hint = fields.String(required=True, allow_none=True, metadata={"description": "what to do about it"})
    is_held = fields.Boolean(required=True, metadata={"description": "opened by hand: only `resume` closes it"})
    opened_at = fields.AwareDateTime(required=True, allow_none=True)
    paused_until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "then one message tries it"}
    )
    openings = fields.Integer(required=True, metadata={"description": "openings in a row: each rest is longer"})
    parked = fields.Integer(
        required=True, metadata={"description": "messages of its channels that wait for an account"}
    )
