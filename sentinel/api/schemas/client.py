"""What clients and their API keys look like in requests and answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import moment, one_line, text, yes_or_no
from sentinel.services.access.clients import SCOPES
from sentinel.services.texts import LONGEST_NAME

STATES = ("active", "expired", "revoked")


class ClientRequest(ma.Schema):
    """A new tenant."""

    name = text(LONGEST_NAME, example="shop", validate=[one_line], required=True)


class ClientChange(ma.Schema):
    """What is to be different."""

    name = text(LONGEST_NAME, example="shop", validate=[one_line])
    is_active = yes_or_no()


class ClientView(ma.Schema):
    """A client as it stands."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    is_active = fields.Boolean(required=True, metadata={"description": "false: its keys do not work, nothing is sent"})
    created_at = fields.AwareDateTime(required=True)


class KeyRequest(ma.Schema):
    """A new API key."""

    name = text(LONGEST_NAME, example="CI", validate=[one_line], required=True)
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)),
        validate=validate.Length(max=len(SCOPES)),
        metadata={"example": ["notifications:write"], "remedy": f"any of: {', '.join(SCOPES)}"},
    )
    expires_at = moment(example="2027-01-01T00:00:00Z")


class KeyView(ma.Schema):
    """An API key as people may see it."""

    id = fields.Integer(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True, metadata={"description": "its first characters, to tell keys apart"})
    scopes = fields.List(fields.String(), required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    created_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True, allow_none=True)
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)


class NewKeyView(KeyView):
    """A new API key, and the only time it is shown."""

    key = fields.String(required=True, metadata={"example": "sntl_…"})
