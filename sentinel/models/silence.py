"""Silences: what a client does not want to hear of for a while."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class SilenceState(StrEnum):
    """Where a silence stands, by the clock alone."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class Silence(Base):
    """While it is active, messages about events that all its matchers match are stored as SUPPRESSED, not sent."""

    __tablename__ = "silences"
    __table_args__ = (
        CheckConstraint("starts_at <= ends_at", name="starts_before_it_ends"),
        Index("ix_silences_client_id_ends_at", "client_id", "ends_at"),
        Index("ix_silences_ends_at", "ends_at"),
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

    def state(self, now: datetime) -> SilenceState:
        """Where it stands at a moment."""
        if self.ends_at <= now:
            return SilenceState.EXPIRED
        return SilenceState.PENDING if now < self.starts_at else SilenceState.ACTIVE
