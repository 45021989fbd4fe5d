"""Endpoints: where clients, their rules and their users want messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Endpoint(Base):
    """A channel and a target. It belongs to a rule, to a user of the client, or to the client alone."""

    __tablename__ = "endpoints"
    __table_args__ = (
        UniqueConstraint("client_id", "name"),
        CheckConstraint("rule_id IS NULL OR user_id IS NULL", name="one_owner"),
        Index("ix_endpoints_rule_id", "rule_id", postgresql_where=text("rule_id IS NOT NULL")),
        Index("ix_endpoints_client_id_user_id", "client_id", "user_id", postgresql_where=text("rule_id IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id", ondelete="CASCADE"))
    user_id: Mapped[str | None]
    name: Mapped[str | None] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(20))
    target: Mapped[str]
    # Signs what is sent to a webhook; in clear, because a signature needs it.
    secret: Mapped[str | None]
    # A template of this name is used where the rule asks for none.
    template: Mapped[str | None] = mapped_column(String(100))
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
