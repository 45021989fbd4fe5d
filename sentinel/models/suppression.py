"""Suppressions: addresses that must not be written to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class SuppressionReason(StrEnum):
    """Why an address is not written to any more; the same words are reasons of notifications."""

    OPTED_OUT = "opted_out"
    INVALID = "invalid"
    BOUNCED = "bounced"
    COMPLAINT = "complaint"
    MANUAL = "manual"


_REASONS = ", ".join(f"'{reason}'" for reason in sorted(SuppressionReason))


class Suppression(Base):
    """A client's address on a channel that is left alone until somebody lifts it."""

    __tablename__ = "suppressions"
    __table_args__ = (
        CheckConstraint(f"reason IN ({_REASONS})", name="reason"),
        Index(
            "uq_suppressions_client_id_channel_recipient",
            "client_id",
            "channel",
            "recipient",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_suppressions_client_id_id", "client_id", "id"),
        Index("ix_suppressions_lifted_at", "lifted_at", postgresql_where=text("lifted_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    channel: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str]
    reason: Mapped[str] = mapped_column(String(20))
    # Who says so: a provider's name, or whoever wrote it.
    source: Mapped[str] = mapped_column(String(100))
    # The notification whose receipt told it.
    notification_id: Mapped[str | None] = mapped_column(ID)
    note: Mapped[str | None]
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]
