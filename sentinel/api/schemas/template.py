"""What templates look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import NumberedPageQuery, number, one_line, one_of, storable, text
from sentinel.channels.registry import CHANNELS
from sentinel.rendering.language import LONGEST_SOURCE
from sentinel.services.templates import EXAMPLE_EVENT, Written

LONGEST_NAME = 100
SUBJECT = "[{{ severity | upper }}] {{ source }}: {{ name }}"
BODY = "{{ event.customer.name }} could not pay {{ event.amount | round(2) }}."


def _source(example: str, **options: Any) -> fields.String:
    return text(LONGEST_SOURCE, example=example, remedy="see docs/how-to/templates.md", **options)


def _event() -> fields.Dict:
    metadata = {"example": EXAMPLE_EVENT, "remedy": "any JSON object, or leave it out: then an example is taken"}
    return fields.Dict(keys=fields.String(), allow_none=True, metadata=metadata)


class TemplateRequest(ma.Schema):
    """Word messages like this."""

    name = text(
        LONGEST_NAME,
        example="default",
        remedy="`default` replaces the built-in wording; others are named by rules and endpoints",
        validate=[one_line],
        required=True,
    )
    channel = one_of(CHANNELS, example="email", allow_none=True)
    subject = _source(SUBJECT, validate=[one_line], allow_none=True)
    body = _source(BODY, required=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return Written(**data)


class TemplateReplacement(TemplateRequest):
    """What a template is to be from now on, and the version that the writer has read."""

    version = number(example=1, remedy="send the `version` that GET /templates/{id} shows", required=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        version = data.pop("version")
        return Written(**data), version


class TemplateListQuery(NumberedPageQuery):
    """What `GET /templates` is narrowed to."""

    name = fields.String(validate=storable, metadata={"description": "exactly this name"})
    channel = one_of(CHANNELS, example="email")


class TemplateView(ma.Schema):
    """A template as it stands."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    channel = fields.String(
        required=True, allow_none=True, metadata={"description": "null: for channels that have none of that name"}
    )
    subject = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "grows by one with each change"})
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class PreviewRequest(ma.Schema):
    """A wording and an event; without a body, the built-in wording."""

    channel = one_of(CHANNELS, example="email", load_default="email")
    subject = _source(SUBJECT, validate=[one_line], allow_none=True)
    body = _source(BODY, allow_none=True)
    event = _event()


class StoredPreviewRequest(ma.Schema):
    """An event, and the channel if the template is for all."""

    channel = one_of(CHANNELS, example="email")
    event = _event()


class PreviewView(ma.Schema):
    """What would be sent."""

    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    subject = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
