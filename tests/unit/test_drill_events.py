"""Drills: who was reached in time, and what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel.models import Drill
from sentinel.models.status import Status
from sentinel.queries.drills import Standing
from sentinel.rules.alerts import spoken_of
from sentinel.services.proving.drill_events import event_of, judged

DUE = datetime(2026, 11, 30, 10, 5, tzinfo=UTC)
TARGET: dict[str, Any] = {
    "target": "on-call",
    "notification_id": "a",
    "is_reached": False,
    "status": None,
    "reason": None,
    "reached_at": None,
}


def standing(status: str, *, sent: float | None = None, reason: str | None = None) -> dict[str, Standing]:
    sent_at = None if sent is None else DUE + timedelta(seconds=sent)
    return {"a": Standing("a", status, reason, sent_at, DUE)}


@pytest.mark.parametrize("status", [str(each) for each in Status])
def test_reached_is_who_was_sent_a_message_in_time(status: str) -> None:
    [found] = judged([TARGET], standing(status, sent=-1), due_at=DUE)

    assert found["is_reached"] is (status in ("SENT", "DELIVERED"))
    assert found["status"] == status


def test_who_is_reached_too_late_is_not_reached() -> None:
    [found] = judged([TARGET], standing("SENT", sent=1), due_at=DUE)

    assert (found["is_reached"], found["reason"]) == (False, "late")


def test_why_somebody_was_not_reached_is_kept() -> None:
    gone = TARGET | {"notification_id": None, "reason": "no_endpoint"}

    results = judged([TARGET, gone], standing("FAILED", reason="attempts_exhausted"), due_at=DUE)

    assert [each["reason"] for each in results] == ["attempts_exhausted", "no_endpoint"]
    assert judged([TARGET], {}, due_at=DUE)[0]["reason"] == "gone"


def test_a_failed_drill_and_the_next_that_passes_speak_of_one_alert() -> None:
    drill = Drill(name="monday", severity="high")

    failed = spoken_of(event_of(drill, "1", [TARGET | {"reason": "gone"}], now=DUE).body)
    passed = spoken_of(event_of(drill, "2", [], now=DUE).body)
    other = spoken_of(event_of(Drill(name="friday", severity="high"), "3", [TARGET], now=DUE).body)

    assert failed is not None
    assert passed is not None
    assert other is not None
    assert (failed.is_firing, passed.is_firing) == (True, False)
    assert failed.key == passed.key != other.key
