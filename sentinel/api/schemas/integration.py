"""What integrations look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import PageQuery, one_line, one_of, storable, text, yes_or_no
from sentinel.integrations import KINDS
from sentinel.services.integrations import LONGEST_SECRET, LONGEST_TOPIC, SHORTEST_SECRET, TOPIC, TOPIC_EXAMPLE, Written

LONGEST_NAME = 100
SECRET_REMEDY = f"{SHORTEST_SECRET} to {LONGEST_SECRET} characters, or leave it out: then one is made"


def _name(**options: Any) -> fields.String:
    remedy = "a name of its own for each integration of the client"
    return text(LONGEST_NAME, example="GitHub of acme", remedy=remedy, validate=[one_line], **options)


def _secret(**options: Any) -> fields.String:
    long_enough = validate.Length(min=SHORTEST_SECRET)
    return text(
        LONGEST_SECRET, example="a-long-random-text", remedy=SECRET_REMEDY, validate=[one_line, long_enough], **options
    )


def _topic(**options: Any) -> fields.String:
    arn = validate.Regexp(rf"{TOPIC.pattern}\Z", TOPIC.flags, error="Is no ARN of an SNS topic.")
    return text(
        LONGEST_TOPIC, example=TOPIC_EXAMPLE, remedy=f"write it like {TOPIC_EXAMPLE}", validate=[arn], **options
    )


class IntegrationRequest(ma.Schema):
    """An address for another system."""

    kind = one_of(KINDS, example="github", required=True)
    name = _name(required=True)
    secret = _secret(allow_none=True)
    topic_arn = _topic(allow_none=True)
    is_enabled = yes_or_no(load_default=True)

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        return Written(**data)


class IntegrationChange(ma.Schema):
    """What is to be different from now on."""

    name = _name()
    secret = _secret()
    topic_arn = _topic(allow_none=True)
    is_enabled = yes_or_no()


class IntegrationListQuery(PageQuery):
    """What `GET /integrations` is narrowed to."""

    kind = one_of(KINDS, example="github")
    is_enabled = fields.Boolean(metadata={"example": True, "remedy": "use true or false"})
    cursor = fields.String(validate=storable, metadata={"description": "`next_cursor` of the page before"})


class IntegrationView(ma.Schema):
    """An integration as it stands."""

    id = fields.UUID(required=True)
    client = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    name = fields.String(required=True)
    address = fields.String(
        required=True,
        metadata={
            "description": "what to configure at the other system; who knows it may send, so keep it to yourself"
        },
    )
    has_secret = fields.Boolean(required=True, metadata={"description": "what is sent to it must be signed"})
    topic_arn = fields.String(required=True, allow_none=True)
    is_enabled = fields.Boolean(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)


class NewIntegrationView(IntegrationView):
    """An integration whose secret is new."""

    secret = fields.String(
        required=True, allow_none=True, metadata={"description": "shown this once; null: there is none"}
    )
