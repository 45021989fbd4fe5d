"""What the page behind a link shows, and what its buttons do: once, in time, and not for what has begun anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sentinel.errors import ConflictError
from sentinel.models import Escalation, Ticket, TicketMessage
from sentinel.models.escalation import EscalationState
from sentinel.models.ticket import TicketStatus
from sentinel.queries import escalations, tickets
from sentinel.services import tickets as service
from sentinel.services.escalating import links
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import UnitOfWork

HOW = "link"
SNOOZES_MINUTES = (30, 60, 240, 720)


class Action(StrEnum):
    """What a link can do."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RESOLVE = "resolve"


class Trouble(StrEnum):
    """Why a link does nothing."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a link belongs to, and what can be done with it now."""

    message: TicketMessage
    ticket: Ticket
    escalation: Escalation
    client: str
    trouble: Trouble | None
    actions: tuple[Action, ...]


def look(uow: UnitOfWork, token: str) -> Seen | None:
    """Say what a link belongs to; None for one that is not ours, or whose ticket is deleted."""
    message_id = links.message_of(token)
    found = None if message_id is None else escalations.link(uow.session, message_id)
    if found is None:
        return None
    message, ticket, escalation, client = found
    trouble = trouble_of(message, ticket, escalation, now=uow.now)
    return Seen(message, ticket, escalation, client, trouble, () if trouble else _actions(ticket, escalation))


def trouble_of(message: TicketMessage, ticket: Ticket, escalation: Escalation, *, now: datetime) -> Trouble | None:
    """Why a link does nothing; None if it acts. A link of an earlier run would answer for what began after it."""
    if message.used_at is not None:
        return Trouble.USED
    if ticket.status == TicketStatus.RESOLVED:
        return Trouble.RESOLVED
    if message.run != escalation.run:
        return Trouble.SUPERSEDED
    return Trouble.EXPIRED if message.expires_at <= now else None


def _actions(ticket: Ticket, escalation: Escalation) -> tuple[Action, ...]:
    if ticket.status != TicketStatus.OPEN:
        return (Action.RESOLVE,)
    if escalation.state == EscalationState.EXHAUSTED:
        return (Action.ACKNOWLEDGE, Action.RESOLVE)
    return tuple(Action)


def act(uow: UnitOfWork, token: str, action: Action, *, minutes: int) -> bool:
    """Do what a button says, for whom the link was sent to; False if the link does nothing (any more).

    The ticket is held first, so that of two clicks, or a click and the sweep, one comes after the other.
    """
    message_id = links.message_of(token)
    found = None if message_id is None else escalations.link(uow.session, message_id)
    if found is None:
        return False
    tickets.hold(uow.session, found[1].id)
    seen = look(uow, token)
    if seen is None or action not in seen.actions:
        return False
    if not escalations.use_link(uow.session, seen.message.id, action, now=uow.now):
        return False
    try:
        _do(uow, seen, action, minutes=minutes)
    except ConflictError:
        uow.session.rollback()
        return False
    return True


def _do(uow: UnitOfWork, seen: Seen, action: Action, *, minutes: int) -> None:
    by = By(seen.message.who, HOW)
    if action is Action.SNOOZE:
        service.snooze(uow, seen.ticket.id, uow.now + timedelta(minutes=minutes), client_id=None, by=by)
        return
    status = TicketStatus.ACKNOWLEDGED if action is Action.ACKNOWLEDGE else TicketStatus.RESOLVED
    service.move(uow, seen.ticket.id, status, client_id=None, by=by)
