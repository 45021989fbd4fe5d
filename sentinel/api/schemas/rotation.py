"""What rotations look like in requests and answers."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import NumberedPageQuery, moment, number, one_line, storable, text
from sentinel.clock import utc_now
from sentinel.schedules.rotation import Override
from sentinel.services.escalating.named import LONGEST_NAME
from sentinel.services.escalating.rotations import LONGEST_SHIFT_DAYS, MOST_MEMBERS, Written

CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def minutes_of(clock: str) -> int:
    """Minutes since midnight that a clock shows; the text has been checked."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def clock_of(minutes: int) -> str:
    """What a clock shows so many minutes after midnight."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _member(**options: Any) -> fields.String:
    return text(LONGEST_NAME, example="ann", remedy="the name of an endpoint", validate=[one_line], **options)


class RotationRequest(ma.Schema):
    """Let members take turns."""

    name = text(LONGEST_NAME, example="primary", required=True, remedy="letters, digits, dots, dashes and underscores")
    members = fields.List(
        _member(),
        required=True,
        validate=validate.Length(min=1, max=MOST_MEMBERS),
        metadata={"example": ["ann", "bob"], "remedy": f"send an array of 1 to {MOST_MEMBERS} names of endpoints"},
    )
    zone = text(64, example="Europe/Berlin", load_default="UTC", remedy='a name of IANA\'s: "Europe/Berlin"')
    starts_on = fields.Date(
        required=True,
        metadata={"example": "2026-11-30", "remedy": 'the day on which the first member begins: "2026-11-30"'},
    )
    handover = fields.String(
        load_default="09:00",
        validate=validate.Regexp(re.compile(rf"{CLOCK.pattern}\Z"), error="Is no time of a day."),
        metadata={"example": "09:00", "remedy": 'write it like "09:00"'},
    )
    shift_days = number(
        example=7, remedy="how many days a turn is; a week is 7", largest=LONGEST_SHIFT_DAYS, load_default=7
    )

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return _as_written(data)


class RotationReplacement(RotationRequest):
    """What a rotation is to be from now on, and the version that the writer has read."""

    version = number(example=1, remedy="send the `version` that GET shows", required=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        version = data.pop("version")
        return _as_written(data), version


def _as_written(data: dict[str, Any]) -> Written:
    return Written(**data | {"members": tuple(data["members"]), "handover": minutes_of(data["handover"])})


class OverrideRequest(ma.Schema):
    """Let somebody stand in."""

    member = _member(required=True)
    starts_at = moment(example="2026-12-24T00:00:00Z", allow_none=False)
    ends_at = moment(example="2099-12-31T00:00:00Z", required=True, allow_none=False)

    @ma.post_load
    def _override(self, data: dict[str, Any], **_: Any) -> Any:
        return Override(data["member"], data.get("starts_at") or utc_now(), data["ends_at"])


class RotationListQuery(NumberedPageQuery):
    """What `GET /rotations` is narrowed to."""

    name = fields.String(validate=storable, metadata={"description": "exactly this name"})


class OnCallQuery(ma.Schema):
    """When."""

    class Meta:
        """Refuse unknown parameters: a typo must not answer for now."""

        unknown = ma.RAISE

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    at = fields.String(
        validate=storable,
        metadata={"description": "a time, or how long from now; without it, now", "example": "2d"},
    )


class RotationView(ma.Schema):
    """A rotation as it stands."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    members = fields.List(fields.String(), required=True)
    zone = fields.String(required=True)
    starts_on = fields.Date(required=True)
    handover = fields.String(required=True)
    shift_days = fields.Integer(required=True)
    version = fields.Integer(required=True, metadata={"description": "grows by one with each change"})
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class OverrideView(ma.Schema):
    """Somebody who stands in."""

    id = fields.Integer(required=True)
    member = fields.String(required=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class DutyView(ma.Schema):
    """Who is on call."""

    member = fields.String(required=True)
    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True, metadata={"description": "nothing changes before"})
    is_override = fields.Boolean(required=True)
