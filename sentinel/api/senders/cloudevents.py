"""Which of the three modes of CloudEvents a request is in."""

from __future__ import annotations

from typing import Any

from flask import request

from sentinel.api.parsing import parsed, read_json
from sentinel.errors import FieldError, InvalidInputError
from sentinel.integrations import cloudevents
from sentinel.integrations.reading import Item
from sentinel.settings import get_settings


def read_request() -> dict[str, Any] | list[Item]:
    """Return the event of this request, or those of a batch."""
    if request.mimetype == cloudevents.BATCH:
        return cloudevents.read_batch(read_json(), most=get_settings().max_batch_items)
    if request.mimetype == cloudevents.STRUCTURED:
        return cloudevents.read(read_json())
    headers = dict(request.headers)
    if cloudevents.is_binary(headers):
        return cloudevents.read_binary(headers, request.get_data(cache=True), parsed)
    remedy = f"send Content-Type: {cloudevents.STRUCTURED} (or {cloudevents.BATCH}), or attributes in ce-… headers"
    raise InvalidInputError(FieldError("Content-Type", request.mimetype, "is no mode of CloudEvents", remedy))
