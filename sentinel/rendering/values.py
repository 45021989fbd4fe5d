"""How values of an event are written in a message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from jinja2 import Undefined

ABSENT = "-"


def shown(value: Any) -> str:
    """`value` as text: what is missing or null as `-`, true and false as in JSON, lists and objects as JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined):
        return ABSENT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return as_json(value) if isinstance(value, list | tuple | dict) else str(value)


def as_json(value: Any) -> str:
    """`value` as JSON without spaces."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z).decode()


def is_number(value: Any) -> bool:
    """Whether it is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return None if isinstance(value, Undefined) else str(value)
