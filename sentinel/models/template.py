"""Templates: how a client's messages are worded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Template(Base):
    """Subject and body in Jinja, by name and channel. Channel None: for each channel that has none of its own."""

    __tablename__ = "templates"
    __table_args__ = (
        Index(
            "uq_templates_client_id_name_channel",
            "client_id",
            "name",
            "channel",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str | None] = mapped_column(String(20))
    subject: Mapped[str | None]
    body: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
