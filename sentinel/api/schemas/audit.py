"""What `GET /audit` answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

REASONS = {"description": "how many by reason", "example": {"duplicate": 47}}


class AuditQuery(ma.Schema):
    """What the last audit is narrowed to."""

    class Meta:
        """Refuse unknown parameters."""

        unknown = ma.RAISE

    client = fields.String(metadata={"description": "only what was found of this client"})


class BalanceView(ma.Schema):
    """One day and channel, all clients together: accepted is the sum of the others."""

    day = fields.Date(required=True)
    channel = fields.String(required=True)
    accepted = fields.Integer(required=True)
    delivered = fields.Integer(required=True, metadata={"description": "SENT and DELIVERED"})
    suppressed = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=REASONS)
    failed = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=REASONS)
    cancelled = fields.Integer(required=True)
    in_flight = fields.Integer(required=True)
    pruned = fields.Integer(required=True, metadata={"description": "deleted after the retention"})
    is_balanced = fields.Boolean(required=True, metadata={"description": "of each client"})


class KindView(ma.Schema):
    """A kind of discrepancy that was found."""

    kind = fields.String(required=True, metadata={"example": "attempts_differ"})
    count = fields.Integer(required=True)
    meaning = fields.String(required=True)
    remedy = fields.String(required=True)


class DiscrepancyView(ma.Schema):
    """One discrepancy."""

    kind = fields.String(required=True, metadata={"example": "attempts_differ"})
    id = fields.String(
        required=True, metadata={"description": "of the notification, event or receipt; `day/client/channel` of a sum"}
    )
    client = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)


class AuditView(ma.Schema):
    """What the last audit has found."""

    started_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True)
    since = fields.AwareDateTime(required=True, metadata={"description": "how far back it looked"})
    is_complete = fields.Boolean(required=True, metadata={"description": "whether that is as far as it was to look"})
    checked = fields.Integer(required=True, metadata={"description": "notifications"})
    discrepancies = fields.Integer(required=True, metadata={"description": "of all clients"})
    balance = fields.List(fields.Nested(BalanceView), required=True)
    kinds = fields.List(fields.Nested(KindView), required=True)
    found = fields.List(
        fields.Nested(DiscrepancyView), required=True, metadata={"description": "the first 500 of them"}
    )
