"""One try at a provider and what it answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Attempt(Base):
    """Kept for every try, so that "why did I (not) get this?" has an answer."""

    __tablename__ = "attempts"
    __table_args__ = (
        # Whose is this message? Asked of a provider that can look messages up, and only of those.
        Index("ix_attempts_provider_message_id", "provider_message_id", postgresql_where=text("provider = 'twilio'")),
    )

    notification_id: Mapped[str] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None]
    http_status: Mapped[int | None] = mapped_column(SmallInteger)
    provider_code: Mapped[str | None] = mapped_column(String(50))
    provider_message_id: Mapped[str | None]
    detail: Mapped[str | None]
    hint: Mapped[str | None]
    worker: Mapped[str | None] = mapped_column(String(255))
    started_at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(Integer)
