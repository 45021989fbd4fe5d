"""Who was reached by a drill, and the event that it makes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sentinel.models import Drill
from sentinel.models.status import Status
from sentinel.queries.drills import Standing
from sentinel.rules.alerts import FIRING, RESOLVED
from sentinel.services.events import CheckedEvent

REACHED = (Status.SENT, Status.DELIVERED)

Result = dict[str, Any]
"""Of one target, as the run's row has it."""


def judged(results: Sequence[Result], standing: Mapping[str, Standing], *, due_at: datetime) -> list[Result]:
    """Say of each target whether it was reached by `due_at`, by where its message stands."""
    return [_judged(each, standing.get(each["notification_id"] or ""), due_at) for each in results]


def _judged(result: Result, message: Standing | None, due_at: datetime) -> Result:
    if message is None:
        return result | {"is_reached": False, "reason": result["reason"] or "gone"}
    reached_at = message.sent_at or message.updated_at
    is_sent = message.status in REACHED
    is_reached = is_sent and reached_at <= due_at
    reason = "late" if is_sent and not is_reached else message.reason
    return result | {
        "is_reached": is_reached,
        "status": message.status,
        "reason": None if is_reached else reason,
        "reached_at": reached_at.isoformat() if is_sent else None,
    }


def event_of(drill: Drill, run_id: str, unreached: Sequence[Result], *, now: datetime) -> CheckedEvent:
    """Make the event of a drill that has left somebody unreached; with nobody in `unreached`, of one that is well."""
    names = ", ".join(each["target"] for each in unreached)
    body = {
        "type": "drill",
        "status": FIRING if unreached else RESOLVED,
        "source": "sentinel",
        "name": drill.name,
        "fingerprint": f"drill:{drill.name}",
        "labels": {"drill": drill.name},
        "message": f"Not reached in time: {names}." if unreached else "Everybody was reached in time.",
        "unreached": [{name: each[name] for name in ("target", "status", "reason")} for each in unreached],
        "run_id": run_id,
    }
    if drill.severity is not None:
        body["severity"] = drill.severity
    return CheckedEvent(
        event_id=f"drill:{run_id}",
        type="drill",
        severity=drill.severity,
        source="sentinel",
        name=drill.name,
        user_id=None,
        device_id=None,
        occurred_at=now,
        body=body,
    )
