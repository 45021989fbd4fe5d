"""Actions: who did what through the console."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Action(Base):
    """One thing that a person did, written in the transaction that did it.

    Names and not keys: it tells of users and clients that are gone as well.
    """

    __tablename__ = "actions"
    __table_args__ = (
        Index("ix_actions_at", "at"),
        Index("ix_actions_actor_id", "actor", "id"),
        Index("ix_actions_subject_id", "subject", "id"),
        Index("ix_actions_client_id", "client", "id", postgresql_where=text("client IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(10))
    # The network address that it came from, as limits of logins count it.
    origin: Mapped[str] = mapped_column(String(50))
    # `notification.retry`: what was acted on, and how.
    action: Mapped[str] = mapped_column(String(50))
    # `notification 01a1…`: which one.
    subject: Mapped[str] = mapped_column(String(200))
    client: Mapped[str | None] = mapped_column(String(100))
    detail: Mapped[dict[str, Any]]
