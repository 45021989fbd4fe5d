"""Policies, tickets and a clock, as tests of escalations need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text

from sentinel.db import get_engine, new_session
from sentinel.models import Escalation, Notification, Ticket, TicketMessage
from sentinel.services import tickets
from sentinel.services.escalating import driving, policies
from sentinel.services.escalating.policies import Step, Written
from sentinel.services.notifications import TimelineItem
from sentinel.services.sending import failover
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.conftest import DEFAULT_CLIENT_ID
from tests.integration.rules import endpoint, happen, rule

ANN, BOB, CID = "sms:+14155552671", "email:bob@example.com", "slack:#ops"
OFFLINE = {"type": "offline", "device_id": "dev-1"}
BACK = {"type": "online", "device_id": "dev-1"}
TICKET = 'when type == "offline" then ticket("critical", "{device_id} is offline", merge="device_id", policy="primary")'
RESOLVE = 'when type == "online" then resolve(merge="device_id")'


def policy(*steps: tuple[int, Sequence[str]], name: str = "primary", **more: Any) -> None:
    """Store a policy; a step is its wait and whom it tells."""
    written = Written(name, tuple(Step(wait, tuple(targets)) for wait, targets in steps), **more)
    with unit_of_work() as uow:
        policies.put(uow, DEFAULT_CLIENT_ID, written)


def open_ticket(*steps: tuple[int, Sequence[str]], **more: Any) -> int:
    """Let a rule open a ticket that takes a policy; returns its id."""
    policy(*(steps or ((0, [ANN]), (300, [BOB]))), **more)
    rule(TICKET)
    happen(OFFLINE)
    with new_session() as session:
        return session.scalars(select(Ticket.id)).one()


def taken_over() -> int:
    """A ticket whose first step did not reach Ann, so that Bob's mail took over; returns its id."""
    others = '[{"channel": "email", "recipient": "bob@example.com", "after_seconds": null}]'
    endpoint("sms", "+14155552671", name="ann", failover=others)
    ticket_id = open_ticket((0, ["endpoint:ann"]))
    sweep_until_quiet()
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE notifications SET status = 'FAILED', reason = 'x', queue_at = NULL"))
    assert failover.sweep() == 1
    return ticket_id


def pass_time(seconds: float) -> None:
    """Let so much time go by for escalations and their links: what is due comes so much sooner."""
    with get_engine().begin() as connection:
        for column, table in (("next_step_at", "escalations"), ("expires_at", "ticket_messages")):
            statement = f"UPDATE {table} SET {column} = {column} - make_interval(secs => :seconds)"
            connection.execute(text(statement), {"seconds": seconds})


def sweep_until_quiet() -> int:
    """Sweep as beat does until nothing is due; returns how many escalations have moved."""
    moved = 0
    while found := driving.sweep():
        moved += found
    return moved


def escalation(ticket_id: int) -> Escalation:
    with new_session() as session:
        return session.scalars(select(Escalation).where(Escalation.ticket_id == ticket_id)).one()


def messages(ticket_id: int) -> list[TicketMessage]:
    """What was told of a ticket, in order."""
    wanted = select(TicketMessage).where(TicketMessage.ticket_id == ticket_id)
    with new_session() as session:
        found = session.scalars(wanted.order_by(TicketMessage.token, TicketMessage.who)).all()
    return list(found)


def told(ticket_id: int) -> list[tuple[int | None, int | None, str]]:
    """Round, step and target of what was told; None, None of the end."""
    return [(each.round, each.step, each.target) for each in messages(ticket_id)]


def notifications() -> Sequence[Notification]:
    with new_session() as session:
        return session.scalars(select(Notification).order_by(Notification.id)).all()


def arrive(channel: str | None = None) -> None:
    """Let what waits be sent: all, or what goes by a channel."""
    with get_engine().begin() as connection:
        sent = "UPDATE notifications SET status = 'SENT', queue_at = NULL, sent_at = now()"
        waiting = "status = 'PENDING' AND channel = coalesce(:channel, channel)"
        connection.execute(text(f"{sent} WHERE {waiting}"), {"channel": channel})


def history(ticket_id: int) -> list[TimelineItem]:
    with unit_of_work() as uow:
        return tickets.timeline(uow, ticket_id, client_id=DEFAULT_CLIENT_ID)


def kinds(ticket_id: int) -> list[str]:
    return [each.event for each in history(ticket_id)]


SECOND = timedelta(seconds=1)
