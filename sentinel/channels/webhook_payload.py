"""What a message is in a webhook. Apart from the provider, for who only shows it has no use for an HTTP client."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from sentinel.channels.base import Message
from sentinel.clock import utc_now

EVENT_TYPE = "notification.created"


def payload(message: Message) -> dict[str, Any]:
    """The message as receivers that are programs read it."""
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


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
