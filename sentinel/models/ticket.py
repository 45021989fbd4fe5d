"""Tickets: work that an event asks of people."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from sentinel.models.base import ID, Base


class TicketStatus(StrEnum):
    """The life of a ticket: open → acknowledged → resolved; an open one may be resolved at once.

    What was acknowledged and not resolved in time is open again, where its escalation policy says so.
    """

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


SOURCES: dict[TicketStatus, frozenset[TicketStatus]] = {
    TicketStatus.OPEN: frozenset({TicketStatus.ACKNOWLEDGED}),
    TicketStatus.ACKNOWLEDGED: frozenset({TicketStatus.OPEN}),
    TicketStatus.RESOLVED: frozenset({TicketStatus.OPEN, TicketStatus.ACKNOWLEDGED}),
}
"""From where each status may be reached; what is resolved stays so."""


class Ticket(Base):
    """Opened by a rule for an event. With a `merge_key` later events of the same key join the unresolved ticket."""

    __tablename__ = "tickets"
    __table_args__ = (
        CheckConstraint("severity IN ('critical', 'high', 'low', 'medium')", name="severity"),
        CheckConstraint("status IN ('acknowledged', 'open', 'resolved')", name="status"),
        CheckConstraint("(status = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_has_time"),
        # Once: however often an event is evaluated, a rule opens one ticket of a title for it.
        Index("uq_tickets_event_id_rule_id_title", "event_id", "rule_id", "title", unique=True),
        Index(
            "uq_tickets_client_id_merge_key",
            "client_id",
            "merge_key",
            unique=True,
            postgresql_where=text("merge_key IS NOT NULL AND status <> 'resolved'"),
        ),
        Index("ix_tickets_client_id_id", "client_id", "id"),
        Index("ix_tickets_resolved_at", "resolved_at", postgresql_where=text("resolved_at IS NOT NULL")),
        Index("ix_tickets_unresolved", "severity", "status", postgresql_where=text("status <> 'resolved'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id"))
    # The event, the rule and the title that gave it its severity: of a merged ticket the first of the worst.
    event_id: Mapped[str] = mapped_column(ID)
    # No foreign key: a ticket outlives its rule.
    rule_id: Mapped[int]
    severity: Mapped[str] = mapped_column(String(10))
    title: Mapped[str]
    status: Mapped[str] = mapped_column(String(12))
    device_id: Mapped[str | None]
    merge_key: Mapped[str | None]
    # How many events it stands for, and when the last of them came.
    events: Mapped[int] = mapped_column(server_default=literal_column("1"))
    last_event_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=literal_column("1"))
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TicketEvent(Base):
    """An event that opened or joined a ticket with a `merge_key`: it counts once, however often it is evaluated."""

    __tablename__ = "ticket_events"

    event_id: Mapped[str] = mapped_column(ID, primary_key=True)
    rule_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(primary_key=True)
    # None only within the transaction that finds out which ticket it is.
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
