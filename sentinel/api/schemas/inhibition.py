"""What inhibitions look like in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import PageQuery, one_line, storable, text
from sentinel.api.schemas.silence import MatcherSchema, matcher_list
from sentinel.services.muting.inhibitions import MOST_EQUAL, Written
from sentinel.services.muting.matchers import LONGEST_NAME

LONGEST_INHIBITION_NAME = 100


class InhibitionRequest(ma.Schema):
    """While an alert fires that `source` matches, nothing is told of what `target` matches with equal labels."""

    name = text(
        LONGEST_INHIBITION_NAME,
        example="node down",
        required=True,
        remedy="a name of its own for each inhibition of the client",
        validate=[one_line],
    )
    source = matcher_list([{"name": "alertname", "value": "NodeDown"}])
    target = matcher_list([{"name": "severity", "value": "warning"}])
    equal = fields.List(
        text(LONGEST_NAME, example="instance", remedy="name a label, or a field of events"),
        load_default=list,
        validate=validate.Length(max=MOST_EQUAL),
        metadata={"example": ["instance"], "remedy": f"send an array of up to {MOST_EQUAL} names of labels"},
    )

    @ma.post_load
    def _written(self, data: dict[str, Any], **_: Any) -> Any:
        sides = {side: tuple(data[side]) for side in ("source", "target", "equal")}
        return Written(data["name"], **sides)


class InhibitionListQuery(PageQuery):
    """What `GET /inhibitions` is narrowed to."""

    cursor = fields.String(validate=storable, metadata={"description": "`next_cursor` of the page before"})


class InhibitionView(ma.Schema):
    """An inhibition as it stands."""

    id = fields.UUID(required=True)
    client = fields.String(required=True)
    name = fields.String(required=True)
    source = fields.List(fields.Nested(MatcherSchema), required=True)
    target = fields.List(fields.Nested(MatcherSchema), required=True)
    equal = fields.List(fields.String(), required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
