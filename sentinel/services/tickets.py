"""Tickets: opened by rules, acknowledged and resolved by people."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sentinel.errors import ConflictError, NotFoundError
from sentinel.models import Ticket
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries import tickets
from sentinel.queries.tickets import TicketFilter, Touched
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import stats

LONGEST_TITLE = 500
"""Characters: titles and merge keys stand in indexes, whose entries must stay below 2,700 bytes."""

LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a rule asks for; `severity` is one of critical, high, medium, low."""

    client_id: int
    event_id: str
    rule_id: int
    severity: str
    title: str
    device_id: str | None
    merge_key: str | None
    at: datetime
    """When the event came."""


def open_many(uow: UnitOfWork, wanted: Sequence[NewTicket]) -> int:
    """Open tickets; those with a merge key join the unresolved ticket of that key. Returns how many are new.

    An event counts once for a rule and title: repetitions change nothing.
    """
    found = {(each.event_id, each.rule_id, each.title): each for each in map(_short, wanted)}
    separate = [each for each in found.values() if each.merge_key is None]
    merging = [each for each in found.values() if each.merge_key is not None]
    touched = tickets.open_separate(uow.session, [asdict(each) for each in separate], now=uow.now) if separate else []
    touched += _join(uow, merging) if merging else []
    new = Counter(each.severity for each in touched if each.is_new)
    for severity, amount in new.items():
        uow.count("tickets_opened_total", amount, severity=severity)
    stats.outdate(uow, {each.client_id for each in touched})
    return new.total()


def _join(uow: UnitOfWork, merging: Sequence[NewTicket]) -> list[Touched]:
    fresh = tickets.take_events(uow.session, [asdict(each) for each in merging])
    rows = [asdict(each) for each in merging if (each.event_id, each.rule_id, each.title) in fresh]
    return tickets.join(uow.session, rows, worst_first=SEVERITIES, now=uow.now) if rows else []


def _short(ticket: NewTicket) -> NewTicket:
    title, key = ticket.title, ticket.merge_key
    if len(title) > LONGEST_TITLE:
        title = f"{title[: LONGEST_TITLE - 1]}…"
    if key is not None and len(key) > LONGEST_TITLE:
        key = hashlib.sha256(key.encode()).hexdigest()  # cut off, two keys could become one
    return replace(ticket, title=title, merge_key=key)


def get(uow: UnitOfWork, ticket_id: int, *, client_id: int | None) -> Ticket:
    """Return one ticket of the client (None: of any, for operators)."""
    found = tickets.get(uow.session, ticket_id, client_id=client_id) if ticket_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no ticket {ticket_id}; see GET /tickets")
    return found


def page(uow: UnitOfWork, wanted: TicketFilter, *, size: int) -> tuple[list[tuple[Ticket, str]], int | None]:
    """Return a page of (ticket, client's name), newest first, and the cursor of the next page, if any."""
    rows = tickets.page(uow.session, wanted, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return rows[:size], following


def move(
    uow: UnitOfWork,
    ticket_id: int,
    status: TicketStatus,
    *,
    client_id: int | None,
    by: str,
    version: int | None = None,
) -> Ticket:
    """Acknowledge or resolve a ticket, if it still stands where that is possible."""
    found = get(uow, ticket_id, client_id=client_id)
    is_moved = tickets.move(uow.session, found.id, status, by=by, version=version, now=uow.now)
    uow.session.refresh(found)
    if not is_moved:
        raise ConflictError(_why_not(found, status, version))
    return found


def _why_not(found: Ticket, status: TicketStatus, version: int | None) -> str:
    if version is not None and version != found.version:
        return f"ticket {found.id} is version {found.version} by now, not {version}; look at it again"
    if found.status not in SOURCES[status]:
        who, at = (
            (found.resolved_by, found.resolved_at)
            if found.status == TicketStatus.RESOLVED
            else (found.acknowledged_by, found.acknowledged_at)
        )
        since = f" by {who} at {at:%Y-%m-%d %H:%M:%SZ}" if at is not None else ""
        sources = " or ".join(sorted(SOURCES[status], reverse=True))
        return f"ticket {found.id} was {found.status}{since}; only what is {sources} can be {status}"
    return f"ticket {found.id} changed in this very moment; try again"
