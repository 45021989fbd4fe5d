"""What escalation policies look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import SEVERITIES, NumberedPageQuery, number, one_of, storable, text, yes_or_no
from sentinel.services.escalating.named import LONGEST_NAME
from sentinel.services.escalating.policies import (
    LONGEST_SECONDS,
    MOST_REPEATS,
    MOST_STEPS,
    MOST_TARGETS,
    SHORTEST_REPEAT_SECONDS,
    SHORTEST_TIMEOUT_SECONDS,
    Step,
    Written,
)

LONGEST_TARGET = 2100


def _seconds(lowest: int, *, example: int, **options: Any) -> fields.Integer:
    metadata = {"example": example, "remedy": f"use a number from {lowest} to {LONGEST_SECONDS}"}
    allowed = validate.Range(min=lowest, max=LONGEST_SECONDS)
    return fields.Integer(strict=True, validate=allowed, metadata=metadata, **options)


class StepSchema(ma.Schema):
    """Whom to tell, so many seconds after the step before."""

    wait_seconds = _seconds(0, example=300, load_default=0)
    notify = fields.List(
        text(LONGEST_TARGET, example="endpoint:ann"),
        required=True,
        validate=validate.Length(min=1, max=MOST_TARGETS),
        metadata={
            "example": ["rotation:primary"],
            "remedy": f'send an array of 1 to {MOST_TARGETS}: "endpoint:ann", "rotation:primary", "sms:+14155552671"',
        },
    )

    @ma.post_load
    def _step(self, data: dict[str, Any], **_: Any) -> Any:
        return Step(data["wait_seconds"], tuple(data["notify"]))


class EscalationPolicyRequest(ma.Schema):
    """Tell tickets like this until somebody takes them."""

    name = text(LONGEST_NAME, example="primary", required=True, remedy="letters, digits, dots, dashes and underscores")
    steps = fields.List(
        fields.Nested(StepSchema),
        required=True,
        validate=validate.Length(min=1, max=MOST_STEPS),
        metadata={
            "example": [{"wait_seconds": 0, "notify": ["sms:+14155552671"]}],
            "remedy": f"send an array of 1 to {MOST_STEPS} steps",
        },
    )
    repeat = fields.Integer(
        load_default=0,
        strict=True,
        validate=validate.Range(min=0, max=MOST_REPEATS),
        metadata={"example": 2, "remedy": f"how often after the first time, from 0 to {MOST_REPEATS}"},
    )
    repeat_wait_seconds = _seconds(SHORTEST_REPEAT_SECONDS, example=300, load_default=300)
    acknowledge_timeout_seconds = _seconds(SHORTEST_TIMEOUT_SECONDS, example=3600, load_default=None, allow_none=True)
    default_for = fields.List(
        one_of(SEVERITIES, example="critical"),
        load_default=list,
        metadata={"example": [], "remedy": f"send an array of: {', '.join(SEVERITIES)}"},
    )
    tells_end = yes_or_no(load_default=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return Written(**data | {"steps": tuple(data["steps"]), "default_for": tuple(data["default_for"])})


class EscalationPolicyReplacement(EscalationPolicyRequest):
    """What a policy is to be from now on, and the version that the writer has read."""

    version = number(example=1, remedy="send the `version` that GET shows", required=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        version = data.pop("version")
        return Written(**data | {"steps": tuple(data["steps"]), "default_for": tuple(data["default_for"])}), version


class EscalationPolicyListQuery(NumberedPageQuery):
    """What `GET /escalation-policies` is narrowed to."""

    name = fields.String(validate=storable, metadata={"description": "exactly this name"})


class StepView(ma.Schema):
    """A step as it stands."""

    wait_seconds = fields.Integer(required=True)
    notify = fields.List(fields.String(), required=True)


class EscalationPolicyView(ma.Schema):
    """A policy as it stands; tickets that have copied it before go on as it was."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    steps = fields.List(fields.Nested(StepView), required=True)
    repeat = fields.Integer(required=True, metadata={"description": "how often the steps are gone through again"})
    repeat_wait_seconds = fields.Integer(required=True, metadata={"description": "how long after the last step"})
    acknowledge_timeout_seconds = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "what is acknowledged and not resolved by then is open again; null: it stays"},
    )
    default_for = fields.List(
        fields.String(), required=True, metadata={"description": "severities of tickets whose rule names no policy"}
    )
    tells_end = fields.Boolean(required=True, metadata={"description": "whether those who were told hear of the end"})
    version = fields.Integer(required=True, metadata={"description": "grows by one with each change"})
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
