"""A message as the open specification Standard Webhooks wants it: body, headers, signature.

Pure, so that whoever shows it shows what would be sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from standardwebhooks.webhooks import Webhook

from sentinel import tracing
from sentinel.channels.base import Message
from sentinel.clock import utc_now
from sentinel.sealing import unseal

EVENT_TYPE = "notification.created"


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs for an endpoint; nothing does where it has no secret."""

    secret: str = field(repr=False)
    webhook: Webhook | None


def signer_of(sealed: str) -> Signer:
    """Open a secret, here and nowhere before: only what signs needs it. Equal seals hold equal secrets."""
    secret = unseal(sealed)
    return Signer(secret, Webhook(secret) if secret else None)


def body_of(message: Message) -> bytes:
    """The body, byte for byte: the signature holds for these."""
    return orjson.dumps(payload(message))


def payload(message: Message) -> dict[str, Any]:
    """What is told, as the program behind the address reads it."""
    made_at = _written(message.created_at or utc_now())
    if message.is_status:
        # What is told is in the metadata; the text says the same to people.
        kind = f"notification.{str(message.metadata.get('status', 'unknown')).lower()}"
        return {"type": kind, "timestamp": made_at, "data": message.metadata}
    link = {} if message.link is None else {"link": message.link}
    return {
        "type": EVENT_TYPE,
        "timestamp": made_at,
        "data": link
        | {
            "id": message.id,
            "client": message.client,
            "severity": message.severity,
            "subject": message.subject,
            "body": message.body,
            "event_id": message.event_id,
            "event": None if message.event is None else orjson.Fragment(message.event),
            "rules": list(message.rule_ids),
            "metadata": message.metadata,
        },
    }


def headers_of(message: Message, body: bytes, webhook: Webhook | None, *, now: datetime) -> dict[str, str]:
    """The specification's headers; the signature only where the endpoint has a secret."""
    now = now.replace(microsecond=0)
    headers = {
        "User-Agent": "Sentinel",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if webhook is not None:
        headers["webhook-signature"] = webhook.sign(message.id, now, body.decode())
    # Only its own trace: what is sent with others has the batch's around it.
    return headers | tracing.carried() if message.traceparent else headers


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
