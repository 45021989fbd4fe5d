"""GitHub's webhooks: https://docs.github.com/en/webhooks/webhook-events-and-payloads."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from sentinel.integrations.reading import a_text, an_object, filled, identity, lowered, word

EVENT_HEADER, DELIVERY_HEADER, SIGNATURE_HEADER = "X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256"

PING = "ping"
"""What GitHub sends when a webhook is made: nothing has happened."""

SAMPLE: dict[str, Any] = {
    "action": "opened",
    "issue": {"number": 7, "title": "Checkout fails", "labels": [{"name": "bug"}]},
    "repository": {"full_name": "acme/shop"},
    "sender": {"login": "ada"},
}
"""The main fields of a request with `X-GitHub-Event: issues`."""


def is_signed(body: bytes, signature: str | None, *, secret: str) -> bool:
    """Whether these very bytes carry the signature that `secret` makes."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), (signature or "").encode())


def read(body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    """Make an event of a delivery; the same delivery again has the same id."""
    payload = an_object(body, "request")
    found = lowered(headers)
    kind = a_text(found.get(EVENT_HEADER.lower()), EVENT_HEADER)
    delivery = a_text(found.get(DELIVERY_HEADER.lower()), DELIVERY_HEADER)
    event = {
        "event_id": identity("github", delivery),
        "type": word(f"github.{kind}"),
        "source": _sender_of(payload),
        "name": word(payload.get("action")),
        "payload": payload,
    }
    return filled(event)


def _sender_of(payload: Mapping[str, Any]) -> str:
    for holder, name in (("repository", "full_name"), ("organization", "login"), ("enterprise", "slug")):
        found = payload.get(holder)
        if isinstance(found, dict) and (text := word(found.get(name))):
            return text
    return "github"
