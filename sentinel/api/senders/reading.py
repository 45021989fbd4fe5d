"""This request as events: what Alertmanager and Grafana send, and the three modes of CloudEvents."""

from __future__ import annotations

from flask import request

from sentinel.api.parsing import parsed, read_json, whole_body
from sentinel.integrations import alertmanager, cloudevents, grafana
from sentinel.integrations.reading import Found, refusal
from sentinel.settings import get_settings


def from_alertmanager() -> Found:
    """Return an event of each alert."""
    return alertmanager.read(read_json(), most=get_settings().max_batch_items)


def from_grafana() -> Found:
    """Return an event of each alert."""
    return grafana.read(read_json(), most=get_settings().max_batch_items)


def from_cloudevents() -> Found:
    """Return the event of this request, or those of a batch."""
    if request.mimetype == cloudevents.BATCH:
        return cloudevents.read_batch(read_json(), most=get_settings().max_batch_items)
    if request.mimetype == cloudevents.STRUCTURED:
        return cloudevents.read(read_json())
    headers = dict(request.headers)
    if cloudevents.is_binary(headers):
        return cloudevents.read_binary(headers, whole_body(), parsed)
    remedy = f"send Content-Type: {cloudevents.STRUCTURED} (or {cloudevents.BATCH}), or attributes in ce-… headers"
    raise refusal("Content-Type", request.mimetype, "is no mode of CloudEvents", remedy)
