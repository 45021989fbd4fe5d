"""What every error looks like."""

from __future__ import annotations

import marshmallow as ma


class FieldErrorSchema(ma.Schema):
    """One refused field."""

    field = ma.fields.String(required=True, metadata={"description": "dotted name of the field, header or parameter"})
    value = ma.fields.Raw(required=True, allow_none=True, metadata={"description": "the value seen, shortened"})
    message = ma.fields.String(required=True)
    remedy = ma.fields.String(required=True, metadata={"description": "what to do about it"})
    line = ma.fields.Integer(metadata={"description": "where in a rule's text, from 1; only of rules"})
    column = ma.fields.Integer(metadata={"description": "from 1"})
    length = ma.fields.Integer(metadata={"description": "how many characters are meant"})
    hint = ma.fields.String(metadata={"description": "what was probably meant; may be empty"})
    expected = ma.fields.List(ma.fields.String(), metadata={"description": "what could stand there instead"})


class ErrorSchema(ma.Schema):
    """The shape of every error."""

    code = ma.fields.Integer(required=True, metadata={"description": "HTTP status code"})
    status = ma.fields.String(required=True, metadata={"description": "HTTP status phrase"})
    message = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(FieldErrorSchema), required=True)
