"""What a client has by name, and people edit: escalation policies and rotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, EscalationPolicy, Rotation
from sentinel.queries.unique import inserted, updated

Row = TypeVar("Row", EscalationPolicy, Rotation)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with."""

    client_id: int | None = None
    name: str | None = None
    after: int = 0

    def conditions(self, model: type[Row]) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        exact = ((model.client_id, self.client_id), (model.name, self.name))
        found: list[ColumnElement[bool]] = [column == value for column, value in exact if value is not None]
        return [*found, model.id > self.after]


def page(model: type[Row], session: Session, wanted: Filter, *, size: int) -> list[tuple[Row, str]]:
    """Return up to `size` rows with their clients' names, oldest first."""
    statement = select(model, Client.name).join(Client, Client.id == model.client_id)
    ordered = statement.where(*wanted.conditions(model)).order_by(model.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(model: type[Row], session: Session, name: str, *, client_id: int) -> Row | None:
    """Return the row of that name of the client."""
    return session.scalar(select(model).where(*Filter(client_id, name).conditions(model)))


def add(model: type[Row], session: Session, values: dict[str, Any]) -> Row:
    """Store a row. Raises `TakenError`."""
    return inserted(session, insert(model).values(**values), model)


def change(model: type[Row], session: Session, row_id: int, *, version: int, values: dict[str, Any]) -> Row | None:
    """Change the row if it still is of `version`; None if not. Raises `TakenError`."""
    mine = update(model).where(model.id == row_id, model.version == version)
    return updated(session, mine.values(version=version + 1, **values), model)


def delete(model: type[Row], session: Session, row_id: int) -> None:
    """Remove a row."""
    session.execute(sql_delete(model).where(model.id == row_id))


def names(model: type[Row], session: Session, client_id: int, wanted: Sequence[str]) -> set[str]:
    """Return those of `wanted` that the client has."""
    mine = (model.client_id == client_id, model.name.in_(wanted))
    return set(session.scalars(select(model.name).where(*mine)))


def known(model: type[Row], session: Session, client_id: int, *, most: int) -> list[str]:
    """Return names that the client has, for suggestions."""
    mine = select(model.name).where(model.client_id == client_id)
    return list(session.scalars(mine.order_by(model.id).limit(most)))
