"""Rules, endpoints and events as tests of matching need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text

from sentinel.channels.recipients import normalise
from sentinel.db import get_engine, new_session
from sentinel.models import Event, Notification, Ticket
from sentinel.queries import clients
from sentinel.queries import rules as rule_queries
from sentinel.rules.parser import parse
from sentinel.rules.serialise import dump
from sentinel.services import events
from sentinel.services.access.clients import OPERATOR, SCOPES, Caller
from sentinel.services.matching import matching
from sentinel.services.unit_of_work import unit_of_work

ORDER = 'when event.type == "order" and amount > 500 then notify("slack:#big-orders")'


def client(name: str = "default") -> int:
    """The id of a client, made if new."""
    with unit_of_work() as uow:
        return clients.ensure(uow.session, name, now=uow.now).id


def rule(text_of: str, name: str | None = None, *, of: str = "default", **changes: Any) -> int:
    """Store a rule; returns its id."""
    row = {"client_id": client(of), "name": name or text_of[:200], "text": text_of, "syntax": dump(parse(text_of))}
    row |= {"is_enabled": True, "is_scanned": False} | changes
    with unit_of_work() as uow:
        return rule_queries.insert(uow.session, [row], changed_by=OPERATOR, now=uow.now)[0]


def endpoint(channel: str, target: str, *, of: str = "default", **columns: Any) -> int:
    """Store an endpoint; returns its id."""
    values = {"client_id": client(of), "channel": channel, "target": normalise(channel, target)} | columns
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    statement = f"INSERT INTO endpoints ({names}, version, created_at, updated_at) VALUES ({places}, 1, now(), now())"
    with get_engine().begin() as connection:
        return int(connection.execute(text(f"{statement} RETURNING id"), values).scalar_one())


def post(
    *bodies: dict[str, Any], of: str = "default", is_broadcast: bool = False, is_addressed: bool = False
) -> list[str]:
    """Store events as the API would; returns their ids."""
    with unit_of_work() as uow:
        checked = [events.check(body, now=uow.now) for body in bodies]
        caller = Caller(client(of), of, frozenset(SCOPES))
        found = events.ingest(uow, caller, checked, is_broadcast=is_broadcast, is_addressed=is_addressed)
    return [each.id for each in found]


def happen(*bodies: dict[str, Any], **options: Any) -> list[str]:
    """Store events and match them, as a worker would; returns their ids."""
    ids = post(*bodies, **options)
    matching.match(ids)
    return ids


def event(event_id: str) -> Event:
    """An event as it stands."""
    with new_session() as session:
        return session.scalars(select(Event).where(Event.id == event_id)).one()


def told(event_id: str | None = None) -> Sequence[Notification]:
    """What rules made of an event (or of all), by channel and recipient."""
    wanted = select(Notification).order_by(Notification.channel, Notification.recipient, Notification.id)
    with new_session() as session:
        return session.scalars(wanted if event_id is None else wanted.where(Notification.event_id == event_id)).all()


def tickets() -> Sequence[Ticket]:
    """All tickets, oldest first."""
    with new_session() as session:
        return session.scalars(select(Ticket).order_by(Ticket.id)).all()
