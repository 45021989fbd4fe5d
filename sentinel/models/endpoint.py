"""Endpoints: where clients, their rules and their users want messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    literal_column,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import Base


class Endpoint(Base):
    """A channel and a target. It belongs to a rule, to a user of the client, or to the client alone."""

    __tablename__ = "endpoints"
    __table_args__ = (
        UniqueConstraint("client_id", "name"),
        CheckConstraint("rule_id IS NULL OR user_id IS NULL", name="one_owner"),
        CheckConstraint("purpose IN ('messages', 'statuses')", name="purpose"),
        Index("ix_endpoints_rule_id", "rule_id", postgresql_where=text("rule_id IS NOT NULL")),
        Index("ix_endpoints_statuses", "client_id", postgresql_where=text("purpose = 'statuses'")),
        Index("ix_endpoints_client_id_user_id", "client_id", "user_id", postgresql_where=text("rule_id IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id", ondelete="CASCADE"))
    user_id: Mapped[str | None]
    name: Mapped[str | None] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(20))
    target: Mapped[str]
    # Signs what is sent to a webhook; sealed (`sentinel.sealing.seal`), for a signature needs it as it is.
    secret: Mapped[str | None]
    # A template of this name is used where the rule asks for none.
    template: Mapped[str | None] = mapped_column(String(100))
    # `messages`: what rules and callers say. `statuses`: a webhook that hears how the client's notifications ended.
    purpose: Mapped[str] = mapped_column(String(10), server_default=literal_column("'messages'"))
    # Other targets to try, in order: `[{"channel", "recipient", "after_seconds"}]`.
    failover: Mapped[list[dict[str, Any]] | None]
    # When it wants to be left alone: `{"windows", "mode", "passes_from"}` (`sentinel.services.quiet_hours`).
    quiet_hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # How its messages are gathered, as the API has it: `{"group_by", "group_wait_seconds", …}`; none: each goes alone.
    grouping: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    # Why Sentinel itself disabled it; none: a person did, or it is enabled.
    disabled_reason: Mapped[str | None] = mapped_column(String(50))
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
