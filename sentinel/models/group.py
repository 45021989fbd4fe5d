"""Groups: messages that are held to be told together, and the alerts that they speak of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class GroupKind(StrEnum):
    """Why messages are held."""

    GROUPING = "grouping"
    QUIET_HOURS = "quiet_hours"
    LIMIT = "limit"


class MessageGroup(Base):
    """Messages to one target that belong together, told when `next_flush_at` is there.

    Once it has no more to say it is gone, or remembers for a while which alerts came and went: `began_at` is none.
    """

    __tablename__ = "message_groups"
    __table_args__ = (
        # Recipients and keys are long: their hash tells groups apart.
        UniqueConstraint("client_id", "fingerprint"),
        CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in sorted(GroupKind))})", name="kind"),
        Index("ix_message_groups_client_id_id", "client_id", "id"),
        Index("ix_message_groups_next_flush_at", "next_flush_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(20))
    # Whose terms these are: `rule` or `endpoint`; which rule.
    scope: Mapped[str] = mapped_column(String(10))
    rule_id: Mapped[int | None]
    channel: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str]
    # What its events have in common, by the paths of `by`.
    labels: Mapped[dict[str, Any]]
    # What the rule or endpoint groups by, as it has it: once that is otherwise, nobody comes to this group any more.
    grouped_by: Mapped[list[Any] | None] = mapped_column(JSONB)
    # What a message to this target has, besides its words.
    endpoint_id: Mapped[int | None]
    user_id: Mapped[str | None]
    template: Mapped[str | None] = mapped_column(String(100))
    failover: Mapped[list[dict[str, Any]] | None]
    rule_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    # The terms, as they were when the last message came.
    wait_seconds: Mapped[int]
    interval_seconds: Mapped[int | None]
    repeat_seconds: Mapped[int | None]
    pause_seconds: Mapped[int]
    says_resolved: Mapped[bool]
    flap_changes: Mapped[int] = mapped_column(SmallInteger)
    flap_seconds: Mapped[int]
    # When the first message came that is not forgotten.
    began_at: Mapped[datetime | None]
    next_flush_at: Mapped[datetime]
    last_told_at: Mapped[datetime | None]
    last_notification_id: Mapped[str | None] = mapped_column(ID)
    # How often in a row it could not be told.
    failures: Mapped[int] = mapped_column(SmallInteger, server_default=literal_column("0"))
    # It was told, and nobody joins it any more: what becomes of the rest that it holds, which is too much for a turn.
    ending: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class GroupAlert(Base):
    """An alert of a group: where it stands, and what its receiver was told of it last."""

    __tablename__ = "group_alerts"
    __table_args__ = (
        CheckConstraint("status IN ('firing', 'resolved')", name="status"),
        CheckConstraint("told IN ('firing', 'flapping', 'resolved')", name="told"),
        # A cancelled message takes along what it would have said.
        Index("ix_group_alerts_notification_id", "notification_id", postgresql_where=text("status <> told")),
    )

    group_id: Mapped[str] = mapped_column(ForeignKey("message_groups.id", ondelete="CASCADE"), primary_key=True)
    alert_key: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(8))
    since: Mapped[datetime]
    # Who was told nothing believes that it does not fire.
    told: Mapped[str] = mapped_column(String(8), server_default=literal_column("'resolved'"))
    # The last event that spoke of it, and the message about that.
    event_id: Mapped[str] = mapped_column(ID)
    notification_id: Mapped[str] = mapped_column(ID)
    severity: Mapped[str | None] = mapped_column(String(20))
    title: Mapped[str]
    # When it changed, newest first: as many as show whether it flaps.
    changes: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
