"""What groups look like in requests and answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import PageQuery, one_of
from sentinel.channels.registry import CHANNELS
from sentinel.models.group import GroupKind

LARGEST_ID = 2**31 - 1


class GroupListQuery(PageQuery):
    """What `GET /groups` is narrowed to."""

    kind = one_of([kind.value for kind in GroupKind], example=GroupKind.GROUPING.value)
    channel = one_of(CHANNELS, example="slack")
    endpoint_id = fields.Integer(validate=validate.Range(min=1, max=LARGEST_ID), metadata={"example": 3})
    rule_id = fields.Integer(validate=validate.Range(min=1, max=LARGEST_ID), metadata={"example": 12})
    cursor = fields.UUID(
        metadata={
            "description": "`next_cursor` of the page before",
            "remedy": "send `next_cursor` of the page before as it is",
        }
    )


class GroupView(ma.Schema):
    """A group as it stands."""

    id = fields.UUID(required=True)
    client = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(list(GroupKind)))
    scope = fields.String(required=True, metadata={"description": "whose terms it has: `rule` or `endpoint`"})
    rule_id = fields.Integer(required=True, allow_none=True)
    endpoint_id = fields.Integer(required=True, allow_none=True)
    channel = fields.String(required=True)
    recipient = fields.String(required=True)
    user_id = fields.String(required=True, allow_none=True)
    labels = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "what its events share, by their fields"}
    )
    rule_ids = fields.List(fields.Integer(), required=True, metadata={"description": "the rules that have spoken"})
    firing = fields.Integer(required=True, metadata={"description": "alerts that fire"})
    resolved = fields.Integer(required=True, metadata={"description": "alerts that are over and not told to be"})
    held = fields.Integer(required=True, metadata={"description": "messages that wait"})
    wait_seconds = fields.Integer(required=True)
    interval_seconds = fields.Integer(required=True, allow_none=True, metadata={"description": "null: told once"})
    repeat_seconds = fields.Integer(required=True, allow_none=True)
    pause_seconds = fields.Integer(required=True)
    began_at = fields.AwareDateTime(required=True, metadata={"description": "when its first message came"})
    next_flush_at = fields.AwareDateTime(required=True, metadata={"description": "when it is looked at next"})
    last_told_at = fields.AwareDateTime(required=True, allow_none=True)
    last_notification_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the message that told it last"}
    )


class GroupAlertView(ma.Schema):
    """An alert of a group."""

    alert_key = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.String(required=True, metadata={"description": "`firing` or `resolved`"})
    since = fields.AwareDateTime(required=True)
    told = fields.String(
        required=True,
        metadata={"description": "what the receiver knows: `firing`, `flapping`, or `resolved` (or nothing)"},
    )
    severity = fields.String(required=True, allow_none=True)
    event_id = fields.UUID(required=True, metadata={"description": "the last event that spoke of it"})
    notification_id = fields.UUID(required=True, metadata={"description": "the message about that event"})


class OpenedGroupView(GroupView):
    """A group, with the first 100 of its alerts and of the messages that it holds."""

    alerts = fields.List(fields.Nested(GroupAlertView), required=True)
    held_ids = fields.List(fields.UUID(), required=True)


class FlushView(ma.Schema):
    """What came of a flush."""

    group_id = fields.UUID(required=True)
    notification_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the message that tells it; null: nothing to say"}
    )
