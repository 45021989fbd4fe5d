"""PagerDuty's Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sentinel.errors import InvalidInputError
from sentinel.integrations.reading import a_text, an_object, filled, moment, one_of, word

TRIGGER = "trigger"
STATUSES = {TRIGGER: "firing", "acknowledge": "acknowledged", "resolve": "resolved"}
"""What an action makes of the alert under its `dedup_key`."""

SEVERITIES = {"critical": "critical", "error": "high", "warning": "medium", "info": "low"}

SAMPLE: dict[str, Any] = {
    "routing_key": "sntl_…",
    "event_action": "trigger",
    "dedup_key": "db-1/disk",
    "client": "nagios",
    "payload": {
        "summary": "Disk of db-1 is 97% full",
        "source": "db-1.example.com",
        "severity": "error",
        "timestamp": "2026-11-20T18:00:00Z",
        "component": "postgres",
        "group": "databases",
        "class": "disk",
        "custom_details": {"free_gb": 3},
    },
    "links": [{"href": "https://wiki.example.com/disk-full", "text": "Runbook"}],
}
"""A request as a sender of PagerDuty events makes it."""


def routing_key(body: Any) -> str:
    """Return what says for whom the event is."""
    return a_text(an_object(body, "request").get("routing_key"), "routing_key").strip()


def read(body: Any) -> dict[str, Any]:
    """Make an event of an action; its `dedup_key` is ours if a trigger comes without one."""
    whole = an_object(body, "request")
    action = one_of(whole.get("event_action"), "event_action", STATUSES)
    is_new = action == TRIGGER and not whole.get("dedup_key")
    dedup_key = uuid.uuid4().hex if is_new else a_text(whole.get("dedup_key"), "dedup_key")
    payload = whole.get("payload")
    if action == TRIGGER:
        _check(payload)
    others = {name: value for name, value in whole.items() if name != "routing_key"}
    event = {"type": "alert", "status": STATUSES[action], "dedup_key": dedup_key}
    return others | event | (_described(payload) if isinstance(payload, dict) else {})


def _check(payload: Any) -> None:
    """What PagerDuty asks of a trigger; of the other actions it reads no payload."""
    given = an_object(payload, "payload")
    for name in ("summary", "source"):
        a_text(given.get(name), f"payload.{name}")
    one_of(given.get("severity"), "payload.severity", SEVERITIES)
    if given.get("timestamp"):
        moment(given["timestamp"], "payload.timestamp")


def _described(payload: Mapping[str, Any]) -> dict[str, Any]:
    event = {
        "name": word(payload.get("class")) or word(payload.get("summary")),
        "source": word(payload.get("source")),
        "severity": SEVERITIES.get(str(payload.get("severity"))),
        "occurred_at": _readable(payload.get("timestamp")),
        "summary": payload.get("summary"),
    }
    return filled(event)


def _readable(timestamp: Any) -> str | None:
    """A time, or nothing: an odd one of a trigger is refused before, and what was triggered ends whatever is said."""
    try:
        return moment(timestamp, "payload.timestamp")
    except InvalidInputError:
        return None
