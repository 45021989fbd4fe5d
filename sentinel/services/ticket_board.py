"""The board of tickets: what waits for somebody, who has what, and what has just been resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sentinel.errors import ConflictError, NotFoundError
from sentinel.models import Event, Ticket
from sentinel.models.ticket import TicketStatus
from sentinel.queries import ticket_board as queries
from sentinel.queries.tickets import Shown
from sentinel.services import tickets
from sentinel.services.escalating import outlook
from sentinel.services.escalating.outlook import Meant
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import UnitOfWork

MOST = 50
"""Most cards of a column."""

RECENTLY = timedelta(days=1)

MOST_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Column:
    """Tickets of one status. `total`: how many there are, of which `rows` are the first."""

    status: TicketStatus
    rows: Sequence[Shown]
    total: int


@dataclass(frozen=True, slots=True)
class Board:
    """What stands where; `open_by_severity` of what is open, `meant` whom the next step of each ticket tells."""

    columns: Sequence[Column]
    open_by_severity: Mapping[str, int]
    meant: Mapping[int, Meant]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of several tickets: those that were acknowledged, and why others could not be."""

    tickets: Sequence[Ticket]
    refused: Sequence[str]


def board(uow: UnitOfWork, client_id: int | None, *, most: int = MOST) -> Board:
    """Show what waits, the worst first, and what was resolved within a day."""
    counted = queries.unresolved(uow.session, client_id)
    since = uow.now - RECENTLY
    columns = [
        Column(
            status,
            queries.waiting(uow.session, client_id, status, most=most),
            sum(amount for (its, _), amount in counted.items() if its == status),
        )
        for status in (TicketStatus.OPEN, TicketStatus.ACKNOWLEDGED)
    ]
    over = queries.resolved(uow.session, client_id, since=since, most=most)
    total = queries.count_resolved(uow.session, client_id, since=since) if len(over) == most else len(over)
    columns.append(Column(TicketStatus.RESOLVED, over, total))
    meant = outlook.next_told(uow, (shown.escalation for column in columns for shown in column.rows))
    by_severity = {severity: amount for (its, severity), amount in counted.items() if its == TicketStatus.OPEN}
    return Board(columns, by_severity, meant)


def events_of(uow: UnitOfWork, ticket: Ticket, *, most: int = MOST_EVENTS) -> Sequence[Event]:
    """Return the newest events that made a ticket."""
    return queries.events_of(uow.session, ticket, most=most)


def acknowledge_many(uow: UnitOfWork, ticket_ids: Iterable[int], *, by: By) -> Taken:
    """Acknowledge tickets of any client; those that somebody else has taken meanwhile stay as they are."""
    taken, refused = [], []
    for ticket_id in sorted(set(ticket_ids)):  # sorted, so that two who do this at once cannot deadlock
        try:
            moved = tickets.move(uow, ticket_id, TicketStatus.ACKNOWLEDGED, client_id=None, by=by)
        except (ConflictError, NotFoundError) as error:
            refused.append(str(error))
        else:
            taken.append(moved)
    return Taken(taken, refused)
