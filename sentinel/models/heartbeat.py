"""Heartbeats: signals that somebody else should send again and again, and whether they come."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class HeartbeatState(StrEnum):
    """How a heartbeat stands, by its row and the clock."""

    NEW = "new"
    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"


class Heartbeat(Base):
    """A signal that is expected. Who knows the id may send it, so it is random in all its bits."""

    __tablename__ = "heartbeats"
    __table_args__ = (
        UniqueConstraint("client_id", "name"),
        CheckConstraint("status IN ('new', 'up', 'down')", name="status"),
        CheckConstraint("every_seconds IS NOT NULL OR schedule IS NOT NULL", name="has_rhythm"),
        # A signal that is missed, or that nobody waits for, falls due no more.
        CheckConstraint("due_at IS NULL OR (status <> 'down' AND NOT is_paused)", name="due_while_expected"),
        Index("ix_heartbeats_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(100))
    every_seconds: Mapped[int | None]
    # Only then a signal is expected (`sentinel.schedules`); none: at all times.
    schedule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    grace_seconds: Mapped[int]
    severity: Mapped[str | None] = mapped_column(String(20))
    labels: Mapped[dict[str, Any]]
    is_paused: Mapped[bool] = mapped_column(server_default=false())
    status: Mapped[str] = mapped_column(String(4), server_default=literal_column("'new'"))
    # Why it is down: `missed`, or `failed` if the sender said so.
    reason: Mapped[str | None] = mapped_column(String(10))
    # How often it went down: each time is an event of its own, whoever writes it down.
    downs: Mapped[int] = mapped_column(server_default=literal_column("0"))
    # When it last went down or came up: the next change is after it, whatever clocks say. None: it never did.
    changed_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    last_message: Mapped[str | None]
    last_exit_code: Mapped[int | None]
    # When the next signal should be there, and when it is missed: after the grace. None: nothing is waited for.
    expected_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def state(self, now: datetime) -> HeartbeatState:
        """How it stands at a moment."""
        if self.is_paused:
            return HeartbeatState.PAUSED
        if self.status != HeartbeatState.DOWN and self.expected_at is not None and self.expected_at <= now:
            return HeartbeatState.LATE
        return HeartbeatState(self.status)
