"""Dead letters in requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.api.schemas.fields import number, one_line, one_of, storable, text, yes_or_no
from sentinel.api.schemas.notification import LONGEST_BODY
from sentinel.channels.registry import CHANNELS
from sentinel.models.status import RETRYABLE

STATUSES = tuple(sorted(status.lower() for status in RETRYABLE))
MOST_REPLAYED = 50_000
FASTEST = 1000


class Narrowing(ma.Schema):
    """What letters are narrowed to."""

    class Meta:
        """Refuse what is unknown: a typo must not mean every letter."""

        unknown = ma.RAISE

    status = one_of(STATUSES, example="failed")
    channel = one_of(CHANNELS, example="sms")
    reason = fields.String(validate=storable, metadata={"example": "attempts_exhausted"})
    provider = fields.String(validate=storable, metadata={"example": "twilio"})
    since = fields.String(metadata={"description": "accepted since: a time, or how long ago", "example": "1h"})
    user_id = fields.String(validate=storable, metadata={"example": "user-17"})
    recipient = fields.String(
        validate=storable, metadata={"example": "+14155552671", "description": "in its stored spelling"}
    )
    event = fields.UUID(metadata={"description": "only what rules made of this event, by its `id`"})


class LetterQuery(Narrowing):
    """Whose letters, and which."""

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    all_clients = fields.Boolean(
        load_default=False,
        metadata={
            "description": "of all clients; takes the scope `admin`",
            "example": True,
            "remedy": "use true or false",
        },
    )


class LetterGroupView(ma.Schema):
    """Letters that share a cause."""

    client = fields.String(required=True)
    channel = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([each.upper() for each in STATUSES]))
    reason = fields.String(required=True, allow_none=True)
    provider = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)
    oldest = fields.AwareDateTime(required=True, metadata={"description": "when the oldest was accepted"})
    newest = fields.AwareDateTime(required=True)
    example_id = fields.UUID(required=True, metadata={"description": "the newest; its timeline says more"})
    hint = fields.String(
        required=True, allow_none=True, metadata={"description": "what the newest one's last try says of the cause"}
    )


class LetterReplay(Narrowing):
    """Start these letters over, newest first."""

    limit = number(
        example=100,
        largest=MOST_REPLAYED,
        remedy=f"a whole number from 1 to {MOST_REPLAYED}",
        load_default=1000,
    )
    rate_per_second = number(example=50, largest=FASTEST, remedy=f"a whole number from 1 to {FASTEST}", load_default=50)
    dry_run = yes_or_no(load_default=False)


class LetterReplayView(ma.Schema):
    """What is (or, in a dry run, would be) started over."""

    replay_id = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "`GET /dead-letters/replays/{replay_id}`; null: none began"},
    )
    matched = fields.Integer(required=True, metadata={"description": "letters that there were of this kind"})
    replayed = fields.Integer(required=True, metadata={"description": "of these, how many start over"})
    rate_per_second = fields.Integer(required=True)
    seconds = fields.Float(required=True, metadata={"description": "from now until the last one has its turn"})
    groups = fields.List(fields.Nested(LetterGroupView), required=True)


class LetterEdit(ma.Schema):
    """What is to be mended before the letter starts over; what is left out stays as it is."""

    recipient = text(1600, example="+14155552671", remedy="an address of the letter's channel")
    subject = text(998, example="Order 4711", validate=[one_line], allow_none=True)
    body = text(LONGEST_BODY, example="Your order has shipped.")

    @ma.post_load
    def _changes(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return dict(data)
