"""What tickets look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import SEVERITIES, NumberedPageQuery, moment, one_line, one_of, storable, text
from sentinel.models.escalation import EscalationState
from sentinel.models.ticket import TicketStatus
from sentinel.services.tickets import LONGEST_NOTE

LARGEST_VERSION = 2**31 - 1
UNRESOLVED = "unresolved"


class EscalationView(ma.Schema):
    """How far a ticket is escalated."""

    policy = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([state.value for state in EscalationState]))
    round = fields.Integer(required=True)
    step = fields.Integer(required=True, metadata={"description": "what comes next; once `exhausted`, the last"})
    next_step_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": "when the next step is told; of what is snoozed, the end of that; of what is acknowledged, "
            "when it is open again"
        },
    )


class TicketView(ma.Schema):
    """A ticket as it stands."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([status.value for status in TicketStatus]))
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    title = fields.String(required=True)
    reason = fields.String(required=True, metadata={"description": "the title once more, as the device API calls it"})
    device_id = fields.String(required=True, allow_none=True)
    event_id = fields.UUID(required=True, metadata={"description": "the event that gave it its severity"})
    rule_id = fields.Integer(required=True, metadata={"description": "the rule that gave it its severity"})
    merge_key = fields.String(required=True, allow_none=True)
    events = fields.Integer(required=True, metadata={"description": "how many events it stands for"})
    last_event_at = fields.AwareDateTime(required=True)
    version = fields.Integer(required=True)
    acknowledged_at = fields.AwareDateTime(required=True, allow_none=True)
    acknowledged_by = fields.String(required=True, allow_none=True)
    resolved_at = fields.AwareDateTime(required=True, allow_none=True)
    resolved_by = fields.String(required=True, allow_none=True)
    escalation = fields.Nested(
        EscalationView, required=True, allow_none=True, metadata={"description": "null: it has taken no policy"}
    )
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class TicketMove(ma.Schema):
    """Acknowledge, resolve or snooze."""

    status = one_of([TicketStatus.ACKNOWLEDGED.value, TicketStatus.RESOLVED.value], example="resolved")
    snoozed_until = moment(example="2099-12-31T00:00:00Z", allow_none=False)
    by = text(100, example="ann", remedy="who does it; without it, the API key", validate=[one_line])
    note = text(LONGEST_NOTE, example="disk replaced", remedy="what others shall know; it stays in the timeline")
    version = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=LARGEST_VERSION),
        metadata={"example": 1, "remedy": "send the `version` that GET /tickets/{id} shows, or leave it out"},
    )

    @ma.validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("status" in data) == ("snoozed_until" in data):
            raise ma.ValidationError("Needs either status or snoozed_until.", "status")


class TicketListQuery(NumberedPageQuery):
    """What `GET /tickets` is narrowed to."""

    status = one_of(
        [*(status.value for status in TicketStatus), UNRESOLVED],
        example=UNRESOLVED,
    )
    severity = one_of(SEVERITIES, example="critical")
    device_id = fields.String(validate=storable, metadata={"example": "dev-1"})
    since = fields.String(metadata={"description": "opened since: a time, or how long ago", "example": "1h"})


class ClientQuery(ma.Schema):
    """Whose."""

    class Meta:
        """Refuse unknown parameters: a typo must not answer for the wrong client."""

        unknown = ma.RAISE

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})


class RecentQuery(ClientQuery):
    """How many of the newest."""

    limit = fields.String(metadata={"description": "1 to 200; anything else counts as 50", "example": "50"})


class StatsView(ma.Schema):
    """Tickets by severity; always all four."""

    critical = fields.Integer(required=True)
    high = fields.Integer(required=True)
    medium = fields.Integer(required=True)
    low = fields.Integer(required=True)
