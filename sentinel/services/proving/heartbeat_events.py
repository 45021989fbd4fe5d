"""The event that a heartbeat makes when it goes down, and when it is heard again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sentinel.clock import written
from sentinel.queries.heartbeats import Changed
from sentinel.rules.alerts import FIRING, RESOLVED
from sentinel.services.events import CheckedEvent

DOWN = "down"

SAID = {
    "missed": "No signal came in time.",
    "failed": "The sender said that it failed.",
    "paused": "It is paused: nobody waits for it.",
    "removed": "It is removed: nobody waits for it.",
}


SHOWN_DIGITS = 16


def event_of(heartbeat: Changed, *, why_over: str | None = None) -> CheckedEvent:
    """Make the event of a heartbeat that goes down or comes up. Its id is the same whenever the same change is made."""
    is_over = heartbeat.status != DOWN or why_over is not None
    body = _body(heartbeat, is_over=is_over, reason=why_over or heartbeat.reason)
    return CheckedEvent(
        event_id=f"heartbeat:{_mark(heartbeat.id)}:{heartbeat.downs}:{body['status']}",
        type=body["type"],
        severity=heartbeat.severity,
        source=body["source"],
        name=heartbeat.name,
        user_id=None,
        device_id=None,
        occurred_at=heartbeat.changed_at,
        body=body,
    )


def _mark(heartbeat_id: str) -> str:
    """What tells one heartbeat from others. Who knows the id itself may signal, and events have many readers."""
    return sha256(heartbeat_id.encode()).hexdigest()[:SHOWN_DIGITS]


def _body(heartbeat: Changed, *, is_over: bool, reason: str | None) -> dict[str, Any]:
    """What rules, templates and silences see of it."""
    facts: Mapping[str, Any] = {
        "severity": heartbeat.severity,
        "reason": reason,
        "message": heartbeat.last_message or SAID.get(reason or "", "It is heard again."),
        "exit_code": heartbeat.last_exit_code,
        "last_seen_at": _shown(heartbeat.last_seen_at),
        "expected_at": None if is_over else _shown(heartbeat.expected_at),
    }
    return {
        "type": "heartbeat",
        "status": RESOLVED if is_over else FIRING,
        "source": "sentinel",
        "name": heartbeat.name,
        "fingerprint": f"heartbeat:{heartbeat.name}",
        "labels": {"heartbeat": heartbeat.name, **heartbeat.labels},
    } | {name: value for name, value in facts.items() if value is not None}


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else written(moment)
