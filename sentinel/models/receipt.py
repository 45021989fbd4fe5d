"""Receipts: what providers report after they have accepted a message."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class ReceiptStatus(StrEnum):
    """What became of a report."""

    PENDING = "PENDING"
    """Stored, not yet looked at."""
    APPLIED = "APPLIED"
    """It moved its notification, or said what was known."""
    IGNORED = "IGNORED"
    """It says nothing about delivery (opened, clicked), or is older than what is known."""
    UNMATCHED = "UNMATCHED"
    """No notification of ours fits it."""


_STATUSES = ", ".join(f"'{status}'" for status in sorted(ReceiptStatus))


class Receipt(Base):
    """A provider's report, stored before anything else happens; the same report twice is one row."""

    __tablename__ = "receipts"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("(status = 'PENDING') = (queue_at IS NOT NULL)", name="waiting_has_time"),
        Index("uq_receipts_provider_provider_event_id", "provider", "provider_event_id", unique=True),
        Index("ix_receipts_waiting", "queue_at", postgresql_where=text("status = 'PENDING'")),
        Index("ix_receipts_notification_id", "notification_id", postgresql_where=text("notification_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    provider_event_id: Mapped[str]
    notification_id: Mapped[str | None] = mapped_column(ID)
    provider_message_id: Mapped[str | None]
    # The provider's own word, and its code where there is one.
    kind: Mapped[str] = mapped_column(String(50))
    code: Mapped[str | None] = mapped_column(String(50))
    body: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(12))
    detail: Mapped[str | None]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=literal_column("0"))
    queue_at: Mapped[datetime | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
