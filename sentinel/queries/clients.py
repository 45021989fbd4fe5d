"""Clients and their API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import ApiKey, Client


def by_name(session: Session, name: str) -> Client | None:
    """Return the client of that name."""
    return session.scalar(select(Client).where(Client.name == name))


def ensure(session: Session, name: str, *, now: datetime) -> Client:
    """Return the client of that name, made if it does not exist."""
    session.execute(insert(Client).values(name=name, created_at=now).on_conflict_do_nothing())
    return session.scalars(select(Client).where(Client.name == name)).one()


def caller_by_name(session: Session, name: str) -> tuple[int, str] | None:
    """Return (id, name) of the client; columns only, as every request asks."""
    found = session.execute(select(Client.id, Client.name).where(Client.name == name)).one_or_none()
    return (found[0], found[1]) if found else None


def caller_by_key_hash(session: Session, key_hash: bytes, *, now: datetime) -> tuple[int, str, list[str]] | None:
    """Return (id, name, scopes) of the active client behind a key that is neither revoked nor expired."""
    statement = (
        select(Client.id, Client.name, ApiKey.scopes)
        .join(ApiKey, ApiKey.client_id == Client.id)
        .where(ApiKey.key_hash == key_hash, ApiKey.revoked_at.is_(None), Client.is_active)
        .where(or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
    )
    found = session.execute(statement).one_or_none()
    return (found[0], found[1], found[2]) if found else None


def keys(session: Session, client_name: str | None) -> Sequence[tuple[ApiKey, str]]:
    """Return keys with their client's name, oldest first."""
    statement = select(ApiKey, Client.name).join(Client, Client.id == ApiKey.client_id).order_by(ApiKey.id)
    if client_name is not None:
        statement = statement.where(Client.name == client_name)
    return [(row[0], row[1]) for row in session.execute(statement)]


def revoke(session: Session, key_id: int, *, now: datetime) -> bool:
    """Revoke a key; False if there is none of that id that still works."""
    statement = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=now)
    return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]
