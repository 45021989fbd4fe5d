"""Reads and writes of inhibitions. Which ones hold for a batch of events is asked in `queries/matching.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Inhibition
from sentinel.queries.unique import FRESH, inserted, updated


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the name that the page before ended with."""

    client_id: int | None = None
    after: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found = [] if self.client_id is None else [Inhibition.client_id == self.client_id]
        return found if self.after is None else [*found, Inhibition.name > self.after]


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[Inhibition, str]]:
    """Return up to `size` inhibitions with their client's name, by name."""
    statement = select(Inhibition, Client.name).join(Client, Client.id == Inhibition.client_id)
    ordered = statement.where(*wanted.conditions()).order_by(Inhibition.name, Inhibition.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(session: Session, inhibition_id: str, *, client_id: int) -> Inhibition | None:
    """Return one inhibition, if it belongs to the client."""
    return session.scalar(select(Inhibition).where(Inhibition.id == inhibition_id, Inhibition.client_id == client_id))


def named(session: Session, client_id: int, name: str) -> Inhibition | None:
    """Return the client's inhibition of that name."""
    return session.scalar(select(Inhibition).where(Inhibition.client_id == client_id, Inhibition.name == name))


def count(session: Session, client_id: int) -> int:
    """Count the inhibitions of a client."""
    counted = select(func.count()).select_from(Inhibition).where(Inhibition.client_id == client_id)
    return session.scalar(counted) or 0


def add(session: Session, values: dict[str, Any]) -> Inhibition:
    """Store an inhibition. Raises `TakenError`."""
    return inserted(session, insert(Inhibition).values(**values), Inhibition)


def change(session: Session, inhibition_id: str, values: dict[str, Any]) -> Inhibition | None:
    """Change an inhibition; None if it is gone. Raises `TakenError`."""
    return updated(session, update(Inhibition).where(Inhibition.id == inhibition_id).values(**values), Inhibition)


def put(session: Session, values: dict[str, Any], changes: dict[str, Any]) -> Inhibition:
    """Store an inhibition, or make `changes` to the one that has its client and name."""
    statement = insert(Inhibition).values(**values)
    keys = [Inhibition.client_id, Inhibition.name]
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=changes).returning(Inhibition)
    return session.scalars(upsert, execution_options=FRESH).one()


def delete(session: Session, inhibition_id: str) -> None:
    """Remove an inhibition."""
    session.execute(sql_delete(Inhibition).where(Inhibition.id == inhibition_id))
