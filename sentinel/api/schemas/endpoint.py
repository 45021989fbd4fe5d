"""What endpoints look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import orjson
from marshmallow import fields, validate

from sentinel.api.schemas.fields import (
    SEVERITIES,
    NumberedPageQuery,
    number,
    one_line,
    one_of,
    small,
    storable,
    text,
    yes_or_no,
)
from sentinel.api.schemas.target import TargetSchema, targets
from sentinel.channels.registry import CHANNELS
from sentinel.services.endpoints import MESSAGES, STATUSES, Written
from sentinel.services.quiet_hours import HOLD, MODES, PASSES_FROM, SAMPLE

LONGEST_NAME = 100
LONGEST_TARGET = 2000
LONGEST_USER = 255
VERSION = "send the `version` that GET /endpoints/{id} shows"


def _not_all(value: str) -> None:
    """In a rule, `endpoint:*` means all."""
    if value == "*":
        raise ma.ValidationError("Means all endpoints in a rule.")


def _without_gaps(data: dict[str, Any]) -> dict[str, Any]:
    """No list of other targets is an empty one."""
    return data | {"failover": tuple(data.get("failover") or ())}


class QuietHoursSchema(ma.Schema):
    """When an endpoint wants to be left alone, what becomes of messages then, and which ones come all the same."""

    windows = fields.Dict(
        required=True,
        metadata={
            "example": SAMPLE["windows"],
            "description": "time intervals and their IANA zone",
            "remedy": "send an object with `zone` and `intervals`",
        },
    )
    mode = one_of(MODES, example=HOLD, load_default=HOLD)
    passes_from = one_of(SEVERITIES, example=PASSES_FROM, load_default=PASSES_FROM, allow_none=True)


class EndpointRequest(ma.Schema):
    """Send messages there: for the client, for one of its rules, or for one of its users."""

    channel = one_of(CHANNELS, example="email", required=True)
    target = text(
        LONGEST_TARGET,
        example="oncall@example.com",
        remedy='a phone number ("+14155552671"), a mail address, a URL, a Slack channel ("#alerts"), '
        'a push target ("ntfys://ntfy.sh/ops"), or a user id',
        required=True,
    )
    name = text(
        LONGEST_NAME,
        example="on-call",
        remedy='one line; rules say notify("endpoint:NAME")',
        validate=[one_line, _not_all],
        allow_none=True,
    )
    rule_id = number(example=12, remedy="the `id` of a rule, or leave it out", allow_none=True)
    user_id = text(LONGEST_USER, example="user-17", allow_none=True)
    template = text(LONGEST_NAME, example="short", remedy="the name of a template", allow_none=True)
    is_enabled = yes_or_no(load_default=True)
    secret = text(
        LONGEST_NAME,
        example="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
        remedy="leave it out: webhooks get one",
        allow_none=True,
    )

    failover = targets()
    grouping = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        validate=[small],
        metadata={
            "description": "how its messages are gathered: `group_by` and the times of `GroupingView`; what is left "
            "out is as Alertmanager has it, and null lets each go alone",
            "example": {"group_by": ["labels.alertname"], "group_wait_seconds": 30},
        },
    )
    purpose = one_of((MESSAGES, STATUSES), example=MESSAGES, load_default=MESSAGES)
    quiet_hours = fields.Nested(
        QuietHoursSchema,
        allow_none=True,
        metadata={"remedy": f"write it like {orjson.dumps(SAMPLE).decode()}, or leave it out"},
    )

    @ma.validates_schema
    def _one_owner(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("rule_id") is not None and data.get("user_id") is not None:
            raise ma.ValidationError({"user_id": ["Cannot stand beside rule_id: an endpoint has one owner."]})

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return Written(**_without_gaps(data))


class EndpointReplacement(EndpointRequest):
    """What an endpoint is to be from now on, and the version that the writer has read."""

    version = number(example=1, remedy=VERSION, required=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        version = data.pop("version")
        return Written(**_without_gaps(data)), version


class EndpointSwitch(ma.Schema):
    """Enable or disable an endpoint."""

    is_enabled = yes_or_no(required=True)
    version = number(example=1, remedy=f"{VERSION}, or leave it out")


class EndpointListQuery(NumberedPageQuery):
    """What `GET /endpoints` is narrowed to."""

    rule_id = fields.Integer(validate=validate.Range(min=1, max=2**31 - 1), metadata={"example": 12})
    user_id = fields.String(validate=storable, metadata={"example": "user-17"})
    name = fields.String(validate=storable, metadata={"description": "exactly this name"})
    channel = one_of(CHANNELS, example="email")
    is_enabled = fields.Boolean(metadata={"example": True, "remedy": "use true or false"})


class GroupingView(ma.Schema):
    """How messages are gathered, and when a group is told."""

    group_by = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "fields that all events of a group share; `*`: each alert by itself"},
    )
    group_wait_seconds = fields.Integer(required=True, metadata={"description": "from a group's first message"})
    group_interval_seconds = fields.Integer(required=True, metadata={"description": "between what is told of it"})
    repeat_interval_seconds = fields.Integer(
        required=True, allow_none=True, metadata={"description": "until what still fires is told again; null: never"}
    )
    pause_seconds = fields.Integer(
        required=True, metadata={"description": "an alert that is over sooner is told to nobody"}
    )
    send_resolved = fields.Boolean(required=True)
    flap_changes = fields.Integer(
        required=True, metadata={"description": "an alert that changes more often within `flap_seconds` flaps; 0: none"}
    )
    flap_seconds = fields.Integer(required=True)


class EndpointView(ma.Schema):
    """An endpoint as it stands."""

    purpose = fields.String(
        required=True, metadata={"description": "`statuses`: it hears how the client's notifications ended"}
    )
    id = fields.Integer(required=True)
    client = fields.String(required=True)
    channel = fields.String(required=True)
    target = fields.String(required=True, metadata={"description": "in its one spelling"})
    name = fields.String(required=True, allow_none=True)
    rule_id = fields.Integer(required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)
    template = fields.String(required=True, allow_none=True)
    is_enabled = fields.Boolean(required=True)
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`endpoint_gone`: its receiver answered 410 Gone; null: only people disabled it"},
    )
    failover = fields.List(
        fields.Nested(TargetSchema),
        required=True,
        allow_none=True,
        metadata={"description": "where messages go that do not reach it"},
    )
    quiet_hours = fields.Nested(
        QuietHoursSchema, required=True, allow_none=True, metadata={"description": "null: it hears at any hour"}
    )
    grouping = fields.Nested(
        GroupingView,
        required=True,
        allow_none=True,
        metadata={"description": "how its messages are gathered; null: each goes alone"},
    )
    has_secret = fields.Boolean(required=True, metadata={"description": "what is sent is signed"})
    version = fields.Integer(required=True, metadata={"description": "grows by one with each change"})
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class SecretEndpointView(EndpointView):
    """An endpoint whose secret is new."""

    secret = fields.String(allow_none=True, metadata={"description": "shown this once; null: there is none"})
