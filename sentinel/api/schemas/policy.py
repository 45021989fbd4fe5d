"""What delivery policies look like in requests and answers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import one_of
from sentinel.services.sending.policies import POLICIES, POLICY_CHANNELS


class PolicyRequest(ma.Schema):
    """What is done with a send whose end is unknown, once the provider could not say."""

    ambiguous_policy = one_of(POLICIES, example="at_most_once", required=True)


class PolicyView(ma.Schema):
    """What holds for a channel."""

    client = fields.String(required=True)
    channel = fields.String(
        required=True, validate=validate.OneOf(POLICY_CHANNELS), metadata={"description": "`*`: where nothing is set"}
    )
    ambiguous_policy = fields.String(required=True, validate=validate.OneOf(POLICIES))
    set_by = fields.String(
        required=True,
        validate=validate.OneOf(("channel", "client", "default")),
        metadata={"description": "`client`: by the policy for `*`; `default`: by SENTINEL_AMBIGUOUS_POLICY"},
    )
    updated_at = fields.AwareDateTime(required=True, allow_none=True)
