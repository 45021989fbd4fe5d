"""Integrations: addresses to which other systems send what they have to say, in their own words."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class Integration(Base):
    """One address of a client, for one kind of system. Who knows the id may send, so it is random in all its bits."""

    __tablename__ = "integrations"
    __table_args__ = (UniqueConstraint("client_id", "name"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100))
    # Signs what the system sends; sealed (`sentinel.sealing.seal`).
    secret: Mapped[str | None]
    # Only this topic of Amazon SNS; none: any that SNS signs for.
    topic_arn: Mapped[str | None]
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
