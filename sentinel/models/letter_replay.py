"""Bulk replays: dead letters that start over one after the other, and how far that is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, String, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class ReplayStatus(StrEnum):
    """Whether a replay still starts letters over. What became of those that it did is in their own rows."""

    RUNNING = "running"
    """Letters are left, each with a turn."""
    FINISHED = "finished"
    """All that there were have started over."""
    STOPPED = "stopped"
    """Somebody stopped it: the letters whose turn had not come are dead letters as before."""


_STATUSES = ", ".join(f"'{status}'" for status in sorted(ReplayStatus))


class LetterReplay(Base):
    """Letters of a kind, newest first, `rate` a second. A sweeper carries it on, so that nobody has to stay there."""

    __tablename__ = "letter_replays"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("(status = 'running') = (ended_at IS NULL)", name="ended_has_time"),
        # Never silent: until all of its letters have ended, there is a time at which somebody looks again.
        CheckConstraint("(next_look_at IS NULL) = (settled_at IS NOT NULL)", name="unsettled_has_time"),
        Index("ix_letter_replays_next_look_at", "next_look_at", postgresql_where=text("next_look_at IS NOT NULL")),
        Index("ix_letter_replays_client_id_id", "client_id", "id"),
        Index("ix_letter_replays_settled_at", "settled_at", postgresql_where=text("settled_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    # Whose letters; none: of all clients.
    client_id: Mapped[int | None] = mapped_column(ForeignKey("clients.id"))
    # What they were narrowed to, as `queries.notifications.Filter` has it.
    narrowed_to: Mapped[dict[str, Any]]
    rate: Mapped[int] = mapped_column(Integer)
    # How many letters there were as it began; how many were taken up, and of these started over.
    total: Mapped[int] = mapped_column(Integer)
    seen: Mapped[int] = mapped_column(Integer, server_default=literal_column("0"))
    replayed: Mapped[int] = mapped_column(Integer, server_default=literal_column("0"))
    # The last letter that was taken up: ids only fall, so that none is met twice.
    before: Mapped[str | None] = mapped_column(ID)
    status: Mapped[str] = mapped_column(String(8), server_default=literal_column("'running'"))
    requested_by: Mapped[str] = mapped_column(String(100))
    stopped_by: Mapped[str | None] = mapped_column(String(100))
    began_at: Mapped[datetime]
    # The turn of the first letter, as reckoned now: a time in which nobody looked is not made up for.
    paced_from: Mapped[datetime]
    next_look_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    # When the last of its letters had ended, and how many ended how: {"SENT": 40, "FAILED": 2}.
    settled_at: Mapped[datetime | None]
    outcomes: Mapped[dict[str, Any] | None]
