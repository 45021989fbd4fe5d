"""Fields that many schemas share: text that can be stored, times with an offset, words in any case, and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import marshmallow as ma
import orjson
from marshmallow import fields, validate

from sentinel.json_bounds import is_storable

SEVERITIES = ("critical", "high", "medium", "low")
AWARE = 'write it with its offset, for example "2026-11-20T18:00:00Z"'
LARGEST_OBJECT_BYTES = 16_384
LARGEST_NUMBER = 2**31 - 1


class AnyCase(fields.String):
    """Text whose case does not matter (`SMS`, `High`)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return str(super()._deserialize(value, attr, data, **kwargs)).lower()


def storable(value: Any) -> None:
    """Refuse what PostgreSQL cannot keep."""
    if not is_storable(value):
        raise ma.ValidationError("Contains a NUL character, which cannot be stored.")


def one_line(value: str) -> None:
    """Refuse line breaks."""
    if "\n" in value or "\r" in value:
        raise ma.ValidationError("Must be one line.")


def small(value: dict[str, Any]) -> None:
    """Refuse objects beyond 16 kB."""
    size = len(orjson.dumps(value))
    if size > LARGEST_OBJECT_BYTES:
        raise ma.ValidationError(f"Is {size} bytes as JSON; at most {LARGEST_OBJECT_BYTES} are kept.")


def text(longest: int, *, example: str, remedy: str | None = None, **options: Any) -> fields.String:
    """Text of 1 to `longest` characters."""
    checks = [validate.Length(min=1, max=longest), storable, *options.pop("validate", [])]
    metadata = {"example": example} | ({"remedy": remedy} if remedy else {})
    return fields.String(validate=checks, metadata=metadata, **options)


def one_of(words: Iterable[str], *, example: str, **options: Any) -> AnyCase:
    """One of `words`, in any case."""
    known = tuple(words)
    metadata = {"example": example, "remedy": f"use one of: {', '.join(known)}"}
    return AnyCase(validate=validate.OneOf(known), metadata=metadata, **options)


def moment(*, example: str, **options: Any) -> fields.AwareDateTime:
    """A time with its offset from UTC."""
    words: dict[str, Any] = {"invalid": "Is not a time.", "invalid_awareness": "Has no offset from UTC."}
    metadata = {"example": example, "remedy": AWARE}
    return fields.AwareDateTime(format="iso", error_messages=words, metadata=metadata, **{"allow_none": True} | options)


def yes_or_no(**options: Any) -> fields.Boolean:
    """`true` or `false`, not texts and numbers that look like them."""
    metadata = {"example": True, "remedy": "use true or false"}
    return fields.Boolean(truthy={True}, falsy={False}, metadata=metadata, **options)


def number(*, example: int, remedy: str, largest: int = LARGEST_NUMBER, **options: Any) -> fields.Integer:
    """An id or a version: a whole number from 1 that the database can keep."""
    metadata = {"example": example, "remedy": remedy}
    return fields.Integer(strict=True, validate=validate.Range(min=1, max=largest), metadata=metadata, **options)


class RemovalQuery(ma.Schema):
    """How something is removed that rules may still name."""

    class Meta:
        """Refuse unknown parameters: a typo of `force` must not look like one."""

        unknown = ma.RAISE

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    force = fields.Boolean(
        load_default=False,
        metadata={"description": "also when enabled rules name it", "example": True, "remedy": "use true or false"},
    )


class PageQuery(ma.Schema):
    """What every list understands: whose rows, and which page."""

    class Meta:
        """Refuse unknown parameters: a typo must not list everything."""

        unknown = ma.RAISE

    client = fields.String(metadata={"description": "the key's own client; any other takes the scope `admin`"})
    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(min=1, max=200),
        metadata={"example": 50, "remedy": "use a number from 1 to 200"},
    )


class TimedPageQuery(PageQuery):
    """Lists of rows whose ids are UUIDs that sort by time."""

    since = fields.String(metadata={"description": "a time, or how long ago", "example": "1h"})
    cursor = fields.UUID(
        metadata={
            "description": "`next_cursor` of the page before",
            "remedy": "send `next_cursor` of the page before as it is",
        }
    )


class NumberedPageQuery(PageQuery):
    """Lists of rows whose ids are numbers."""

    cursor = fields.Integer(
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={
            "description": "`next_cursor` of the page before",
            "remedy": "send `next_cursor` of the page before as it is",
        },
    )
