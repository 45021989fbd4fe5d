"""Users: people who log in to the console."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Identity, String, literal_column, true
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class User(Base):
    """Somebody with a password. A `viewer` looks, an `operator` acts, an `admin` also changes what is set up."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('admin', 'operator', 'viewer')", name="role"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    # Argon2id, with its own parameters and salt.
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(String(10))
    is_active: Mapped[bool] = mapped_column(server_default=true())
    # Part of each session: a new number ends all sessions at once.
    session_version: Mapped[int] = mapped_column(server_default=literal_column("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
