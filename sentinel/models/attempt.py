"""One try at a provider and what it answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Attempt(Base):
    """Kept for every try, so that "why did I (not) get this?" has an answer."""

    __tablename__ = "attempts"

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
