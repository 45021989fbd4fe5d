"""Self-tests: an event of our own that must become a sent message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class SelfTest(Base):
    """One proof that Sentinel works from end to end, or that it does not. One at a time."""

    __tablename__ = "self_tests"
    __table_args__ = (
        CheckConstraint("status IN ('running', 'passed', 'failed')", name="status"),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="finished_has_time"),
        Index("uq_self_tests_running", text("(true)"), unique=True, postgresql_where=text("status = 'running'")),
        Index("ix_self_tests_started_at", "started_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    status: Mapped[str] = mapped_column(String(7))
    reason: Mapped[str | None]
    # `beat`, whose success is told to the outside, or `operator`.
    started_by: Mapped[str] = mapped_column(String(10))
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    # Each stage that was reached, with its time: {"stage", "at"}.
    stages: Mapped[list[dict[str, Any]]]
