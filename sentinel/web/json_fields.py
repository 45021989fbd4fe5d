"""JSON that people write into a form: read as the API reads what it is sent."""

from __future__ import annotations

from typing import Any

import orjson

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.json_bounds import DEEPEST, is_shallow, is_storable


def read_json(field: str, written: str) -> Any:
    """What was written. Raises `InvalidInputError`: it is no JSON, too deep, or nothing that can be stored."""
    text = written.encode(errors="replace")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidInputError(
            FieldError(field, None, f"is no JSON ({place}: {error.msg})", "mend it there")
        ) from None
    if not is_shallow(text, value):
        message = f"is nested deeper than {DEEPEST} levels"
        raise InvalidInputError(FieldError(field, None, message, "make it flatter"))
    if not is_storable(value):
        message = "contains a NUL character, which cannot be stored"
        raise InvalidInputError(FieldError(field, shown(value), message, "remove \\u0000 from its texts and names"))
    return value
