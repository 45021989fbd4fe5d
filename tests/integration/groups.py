"""Groups of held messages as tests need them: a clock that they move, and what was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen, remove

from sentinel.db import get_engine, new_session
from sentinel.models import GroupAlert, MessageGroup, Notification
from sentinel.services.holding import flush
from tests.integration.rules import happen

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """The time of all units of work; it goes only as the test moves it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = START
        patch.setattr("sentinel.services.unit_of_work.utc_now", lambda: self.now)

    def flush_after(self, seconds: float) -> int:
        """Let time pass, and flush what is due then; returns how many groups were."""
        self.now += timedelta(seconds=seconds)
        return flush.sweep()


def alert(name: str = "DiskFull", instance: str = "db-1", status: str = "firing", **more: Any) -> dict[str, Any]:
    """What is said of an alert."""
    labels = {"alertname": name, "instance": instance, "cluster": "a"}
    return {"type": "alert", "status": status, "labels": labels} | more


def fire(*instances: str) -> list[str]:
    """Let alerts fire, all in one batch."""
    return happen(*(alert(instance=each) for each in instances))


def resolve(*instances: str) -> list[str]:
    """Let alerts be over, all in one batch."""
    return happen(*(alert(instance=each, status="resolved") for each in instances))


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    found: list[str] = []

    def note(*given: Any) -> None:
        found.append(given[2])

    listen(get_engine(), "before_cursor_execute", note)
    try:
        yield found
    finally:
        remove(get_engine(), "before_cursor_execute", note)


def sent() -> Sequence[Notification]:
    """Messages that are on their way, oldest first: neither held nor ended."""
    wanted = select(Notification).where(Notification.status == "PENDING", Notification.group_id.is_(None))
    with new_session() as session:
        return session.scalars(wanted.order_by(Notification.id)).all()


def subjects() -> list[str | None]:
    """What was told, oldest first."""
    return [each.subject for each in sent()]


def open_groups() -> Sequence[MessageGroup]:
    """All groups, oldest first."""
    with new_session() as session:
        return session.scalars(select(MessageGroup).order_by(MessageGroup.id)).all()


def group_alerts() -> Sequence[GroupAlert]:
    """All alerts of groups."""
    with new_session() as session:
        return session.scalars(select(GroupAlert).order_by(GroupAlert.alert_key)).all()
