"""Other targets to turn to, in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import number, one_of, text
from sentinel.channels.registry import CHANNELS
from sentinel.services.sending.failover import MOST_TARGETS, Target

LONGEST_PATIENCE = 7 * 86_400


class TargetSchema(ma.Schema):
    """Where to turn when the target before this one fails, or has not been reached for `after_seconds`.

    It is a `recipient` on a `channel`, or an `endpoint` by its name, which is looked up when it takes over.
    """

    channel = one_of(CHANNELS, example="email")
    recipient = text(1600, example="oncall@example.com", remedy="write it as a notification's `recipient`")
    endpoint = text(100, example="on-call-phone", remedy="the name of an endpoint, instead of channel and recipient")
    after_seconds = number(
        example=300,
        largest=LONGEST_PATIENCE,
        remedy="whole seconds, up to a week; without it only a failure counts",
        allow_none=True,
        load_default=None,
    )

    @ma.validates_schema
    def _one_place(self, data: dict[str, Any], **_: Any) -> None:
        given = {name for name in ("channel", "recipient", "endpoint") if data.get(name) is not None}
        if "endpoint" in given and len(given) > 1:
            raise ma.ValidationError({"endpoint": ["Cannot stand beside channel and recipient."]})
        if "endpoint" not in given:
            missing = {name: ["Missing data for required field."] for name in ("channel", "recipient")}
            if absent := {name: told for name, told in missing.items() if name not in given}:
                raise ma.ValidationError(absent)

    @ma.post_load
    def _target(self, data: dict[str, Any], **_: Any) -> Target:
        return Target(**data)


def targets() -> Any:
    """Other targets, in the order in which they take over."""
    return fields.List(
        fields.Nested(TargetSchema),
        allow_none=True,
        validate=[validate.Length(max=MOST_TARGETS)],
        metadata={
            "remedy": f"up to {MOST_TARGETS} of {{channel, recipient, after_seconds}} or {{endpoint, after_seconds}}, "
            "or leave it out"
        },
    )
