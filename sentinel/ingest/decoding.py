"""What an entry says: JSON text, flat fields or Protobuf become a checked event, or an error with its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from sentinel.errors import FieldError, InvalidInputError
from sentinel.ingest.entries import Entry, Form, Intake
from sentinel.json_bounds import DEEPEST, is_shallow, is_storable
from sentinel.services import events
from sentinel.services.events import MOMENTS, CheckedEvent
from sentinel.settings import get_settings

JSON_FIELDS = (b"data", b"json", b"event")
PROTOBUF_FIELDS = (b"proto", b"data")
SHOWN = 100
"""Most characters of a refused payload that its error repeats."""


def checked(entry: Entry, intake: Intake, *, now: datetime) -> CheckedEvent:
    """Read an entry as an event; one without an id of its own gets that of its place. Raises `InvalidInputError`."""
    _refuse_large(entry.fields)
    body = _read(entry.fields, intake.form)
    if not is_storable(body):
        message = "contains a NUL character, which cannot be stored"
        raise InvalidInputError(FieldError("entry", None, message, "remove it from its texts and names"))
    event = events.check(body, now=now)
    return event if event.event_id else replace(event, event_id=f"{intake.prefix}{entry.id}")


def _refuse_large(fields: Mapping[bytes, bytes]) -> None:
    most = get_settings().max_body_bytes
    size = sum(len(name) + len(value) for name, value in fields.items())
    if size > most:
        remedy = f"send at most {most}, or raise SENTINEL_MAX_BODY_BYTES"
        raise InvalidInputError(FieldError("entry", None, f"has {size} bytes", remedy))


def _read(fields: Mapping[bytes, bytes], form: Form) -> Any:
    if form is Form.PROTOBUF:
        return _read_protobuf(fields, _first(fields, PROTOBUF_FIELDS))
    text = _first(fields, JSON_FIELDS) if form is Form.AUTO else None
    if text is not None:
        return _read_json(text.decode(), fields[text])
    if form is Form.AUTO and b"proto" in fields:
        return _read_protobuf(fields, b"proto")
    return dict(_flat(fields))


def _first(fields: Mapping[bytes, bytes], names: Iterable[bytes]) -> bytes | None:
    return next((name for name in names if name in fields), None)


def _read_json(name: str, text: bytes) -> Any:
    remedy = "write one JSON object in UTF-8, or read flat fields with --format fields"
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        start = text[:SHOWN].decode(errors="replace")
        raise InvalidInputError(FieldError(name, start, f"is not valid JSON: {error}", remedy)) from None
    if not is_shallow(text, value):
        raise InvalidInputError(FieldError(name, None, f"is nested deeper than {DEEPEST} levels", "send it flatter"))
    return value


def _read_protobuf(fields: Mapping[bytes, bytes], name: bytes | None) -> Any:
    if name is None:
        raise InvalidInputError(FieldError("proto", None, "is missing", "send the event in the field proto or data"))
    from sentinel.ingest.protobuf import read_event  # noqa: PLC0415 - some MB for streams without Protobuf

    try:
        return read_event(fields[name])
    except ValueError as error:
        remedy = "write an Event of sentinel/ingest/event.proto"
        raise InvalidInputError(FieldError(name.decode(), None, str(error), remedy)) from None


def _flat(fields: Mapping[bytes, bytes]) -> Iterable[tuple[str, Any]]:
    """Every field as text; only times may be numbers, for a stream has no numbers to write."""
    for raw_name, raw_value in fields.items():
        name, value = _text("name of a field", raw_name), _text(raw_name.decode(errors="replace"), raw_value)
        yield name, _number(value) if name in MOMENTS else value


def _text(what: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text from byte {error.start} on"
        raise InvalidInputError(FieldError(what, None, message, "write text in UTF-8")) from None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
