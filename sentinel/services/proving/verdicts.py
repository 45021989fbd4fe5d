"""Whether a self-test has passed, by how far its event came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sentinel.models.event import EventStatus
from sentinel.models.status import FINAL, Status
from sentinel.queries.self_tests import Standing

PASSED, FAILED = "passed", "failed"

SENT = (Status.SENT, Status.DELIVERED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a self-test ended, and why it failed."""

    status: str
    reason: str | None = None


def verdict(standing: Standing | None, *, due_at: datetime, now: datetime) -> Verdict | None:
    """Say how a self-test ends; None while it may still pass."""
    if standing is None:
        return Verdict(FAILED, "its event is gone")
    if standing.sent_at is not None and standing.sent_at <= due_at and standing.status in SENT:
        return Verdict(PASSED)
    if why := _broken(standing):
        return Verdict(FAILED, why)
    return Verdict(FAILED, _late(standing)) if now >= due_at else None


def _broken(standing: Standing) -> str | None:
    """Why it cannot pass any more."""
    if standing.event_status not in (EventStatus.PENDING, EventStatus.MATCHED):
        return f"no rule made a message of its event, which is {standing.event_status}"
    if standing.status in FINAL and standing.status not in SENT:
        return f"its message is {standing.status}: {standing.reason}"
    return None


def _late(standing: Standing) -> str:
    """What had not happened when the time was up."""
    if standing.matched_at is None:
        return "late: its event was not matched in time; see the queue `pipeline`"
    if standing.sent_at is not None:
        return "late: its message was sent after the time was up"
    return "late: its message was not sent in time; see the queue `inbox`"


def stages(standing: Standing | None) -> list[tuple[str, datetime]]:
    """What was reached, in order."""
    if standing is None:
        return []
    reached = (
        ("stored", standing.stored_at),
        ("matched", standing.matched_at),
        ("tried", standing.tried_at),
        ("sent", standing.sent_at),
    )
    return [(stage, at) for stage, at in reached if at is not None]
