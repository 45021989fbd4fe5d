"""How many tickets a client has."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sentinel.models import Ticket


def count_by_severity(session: Session, client_id: int) -> dict[str, int]:
    """Return how many tickets there are of each severity that there is."""
    statement = select(Ticket.severity, func.count()).where(Ticket.client_id == client_id).group_by(Ticket.severity)
    return {row[0]: row[1] for row in session.execute(statement)}
