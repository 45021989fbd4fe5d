"""Remembered answers to requests that may be repeated."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class IdempotencyKey(Base):
    """Written in the transaction of the rows it stands for; holds the original answer until `expires_at`."""

    __tablename__ = "idempotency_keys"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    response_status: Mapped[int] = mapped_column(SmallInteger)
    response_body: Mapped[str]
    location: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
