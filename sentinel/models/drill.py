"""Drills: messages that test, at set times, whether people are reached."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class Drill(Base):
    """Who is to be reached, and when that is tried. `is_failing`: the last run left somebody unreached."""

    __tablename__ = "drills"
    __table_args__ = (
        UniqueConstraint("client_id", "name"),
        CheckConstraint("next_at IS NULL OR is_enabled", name="due_while_enabled"),
        Index("ix_drills_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(100))
    # A run begins with each of its intervals (`sentinel.schedules`); none: only when somebody asks.
    schedule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # Names of endpoints, looked up at each run.
    targets: Mapped[list[str]] = mapped_column(ARRAY(String(100)))
    text: Mapped[str | None]
    within_seconds: Mapped[int]
    severity: Mapped[str | None] = mapped_column(String(20))
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    is_failing: Mapped[bool] = mapped_column(server_default=false())
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DrillRun(Base):
    """One drill as it was held: who was told, and who was reached by `due_at`."""

    __tablename__ = "drill_runs"
    __table_args__ = (
        CheckConstraint("status IN ('running', 'passed', 'failed')", name="status"),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="finished_has_time"),
        Index("ix_drill_runs_drill_id_id", "drill_id", "id"),
        Index("ix_drill_runs_due_at", "due_at", postgresql_where=text("status = 'running'")),
        # Once: of two who ask at the same moment, one finds that it is under way.
        Index("uq_drill_runs_running", "drill_id", unique=True, postgresql_where=text("status = 'running'")),
        Index("ix_drill_runs_finished_at", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    drill_id: Mapped[str] = mapped_column(ForeignKey("drills.id", ondelete="CASCADE"))
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    status: Mapped[str] = mapped_column(String(7))
    # `schedule`, or who asked for it.
    started_by: Mapped[str]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    # Of each target: {"target", "notification_id", "is_reached", "status", "reason", "reached_at"}.
    results: Mapped[list[dict[str, Any]]]
