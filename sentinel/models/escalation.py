"""Escalations: whom a ticket is told to, step by step, until somebody takes it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    literal_column,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base

SEVERITIES = ("critical", "high", "medium", "low")


class EscalationState(StrEnum):
    """Where an escalation stands."""

    RUNNING = "running"
    SNOOZED = "snoozed"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    ENDED = "ended"


class EscalationPolicy(Base):
    """Steps, each after a wait; a ticket that opens copies them, so that a change concerns later tickets only."""

    __tablename__ = "escalation_policies"
    __table_args__ = (
        UniqueConstraint("client_id", "name"),
        CheckConstraint("repeat >= 0", name="repeat_is_a_number_of_times"),
        # Once: each severity has one default of a client at most.
        *(
            Index(
                f"uq_escalation_policies_default_{severity}",
                "client_id",
                unique=True,
                postgresql_where=text(f"'{severity}' = ANY(default_for)"),
            )
            for severity in SEVERITIES
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str] = mapped_column(String(100))
    # `[{"wait_seconds": 0, "notify": ["endpoint:ann", "rotation:primary", "sms:+14155552671"]}]`
    steps: Mapped[list[dict[str, Any]]]
    # How often the steps are gone through again, and how long after the last one.
    repeat: Mapped[int] = mapped_column(SmallInteger, server_default=literal_column("0"))
    repeat_wait_seconds: Mapped[int] = mapped_column(server_default=literal_column("300"))
    # None: who acknowledges has all the time in the world.
    acknowledge_timeout_seconds: Mapped[int | None]
    # Severities whose tickets take this policy when their rule names none.
    default_for: Mapped[list[str]] = mapped_column(ARRAY(String(10)), server_default=literal_column("'{}'"))
    # Whether those who were told hear of the end.
    tells_end: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Escalation(Base):
    """How far a ticket has been escalated, along its own copy of a policy.

    `token` grows with each move: whoever has read an older one has nothing to do. `run` grows when the ticket is told
    from the start again: links of an earlier run act no more.
    """

    __tablename__ = "escalations"
    __table_args__ = (
        # Never silent: what goes on has a time at which somebody looks at it again.
        CheckConstraint(
            "CASE state WHEN 'running' THEN next_step_at IS NOT NULL WHEN 'snoozed' THEN next_step_at IS NOT NULL "
            "WHEN 'acknowledged' THEN true WHEN 'exhausted' THEN next_step_at IS NULL "
            "WHEN 'ended' THEN next_step_at IS NULL ELSE false END",
            name="state_has_time",
        ),
        Index("ix_escalations_next_step_at", "next_step_at", postgresql_where=text("next_step_at IS NOT NULL")),
        Index("ix_escalations_unended", "state", postgresql_where=text("state <> 'ended'")),
    )

    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    policy: Mapped[str] = mapped_column(String(100))
    steps: Mapped[list[dict[str, Any]]]
    repeat: Mapped[int] = mapped_column(SmallInteger)
    repeat_wait_seconds: Mapped[int]
    acknowledge_timeout_seconds: Mapped[int | None]
    tells_end: Mapped[bool]
    state: Mapped[str] = mapped_column(String(12))
    # The step that comes next, both from 1 on; of what is exhausted the last one that was told.
    round: Mapped[int] = mapped_column(SmallInteger)
    step: Mapped[int] = mapped_column(SmallInteger)
    run: Mapped[int]
    token: Mapped[int]
    # When the next step is told, the snooze is over, or who acknowledged has run out of time.
    next_step_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TicketMessage(Base):
    """A notification that tells of a ticket, and the link in it. The id is drawn at random, for it is in the link."""

    __tablename__ = "ticket_messages"
    __table_args__ = (
        # Once: a move of an escalation tells a target once.
        UniqueConstraint("ticket_id", "token", "channel", "recipient"),
        CheckConstraint("(used_at IS NULL) = (used_for IS NULL)", name="use_has_time"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    notification_id: Mapped[str] = mapped_column(ID)
    run: Mapped[int]
    token: Mapped[int]
    # None: it told of the end.
    round: Mapped[int | None] = mapped_column(SmallInteger)
    step: Mapped[int | None] = mapped_column(SmallInteger)
    # As the step names it, and who that was: an endpoint's name, or channel and address.
    target: Mapped[str]
    who: Mapped[str]
    channel: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str]
    endpoint_id: Mapped[int | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_for: Mapped[str | None] = mapped_column(String(20))


class TicketEntry(Base):
    """Something that happened to a ticket: told, acknowledged, snoozed, reopened, resolved, and by whom."""

    __tablename__ = "ticket_entries"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(30))
    detail: Mapped[dict[str, Any]]
