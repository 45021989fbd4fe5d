"""What the board of tickets shows: what waits, who has what, what was just resolved, and the events behind a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from sentinel.models import Client, Escalation, Event, Ticket, TicketEvent
from sentinel.models.escalation import SEVERITIES
from sentinel.models.ticket import TicketStatus
from sentinel.queries.tickets import Shown

UNRESOLVED = Ticket.status != TicketStatus.RESOLVED
"""In the words of the partial index."""

WORST_FIRST = case(*((Ticket.severity == severity, rank) for rank, severity in enumerate(SEVERITIES)))

SHOWN = (
    select(Ticket, Client.name, Escalation)
    .join(Client, Client.id == Ticket.client_id)
    .outerjoin(Escalation, Escalation.ticket_id == Ticket.id)
)


def waiting(session: Session, client_id: int | None, status: TicketStatus, *, most: int) -> list[Shown]:
    """Return tickets that are open, or acknowledged: the worst first, of these the oldest."""
    mine = [UNRESOLVED, Ticket.status == status, *_of(client_id)]
    return _shown(session, SHOWN.where(*mine).order_by(WORST_FIRST, Ticket.id).limit(most))


def resolved(session: Session, client_id: int | None, *, since: datetime, most: int) -> list[Shown]:
    """Return what was resolved since a moment, the last first."""
    mine = [Ticket.resolved_at >= since, *_of(client_id)]
    return _shown(session, SHOWN.where(*mine).order_by(Ticket.resolved_at.desc()).limit(most))


def unresolved(session: Session, client_id: int | None) -> dict[tuple[str, str], int]:
    """Count what is not resolved, by status and severity."""
    counted = select(Ticket.status, Ticket.severity, func.count()).where(UNRESOLVED, *_of(client_id))
    rows = session.execute(counted.group_by(Ticket.status, Ticket.severity))
    return {(row[0], row[1]): row[2] for row in rows}


def count_resolved(session: Session, client_id: int | None, *, since: datetime) -> int:
    """Count what was resolved since a moment."""
    mine = [Ticket.resolved_at >= since, *_of(client_id)]
    return session.scalar(select(func.count()).select_from(Ticket).where(*mine)) or 0


def events_of(session: Session, ticket: Ticket, *, most: int) -> Sequence[Event]:
    """Return the newest events that opened or joined a ticket; those that are deleted are left out."""
    joined = select(TicketEvent.event_id).where(TicketEvent.ticket_id == ticket.id)
    newest = joined.distinct().order_by(TicketEvent.event_id.desc()).limit(most)
    ids = {*session.scalars(newest), ticket.event_id}
    return session.scalars(select(Event).where(Event.id.in_(ids)).order_by(Event.id.desc()).limit(most)).all()


def _of(client_id: int | None) -> list[ColumnElement[bool]]:
    return [] if client_id is None else [Ticket.client_id == client_id]


def _shown(session: Session, statement: Select[Ticket, str, Escalation]) -> list[Shown]:
    return [Shown(*row) for row in session.execute(statement)]
