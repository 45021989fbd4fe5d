"""The event that an alert makes when it begins to fire and when it is resolved. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sentinel.clock import written
from sentinel.models import Alert
from sentinel.models.alert import AlertStatus
from sentinel.queries.alerts import ChangedAlert
from sentinel.services.events import LONGEST_TEXT, CheckedEvent

USUAL_SOURCE = "prometheus"


def event_of(change: ChangedAlert, *, now: datetime) -> CheckedEvent:
    """The event that a change makes. Its id is the same whenever the same change is made.

    It happened when the alert began or ended. One that has come back overlaps with what was said of it before: what is
    said from then on happens when it is reported, so that it is never older than that.
    """
    is_over = change.status is AlertStatus.RESOLVED
    body = body_of(change)
    severity: str | None = body.get("severity")
    return CheckedEvent(
        event_id=event_id_of(change),
        type=body["type"],
        severity=severity and severity.lower(),
        source=body["source"],
        name=body.get("name"),
        user_id=None,
        device_id=None,
        occurred_at=now if change.returns else min(change.ends_at if is_over else change.starts_at, now),
        body=body,
    )


def event_id_of(change: ChangedAlert) -> str:
    """`alert:<fingerprint>:<start>:<status>`, and a number where it came back with the same start."""
    name = f"alert:{change.fingerprint}:{written(change.starts_at)}:{change.status}"
    return f"{name}:{change.returns}" if change.returns else name


def body_of(alert: ChangedAlert | Alert) -> dict[str, Any]:
    """What rules, templates and silences see of an alert. While it fires nobody knows its end."""
    labels = alert.labels
    known = {"name": labels.get("alertname"), "severity": labels.get("severity")}
    is_over = alert.status == AlertStatus.RESOLVED
    return {
        "type": "alert",
        "status": str(alert.status),
        **{name: text[:LONGEST_TEXT] for name, text in known.items() if text},
        "source": (labels.get("job") or USUAL_SOURCE)[:LONGEST_TEXT],
        "fingerprint": alert.fingerprint,
        "labels": dict(labels),
        "annotations": dict(alert.annotations),
        "starts_at": written(alert.starts_at),
        "ends_at": written(alert.ends_at) if is_over else None,
        "generator_url": alert.generator_url or None,
    }
