"""Tenants and the keys they call with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, LargeBinary, String, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base

DEFAULT_CLIENT = "default"


class Client(Base):
    """A tenant: every row belongs to one."""

    __tablename__ = "clients"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    is_active: Mapped[bool] = mapped_column(server_default=true())
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A secret of 256 random bits, kept as its SHA-256; `prefix` is what people may see of it."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(50)))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
