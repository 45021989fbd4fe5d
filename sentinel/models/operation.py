"""What the engine remembers about itself: paused provider accounts and the sweepers' last success."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class ProviderAccount(Base):
    """An account that refused us (credentials, quota, too many requests) rests until `paused_until`."""

    __tablename__ = "provider_accounts"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    paused_until: Mapped[datetime]
    reason: Mapped[str]
    hint: Mapped[str | None]
    updated_at: Mapped[datetime]


class SweeperRun(Base):
    """When each sweeper last finished, and how many rows it moved."""

    __tablename__ = "sweeper_runs"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    last_success_at: Mapped[datetime]
    last_count: Mapped[int] = mapped_column(Integer)
