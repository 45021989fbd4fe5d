"""What probes are answered."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate


class AliveView(ma.Schema):
    """The process works."""

    status = fields.String(required=True, validate=validate.Equal("ok"))
    time = fields.AwareDateTime(required=True, metadata={"description": "what time it is there"})


class NotReadyView(ma.Schema):
    """Requests could not be stored."""

    status = fields.String(required=True, validate=validate.Equal("unavailable"))
    time = fields.AwareDateTime(required=True)
    down = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "part: what is wrong"}
    )
