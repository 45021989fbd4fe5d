"""Events: facts that came in, and what came of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, false, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class EventStatus(StrEnum):
    """Where an event stands; all but PENDING are ends."""

    PENDING = "PENDING"
    """Stored; its rules have not been asked yet."""
    MATCHED = "MATCHED"
    """At least one rule matched, or it was addressed to a user."""
    UNMATCHED = "UNMATCHED"
    """No rule matched."""
    FAILED = "FAILED"
    """Our own error while it was evaluated; the log has the rest."""


class Event(Base):
    """A fact that an application reported. `body` is the object as it came; the columns beside it are read from it."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint("status IN ('FAILED', 'MATCHED', 'PENDING', 'UNMATCHED')", name="status"),
        # Never silent: what is not finished has a time at which somebody looks at it again.
        CheckConstraint("(status = 'PENDING') = (queue_at IS NOT NULL)", name="waiting_has_time"),
        Index("ix_events_client_id_id", "client_id", "id"),
        Index("ix_events_broadcast", "id", postgresql_where=text("is_broadcast")),
        Index("ix_events_waiting", "queue_at", postgresql_where=text("status = 'PENDING'")),
        # Once: the sender's own id, where it gives one.
        Index(
            "uq_events_client_id_event_id",
            "client_id",
            "event_id",
            unique=True,
            postgresql_where=text("event_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    # The sender's own id (event_id or alert_id); none: nothing is a repetition of this event.
    event_id: Mapped[str | None]
    type: Mapped[str | None]
    severity: Mapped[str | None]
    source: Mapped[str | None]
    name: Mapped[str | None]
    user_id: Mapped[str | None]
    device_id: Mapped[str | None]
    occurred_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
    # Heard by the rules of every client, not of its own alone.
    is_broadcast: Mapped[bool] = mapped_column(server_default=false())
    # To be told to the user it names, whatever the rules say (POST /v1/alerts).
    is_addressed: Mapped[bool] = mapped_column(server_default=false())
    status: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None]
    # The rules that spoke, of all clients.
    rule_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=literal_column("'{}'::integer[]"))
    # Rules that matched and did not speak, by why: {"throttled": [7], "waiting": [8], "silenced": [9]}.
    unheard: Mapped[dict[str, Any]] = mapped_column(server_default=literal_column("'{}'::jsonb"))
    queue_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    evaluated_at: Mapped[datetime | None]
    # The trace that it belongs to; only while traces are on.
    traceparent: Mapped[str | None]
