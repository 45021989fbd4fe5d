"""Silences: what a client does not want to hear of for a while."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class SilenceState(StrEnum):
    """Where a silence stands, by the clock alone."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class EndReason(StrEnum):
    """Why a silence is over."""

    EXPIRED = "expired"
    """Its time has come. No row says so: the clock does."""
    PERSON = "person"
    """Somebody has ended it, or put another in its place."""
    RESOLVED = "resolved"
    """All alerts that it matched are resolved."""
    QUIET = "quiet"
    """Nothing has matched it for as long as it wanted."""


class Silence(Base):
    """While it holds, messages about events that all its matchers match are stored as SUPPRESSED, not sent."""

    __tablename__ = "silences"
    __table_args__ = (
        CheckConstraint("starts_at <= ends_at", name="starts_before_it_ends"),
        Index("ix_silences_client_id_ends_at", "client_id", "ends_at"),
        Index("ix_silences_ends_at", "ends_at"),
        Index("ix_silences_next_look_at", "next_look_at", postgresql_where=text("next_look_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    # As Alertmanager has them: {"name", "value", "isRegex", "isEqual"}.
    matchers: Mapped[list[dict[str, Any]]]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_by: Mapped[str]
    comment: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # A schedule: between its start and its end it holds only while this does; none: all the time.
    windows: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    ends_when_resolved: Mapped[bool] = mapped_column(server_default=false())
    ends_after_quiet_seconds: Mapped[int | None]
    # So long before its end the endpoint of this name is told, once for each end.
    remind_before_seconds: Mapped[int | None]
    remind: Mapped[str | None] = mapped_column(String(100))
    reminded_at: Mapped[datetime | None]
    # Messages that it has held back, and when something last matched it.
    matched: Mapped[int] = mapped_column(server_default=literal_column("0"))
    last_matched_at: Mapped[datetime | None]
    # When it first matched an alert: only then can it end because none fires any more.
    alert_matched_at: Mapped[datetime | None]
    # When the sweeper looks at it; none: it ends by the clock alone, and nobody is told before.
    next_look_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(String(10))

    def state(self, now: datetime) -> SilenceState:
        """Where it stands at a moment."""
        if self.ends_at <= now:
            return SilenceState.EXPIRED
        return SilenceState.PENDING if now < self.starts_at else SilenceState.ACTIVE

    def why_over(self, now: datetime) -> EndReason | None:
        """Why it is over; None while it is not."""
        if self.state(now) is not SilenceState.EXPIRED:
            return None
        return EndReason(self.ended_reason) if self.ended_reason else EndReason.EXPIRED
