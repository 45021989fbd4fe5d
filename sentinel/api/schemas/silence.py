"""What silences look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import PageQuery, moment, one_line, one_of, storable, text, yes_or_no
from sentinel.models.silence import EndReason, SilenceState
from sentinel.rules.matchers import Matcher
from sentinel.schedules.reading import SAMPLE
from sentinel.services.muting.matchers import LONGEST_NAME, LONGEST_VALUE, MOST_MATCHERS
from sentinel.services.muting.previews import LONGEST_HOURS, USUAL_HOURS
from sentinel.services.muting.silence_checks import LEAST_SECONDS, LONGEST_COMMENT, LONGEST_CREATOR, MOST_SECONDS

STATES = tuple(state.value for state in SilenceState)
LONGEST_ENDPOINT = 100


def _windows(**options: Any) -> fields.Dict:
    """A schedule; what is wrong within it is said by the service that reads it."""
    description = "when it holds between its start and its end; without windows: all the time"
    remedy = "send an object with `zone` and `intervals`, or leave it out"
    return fields.Dict(metadata={"example": SAMPLE, "description": description, "remedy": remedy}, **options)


def _seconds(description: str) -> fields.Integer:
    remedy = f"use {LEAST_SECONDS} to {MOST_SECONDS} seconds, or leave it out"
    return fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=LEAST_SECONDS, max=MOST_SECONDS),
        metadata={"example": 3600, "description": description, "remedy": remedy},
    )


def matcher_list(example: list[dict[str, Any]]) -> fields.List[Any]:
    """Matchers that must all match."""
    return fields.List(
        fields.Nested(MatcherSchema),
        required=True,
        validate=validate.Length(min=1, max=MOST_MATCHERS),
        metadata={"example": example, "remedy": f"send an array of 1 to {MOST_MATCHERS} matchers"},
    )


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

    matchers = matcher_list([{"name": "alertname", "value": "DiskFull"}])
    starts_at = moment(example="2026-11-20T18:00:00Z")
    ends_at = moment(example="2099-12-31T00:00:00Z", required=True, allow_none=False)
    created_by = text(LONGEST_CREATOR, example="ann", remedy="who does it", validate=[one_line])
    comment = text(LONGEST_COMMENT, example="new disks", remedy="why, for those who read it later")
    windows = _windows(allow_none=True)
    ends_when_resolved = yes_or_no()
    ends_after_quiet_seconds = _seconds("it ends when nothing has matched it for so long")
    remind_before_seconds = _seconds("so long before its end the endpoint `remind` is told")
    remind = text(
        LONGEST_ENDPOINT, example="ops", remedy="name an endpoint of the client", allow_none=True, validate=[one_line]
    )


class SilencePreviewRequest(ma.Schema):
    """What a silence would be made of."""

    matchers = matcher_list([{"name": "alertname", "value": "DiskFull"}])
    windows = _windows(allow_none=True)
    hours = fields.Integer(
        strict=True,
        load_default=USUAL_HOURS,
        validate=validate.Range(min=1, max=LONGEST_HOURS),
        metadata={"example": USUAL_HOURS, "remedy": f"use 1 to {LONGEST_HOURS} hours"},
    )


class PreviewedAlert(ma.Schema):
    """An alert that fires, and that the silence would match."""

    alert = fields.String(required=True, metadata={"description": "the same in all that is said of the alert"})
    event_id = fields.UUID(required=True, metadata={"description": "the event that said last that it fires"})
    severity = fields.String(required=True, allow_none=True)
    labels = fields.Dict(required=True)
    since = fields.AwareDateTime(required=True)


class PreviewedEvent(ma.Schema):
    """An event that the silence would have matched."""

    id = fields.UUID(required=True)
    created_at = fields.AwareDateTime(required=True)
    labels = fields.Dict(required=True, metadata={"description": "all that matchers ask of it"})


class SilencePreviewView(ma.Schema):
    """What a silence would hold back now, and would have held back in the last hours."""

    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True)
    is_quiet_now = fields.Boolean(required=True, metadata={"description": "whether its windows are open now"})
    firing = fields.Integer(required=True, metadata={"description": "alerts that fire now and match"})
    is_firing_cut = fields.Boolean(required=True, metadata={"description": "more alerts fire than were looked at"})
    alerts = fields.List(fields.Nested(PreviewedAlert), required=True, metadata={"description": "the newest of them"})
    looked_at = fields.Integer(required=True, metadata={"description": "events of these hours"})
    is_cut = fields.Boolean(
        required=True, metadata={"description": "there were more events; the newest were looked at"}
    )
    events = fields.Integer(required=True, metadata={"description": "those that match"})
    messages = fields.Integer(required=True, metadata={"description": "what was told of these"})
    newest = fields.List(fields.Nested(PreviewedEvent), required=True, metadata={"description": "the newest of them"})


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
    is_quiet_now = fields.Boolean(required=True, metadata={"description": "whether it holds messages back now"})
    quiet_until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "until when it does; null: it does not"}
    )
    quiet_from = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when it next begins to; null: never again"}
    )
    created_by = fields.String(required=True)
    comment = fields.String(required=True)
    windows = fields.Dict(required=True, allow_none=True)
    ends_when_resolved = fields.Boolean(required=True)
    ends_after_quiet_seconds = fields.Integer(required=True, allow_none=True)
    remind_before_seconds = fields.Integer(required=True, allow_none=True)
    remind = fields.String(required=True, allow_none=True)
    reminded_at = fields.AwareDateTime(required=True, allow_none=True)
    matched = fields.Integer(required=True, metadata={"description": "messages that it has held back"})
    last_matched_at = fields.AwareDateTime(required=True, allow_none=True)
    ended_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([each.value for each in EndReason]),
        metadata={"description": "why it is over; null: it is not"},
    )
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
