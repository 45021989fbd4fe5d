"""Alerts: what Prometheus and its like report again and again, and whether it fires."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class AlertStatus(StrEnum):
    """Whether it holds."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Base):
    """An alert by the fingerprint of its labels. Each change of its status is an event; a repetition is none."""

    __tablename__ = "alerts"
    __table_args__ = (
        CheckConstraint("status IN ('firing', 'resolved')", name="status"),
        Index(
            "ix_alerts_client_id_fingerprint", "client_id", "fingerprint", postgresql_where=text("status = 'firing'")
        ),
        Index("ix_alerts_ends_at", "ends_at", postgresql_where=text("status = 'firing'")),
        Index("ix_alerts_updated_at", "updated_at", postgresql_where=text("status = 'resolved'")),
    )

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"), primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(16), primary_key=True)
    labels: Mapped[dict[str, Any]]
    annotations: Mapped[dict[str, Any]]
    generator_url: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    # Nobody said when it ends: it is over unless it is reported again before `ends_at`.
    is_open_ended: Mapped[bool]
    status: Mapped[str] = mapped_column(String(8))
    # Before the last report, so that the report itself can tell what it has changed; none: that was the first.
    status_before: Mapped[str | None] = mapped_column(String(8))
    # How often it has come back with the same `starts_at` after it was resolved, or with an earlier one: each time is
    # an event of its own. It never falls, so that no event has the id of another.
    returns: Mapped[int] = mapped_column(server_default=literal_column("0"))
    updated_at: Mapped[datetime]
