"""What heartbeats look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import SEVERITIES, PageQuery, number, one_of, small, storable, yes_or_no
from sentinel.models.heartbeat import HeartbeatState
from sentinel.schedules.reading import SAMPLE
from sentinel.services.proving.heartbeats import LONGEST_EVERY, LONGEST_GRACE, SHORTEST_EVERY, USUAL_GRACE, Written
from sentinel.services.proving.signals import FAIL, LONGEST_MESSAGE, OK

STATES = tuple(state.value for state in HeartbeatState)
MOST_LABELS = 50
LONGEST_LABEL = 255


def schedule(**options: Any) -> fields.Dict:
    """Times that come again, as `sentinel.schedules` reads them."""
    remedy = "write it as docs/reference/heartbeats.md shows, or leave it out"
    return fields.Dict(allow_none=True, metadata={"example": SAMPLE, "remedy": remedy}, **options)


class HeartbeatRequest(ma.Schema):
    """A signal that is expected: every so many seconds, at certain times, or both."""

    every_seconds = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=SHORTEST_EVERY, max=LONGEST_EVERY),
        metadata={"example": 3600, "remedy": f"a whole number from {SHORTEST_EVERY} to {LONGEST_EVERY}"},
    )
    schedule = schedule()
    grace_seconds = fields.Integer(
        strict=True,
        load_default=USUAL_GRACE,
        validate=validate.Range(min=0, max=LONGEST_GRACE),
        metadata={"example": 300, "remedy": f"a whole number from 0 to {LONGEST_GRACE}"},
    )
    severity = one_of(SEVERITIES, example="high", load_default="high", allow_none=True)
    labels = fields.Dict(
        keys=fields.String(validate=[validate.Length(min=1, max=LONGEST_LABEL), storable]),
        values=fields.String(validate=[validate.Length(max=LONGEST_LABEL), storable]),
        load_default=dict,
        validate=[validate.Length(max=MOST_LABELS), small],
        metadata={"example": {"team": "payments"}, "remedy": f"up to {MOST_LABELS} names and texts"},
    )

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return Written(**data)


class HeartbeatChange(ma.Schema):
    """Wait for it no longer, or again."""

    is_paused = yes_or_no(required=True)


class SignalRequest(ma.Schema):
    """What a sender says of itself; nothing at all means that it is well."""

    status = one_of((OK, FAIL), example=OK)
    exit_code = number(example=1, remedy="the program's exit code; 0 is well")
    message = fields.String(metadata={"description": f"its last {LONGEST_MESSAGE} characters are kept"})


class HeartbeatListQuery(PageQuery):
    """What `GET /heartbeats` is narrowed to."""

    state = one_of(STATES, example="down")
    cursor = fields.String(validate=storable, metadata={"description": "`next_cursor` of the page before"})


class HeardView(ma.Schema):
    """What became of a signal."""

    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    expected_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when the next one should be there"}
    )


class HeartbeatView(ma.Schema):
    """A heartbeat as it stands."""

    name = fields.String(required=True)
    client = fields.String(required=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={"description": "`new`: nothing heard yet; `late`: expected, and within its grace"},
    )
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "why it is down: `missed` or `failed`"}
    )
    every_seconds = fields.Integer(required=True, allow_none=True)
    schedule = fields.Dict(required=True, allow_none=True)
    grace_seconds = fields.Integer(required=True)
    severity = fields.String(required=True, allow_none=True)
    labels = fields.Dict(keys=fields.String(), required=True)
    last_seen_at = fields.AwareDateTime(required=True, allow_none=True)
    last_message = fields.String(required=True, allow_none=True)
    last_exit_code = fields.Integer(required=True, allow_none=True)
    expected_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when the next signal should be there"}
    )
    due_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when it is missed: after the grace"}
    )
    address = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "where a sender without a key signals; who knows it may, so it is shown to keys with "
            "the scope `heartbeats:write` alone"
        },
    )
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
