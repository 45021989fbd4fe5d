"""Integrations of clients: who may send to which address, and the rows that people edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Integration
from sentinel.queries.unique import inserted, updated
from sentinel.queries.values import recordset

SECRETS = text("""
    SELECT id::text, secret FROM integrations WHERE id > CAST(:after AS uuid) AND secret IS NOT NULL
    ORDER BY id LIMIT :size
""")
LOCKED_SECRETS = text(f"{SECRETS.text} FOR NO KEY UPDATE")

PUT_SECRETS = text("""
    UPDATE integrations i SET secret = o.secret
    FROM json_to_recordset(CAST(:rows AS json)) AS o (id uuid, secret text)
    WHERE i.id = o.id
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the name that the page before ended with."""

    client_id: int | None
    kind: str | None = None
    is_enabled: bool | None = None
    after: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        exact = (
            (Integration.client_id, self.client_id),
            (Integration.kind, self.kind),
            (Integration.is_enabled, self.is_enabled),
        )
        found = [column == value for column, value in exact if value is not None]
        return found if self.after is None else [*found, Integration.name > self.after]


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[Integration, str]]:
    """Return up to `size` integrations with their clients' names, by name."""
    statement = select(Integration, Client.name).join(Client, Client.id == Integration.client_id)
    ordered = statement.where(*wanted.conditions()).order_by(Integration.name, Integration.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(session: Session, integration_id: str, *, client_id: int | None) -> Integration | None:
    """Return one integration, if it belongs to the client (None: to any)."""
    wanted = select(Integration).where(Integration.id == integration_id)
    return session.scalar(wanted if client_id is None else wanted.where(Integration.client_id == client_id))


def open_for(session: Session, integration_id: str, kind: str) -> tuple[Integration, str] | None:
    """Return the enabled integration of that kind and its client's name, if that client is active."""
    mine = (Integration.id == integration_id, Integration.kind == kind, Integration.is_enabled, Client.is_active)
    joined = select(Integration, Client.name).join(Client, Client.id == Integration.client_id)
    found = session.execute(joined.where(*mine)).one_or_none()
    return (found[0], found[1]) if found else None


def add(session: Session, values: dict[str, Any]) -> Integration:
    """Store an integration. Raises `TakenError`."""
    return inserted(session, insert(Integration).values(**values), Integration)


def change(session: Session, integration_id: str, values: dict[str, Any]) -> Integration | None:
    """Change an integration; None if it is gone. Raises `TakenError`."""
    return updated(session, update(Integration).where(Integration.id == integration_id).values(**values), Integration)


def delete(session: Session, integration_id: str) -> None:
    """Remove an integration."""
    session.execute(sql_delete(Integration).where(Integration.id == integration_id))


def secrets(session: Session, *, after: str, size: int, is_locked: bool = False) -> dict[str, str]:
    """Return up to `size` secrets as they are stored, by id; `is_locked` keeps others from writing those rows."""
    rows = session.execute(LOCKED_SECRETS if is_locked else SECRETS, {"after": after, "size": size})
    return {row.id: row.secret for row in rows}


def put_secrets(session: Session, secrets: Mapping[str, str]) -> None:
    """Put other words for the same secrets into their rows."""
    rows = [{"id": integration_id, "secret": secret} for integration_id, secret in secrets.items()]
    session.execute(PUT_SECRETS, {"rows": recordset(rows)})
