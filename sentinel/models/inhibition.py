"""Inhibitions: which alerts keep messages about others back while they fire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class Inhibition(Base):
    """While an alert fires that `source` matches, nothing is told of what `target` matches with equal labels."""

    __tablename__ = "inhibitions"
    __table_args__ = (UniqueConstraint("client_id", "name"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(100))
    # Matchers as those of silences.
    source: Mapped[list[dict[str, Any]]]
    target: Mapped[list[dict[str, Any]]]
    # Names of labels that source and target must have alike; what both lack is alike.
    equal: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
