"""What silences look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import PageQuery, moment, one_line, one_of, storable, text, yes_or_no
from sentinel.models.silence import SilenceState
from sentinel.rules.matchers import Matcher
from sentinel.services.silences import LONGEST_COMMENT, LONGEST_CREATOR, LONGEST_NAME, LONGEST_VALUE, MOST_MATCHERS

STATES = tuple(state.value for state in SilenceState)


class MatcherSchema(ma.Schema):
    """One label, and what it must be, or must not be if `is_equal` is false."""

    name = text(LONGEST_NAME, example="instance", required=True, remedy="name a label, or a field of the event")
    value = fields.String(
        required=True,
        validate=[validate.Length(max=LONGEST_VALUE), storable],
        metadata={"example": "db-.*", "remedy": f"a text of up to {LONGEST_VALUE} characters, or a regular expression"},
    )
    is_regex = yes_or_no(load_default=False)
    is_equal = yes_or_no(load_default=True)

    @ma.post_load
    def _matcher(self, data: dict[str, Any], **_: Any) -> Matcher:
        return Matcher(**data)


class SilenceRequest(ma.Schema):
    """Be quiet about events that all matchers match."""

    matchers = fields.List(
        fields.Nested(MatcherSchema),
        required=True,
        validate=validate.Length(min=1, max=MOST_MATCHERS),
        metadata={
            "example": [{"name": "alertname", "value": "DiskFull"}],
            "remedy": f"send an array of 1 to {MOST_MATCHERS} matchers",
        },
    )
    starts_at = moment(example="2026-11-20T18:00:00Z")
    ends_at = moment(example="2099-12-31T00:00:00Z", required=True, allow_none=False)
    created_by = text(LONGEST_CREATOR, example="ann", remedy="who does it", validate=[one_line])
    comment = text(LONGEST_COMMENT, example="new disks", remedy="why, for those who read it later")


class SilenceListQuery(PageQuery):
    """What `GET /silences` is narrowed to."""

    state = one_of(STATES, example="active")
    cursor = fields.UUID(
        metadata={
            "description": "`next_cursor` of the page before",
            "remedy": "send `next_cursor` of the page before as it is",
        }
    )


class SilenceView(ma.Schema):
    """A silence as it stands."""

    id = fields.UUID(required=True)
    client = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    matchers = fields.List(fields.Nested(MatcherSchema), required=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    created_by = fields.String(required=True)
    comment = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
