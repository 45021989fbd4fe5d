"""Bulk replays of dead letters in answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import number
from sentinel.models.letter_replay import ReplayStatus
from sentinel.services.editing import LARGEST_ID


class BulkReplayListQuery(ma.Schema):
    """Which page."""

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    limit = number(example=50, largest=200, remedy="a whole number from 1 to 200", load_default=50)
    cursor = number(example=17, largest=LARGEST_ID, remedy="`next_cursor` of the page before")


class BulkReplayView(ma.Schema):
    """How far a replay is. Of the letters that it started over, each is counted by how it stands now."""

    id = fields.Integer(required=True)
    client = fields.String(required=True, allow_none=True, metadata={"description": "none: letters of all clients"})
    status = fields.String(required=True, validate=validate.OneOf(list(ReplayStatus)))
    rate_per_second = fields.Integer(required=True)
    total = fields.Integer(required=True, metadata={"description": "letters that there were as it began"})
    seen = fields.Integer(required=True, metadata={"description": "of these, taken up"})
    replayed = fields.Integer(required=True, metadata={"description": "of these, started over"})
    waiting = fields.Integer(required=True, metadata={"description": "of these, not at their end yet"})
    through = fields.Integer(required=True, metadata={"description": "SENT or DELIVERED"})
    failed = fields.Integer(required=True, metadata={"description": "dead letters again"})
    held_back = fields.Integer(required=True, metadata={"description": "SUPPRESSED or CANCELLED"})
    is_cut = fields.Boolean(
        required=True, metadata={"description": "more of them did not get through than are counted meanwhile"}
    )
    requested_by = fields.String(required=True)
    stopped_by = fields.String(required=True, allow_none=True)
    began_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "since when no more are taken up"}
    )
    settled_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when the last of its letters had ended"}
    )
