"""An event in Protobuf as the JSON object it stands for. What event.proto does not know is refused, not lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Value
from google.protobuf.unknown_fields import UnknownFieldSet

from sentinel.ingest.event_pb2 import Event
from sentinel.json_bounds import DEEPEST

TEXTS = ("event_id", "type", "severity", "source", "name", "user_id", "device_id")


def read_event(data: bytes) -> dict[str, Any]:
    """Return the event that `data` holds; raises ValueError."""
    try:
        event = Event.FromString(data)
    except DecodeError:
        raise ValueError("is not valid Protobuf") from None
    unknown_fields: Any = UnknownFieldSet(event)  # can be iterated, which its types do not say
    unknown = sorted({field.field_number for field in unknown_fields})
    if unknown:
        raise ValueError(f"has the unknown fields {unknown}")
    body = _object(event.fields.fields, DEEPEST)
    body |= {name: text for name in TEXTS if (text := getattr(event, name))}
    if event.HasField("occurred_at"):
        body["occurred_at"] = event.occurred_at.ToDatetime(UTC).isoformat()
    return body


def _object(fields: Mapping[str, Value], levels: int) -> dict[str, Any]:
    if not levels:
        raise ValueError(f"is nested deeper than {DEEPEST} levels")
    return {name: _plain(value, levels - 1) for name, value in fields.items()}


def _plain(value: Value, levels: int) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _object(value.struct_value.fields, levels)
    if kind == "list_value":
        if not levels:
            raise ValueError(f"is nested deeper than {DEEPEST} levels")
        return [_plain(each, levels - 1) for each in value.list_value.values]
    if kind == "number_value":
        return _number(value.number_value)
    return None if kind in (None, "null_value") else getattr(value, kind)


def _number(value: float) -> float | int:
    """Whole numbers as such: Protobuf has none in a Struct. Raises ValueError for what JSON cannot write."""
    if value - value != 0:  # infinite, or none
        raise ValueError(f"has the number {value}, which JSON cannot write")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
