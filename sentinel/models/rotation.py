"""Rotations: who is on call, turn by turn, and who stands in."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Rotation(Base):
    """Members take turns of `shift_days`, from `starts_on` on; duty is handed over at a local time."""

    __tablename__ = "rotations"
    __table_args__ = (
        UniqueConstraint("client_id", "name"),
        CheckConstraint("cardinality(members) > 0", name="has_members"),
        CheckConstraint("shift_days > 0", name="shift_is_a_day_at_least"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(100))
    # Names of endpoints; one that is missing or disabled is told to nobody, and the escalation says so.
    members: Mapped[list[str]] = mapped_column(ARRAY(String(100)))
    zone: Mapped[str] = mapped_column(String(64))
    starts_on: Mapped[date]
    # Minutes since midnight.
    handover: Mapped[int] = mapped_column(SmallInteger)
    shift_days: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RotationOverride(Base):
    """Somebody who stands in; of several that hold at once, the one that was made last counts."""

    __tablename__ = "rotation_overrides"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        Index("ix_rotation_overrides_rotation_id_ends_at", "rotation_id", "ends_at"),
        Index("ix_rotation_overrides_ends_at", "ends_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    rotation_id: Mapped[int] = mapped_column(ForeignKey("rotations.id", ondelete="CASCADE"))
    member: Mapped[str] = mapped_column(String(100))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
