"""CloudEvents 1.0 over HTTP: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md.

The SDK judges attributes and decodes those in headers. What it would make up, an id or a version that is missing, is
refused before: under an id of our making a repetition would be told twice. JSON is read by the caller, who is stricter.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.integrations.reading import (
    Item,
    an_object,
    each,
    filled,
    identity,
    lowered,
    moment,
    refusal,
    word,
    written,
)

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
PREFIX, TYPE = "ce-", "content-type"
REQUIRED = ("specversion", "id", "source", "type")
DATA = ("data", "data_base64")
WORDS = ("id", "source", "type", "name", "severity", "ts")
"""Attributes whose names have a meaning in our events. `ts` never has that of a CloudEvent: its time is `time`."""
AS_SENT = "as_sent"
"""Where those of them are that do not fit; no attribute of a CloudEvent can have this name."""
JSON_TYPE = re.compile(r"[a-z]+/(?:[\w.-]+\+)?json", re.IGNORECASE)
REMEDY = "see https://cloudevents.io: specversion is 1.0; id, source and type are texts"

Parse = Callable[[bytes], Any]
"""Reads JSON; raises `InvalidInputError`."""

SAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "/shop/checkout",
    "type": "com.example.order.failed",
    "subject": "order-4711",
    "time": "2026-11-20T18:00:00Z",
    "severity": "high",
    "datacontenttype": "application/json",
    "data": {"amount": 750, "reason": "card_declined"},
}
"""An event in structured mode."""


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether attributes are in headers, and the body is the data alone."""
    return any(name.startswith(PREFIX) for name in lowered(headers))


def read(body: Any) -> dict[str, Any]:
    """Make an event of one in structured mode."""
    return _structured(body, "")


def read_batch(body: Any, *, most: int) -> list[Item]:
    """Make an event of each of a batch; a batch without any is allowed."""
    if not isinstance(body, list):
        raise refusal("request", body, "is not an array", f"send an array of events as {BATCH}")
    if len(body) > most:
        raise refusal("request", len(body), "has too many items", f"send at most {most} at once")
    return each(body, "events", lambda item, field: _structured(item, f"{field}."))


def read_binary(headers: Mapping[str, str], body: bytes, parse: Parse) -> dict[str, Any]:
    """Make an event of attributes in headers, and data in the body."""
    from cloudevents.core.bindings.http import HTTPMessage, from_binary  # noqa: PLC0415 - of this request alone
    from cloudevents.core.formats.json import JSONFormat  # noqa: PLC0415 - as above

    found: dict[str, Any] = {}

    def keep(attributes: dict[str, Any], _data: Any) -> Any:
        judged = _judged(attributes, PREFIX)
        found.update(attributes)
        if "time" in found:
            found["time"] = found["time"].astimezone(UTC)  # OverflowError at either end of the calendar
        return judged

    given = lowered(headers)
    own, kind = {name: value for name, value in given.items() if name.startswith(PREFIX)}, given.get(TYPE, "")
    try:
        from_binary(HTTPMessage(own | ({TYPE: kind} if kind else {}), b""), JSONFormat(), keep)
    except (ValueError, OverflowError):
        raise refusal(f"{PREFIX}time", own.get(f"{PREFIX}time"), "is not a time", REMEDY) from None
    return _event(found, _data(body, kind, parse))


def _structured(item: Any, field: str) -> dict[str, Any]:
    given = filled(an_object(item, field.rstrip(".") or "request"))
    attributes = {name: value for name, value in given.items() if name not in DATA}
    if "time" in attributes:
        attributes["time"] = datetime.fromisoformat(moment(attributes["time"], f"{field}time"))
    _judged(attributes, field)
    return _event(attributes, {name: given[name] for name in DATA if name in given})


def _judged(attributes: Mapping[str, Any], field: str) -> Any:
    """Have the SDK judge attributes; a refusal names each of them."""
    from cloudevents.core.exceptions import CloudEventValidationError  # noqa: PLC0415 - of this request alone
    from cloudevents.core.v1.event import CloudEvent  # noqa: PLC0415 - as above

    missing = [name for name in REQUIRED if name not in attributes]
    if missing:
        message = "Missing data for required field."
        raise InvalidInputError(*(FieldError(f"{field}{name}", None, message, REMEDY) for name in missing))
    try:
        return CloudEvent(dict(attributes))
    except CloudEventValidationError as error:
        found = {name: str(texts[0]) for name, texts in error.errors.items() if texts}
        refused = [
            FieldError(f"{field}{name}", shown(attributes.get(name)), text, REMEDY) for name, text in found.items()
        ]
        raise InvalidInputError(*refused) from None


def _event(attributes: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Our words of the attributes; what of those does not fit is no reason to refuse the event, and kept aside."""
    at = attributes.get("time")
    words = {
        "id": word(attributes["id"]),
        "source": word(attributes["source"]),
        "type": word(attributes["type"]),
        "name": word(attributes.get("name")) or word(attributes.get("subject")),
        "severity": word(attributes.get("severity")) or word(attributes.get("severitytext")),
    }
    event = {
        "event_id": identity("cloudevents", f"{attributes['source']} {attributes['id']}"),  # no source has a space
        "occurred_at": at and written(at),
        "time": at and written(at),
    }
    others = {name: value for name, value in attributes.items() if name not in WORDS}
    aside = {name: attributes[name] for name in WORDS if name in attributes and attributes[name] != words.get(name)}
    return {**others, **filled(words), **filled(event), **({AS_SENT: aside} if aside else {}), **data}


def _data(body: bytes, kind: str, parse: Parse) -> dict[str, Any]:
    """The data as a structured event would have it: JSON as it is, text as text, anything else in base64."""
    if not body:
        return {}
    if not kind or JSON_TYPE.match(kind):
        return {"data": parse(body)}
    try:
        return {"data": body.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(body).decode()}
