"""What drills look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import SEVERITIES, PageQuery, number, one_of, storable, text, yes_or_no
from sentinel.api.schemas.heartbeat import schedule
from sentinel.services.proving.drills import LONGEST_WITHIN, MOST_TARGETS, USUAL_WITHIN, Written

LONGEST_TEXT = 1000


class DrillRequest(ma.Schema):
    """Try at set times whether these endpoints are reached."""

    targets = fields.List(
        fields.String(validate=[validate.Length(min=1, max=100), storable]),
        required=True,
        validate=validate.Length(min=1, max=MOST_TARGETS),
        metadata={"example": ["on-call"], "remedy": f"send an array of 1 to {MOST_TARGETS} names of endpoints"},
    )
    schedule = schedule()
    text = text(LONGEST_TEXT, example="Answer with a thumb, please.", allow_none=True)
    within_seconds = number(
        example=300,
        largest=LONGEST_WITHIN,
        remedy=f"whole seconds, up to {LONGEST_WITHIN}: who is not reached by then is unreached",
        load_default=USUAL_WITHIN,
    )
    severity = one_of(SEVERITIES, example="high", load_default="high", allow_none=True)
    is_enabled = yes_or_no(load_default=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return Written(**data | {"targets": tuple(data["targets"])})


class DrillListQuery(PageQuery):
    """Which page of drills."""

    cursor = fields.String(validate=storable, metadata={"description": "`next_cursor` of the page before"})


class DrillRunListQuery(PageQuery):
    """Which page of a drill's runs."""

    cursor = fields.UUID(metadata={"description": "`next_cursor` of the page before"})


class DrillView(ma.Schema):
    """A drill as it stands."""

    name = fields.String(required=True)
    client = fields.String(required=True)
    targets = fields.List(fields.String(), required=True)
    schedule = fields.Dict(required=True, allow_none=True)
    text = fields.String(required=True, allow_none=True)
    within_seconds = fields.Integer(required=True)
    severity = fields.String(required=True, allow_none=True)
    is_enabled = fields.Boolean(required=True)
    is_failing = fields.Boolean(required=True, metadata={"description": "the last run left somebody unreached"})
    next_at = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "when it is next held"})
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class DrillResultView(ma.Schema):
    """Whether a target was reached."""

    target = fields.String(required=True)
    notification_id = fields.UUID(required=True, allow_none=True)
    is_reached = fields.Boolean(required=True)
    status = fields.String(required=True, allow_none=True, metadata={"description": "of its message, at the end"})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "why it was not reached"})
    reached_at = fields.AwareDateTime(required=True, allow_none=True)


class DrillRunView(ma.Schema):
    """A drill as it was held."""

    id = fields.UUID(required=True)
    drill = fields.String(required=True)
    client = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(("running", "passed", "failed")))
    started_by = fields.String(required=True, metadata={"description": "`schedule`, or who asked for it"})
    started_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(required=True, metadata={"description": "when it is judged"})
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    results = fields.List(fields.Nested(DrillResultView), required=True)
