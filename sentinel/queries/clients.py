"""Clients and their API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import ApiKey, Client

# Asked by every request, so they are written out: building such a statement costs more than running it.
CALLER_BY_NAME = text("SELECT id, name FROM clients WHERE name = :name")
CALLER_BY_KEY_HASH = text("""
    SELECT c.id, c.name, k.scopes FROM api_keys k JOIN clients c ON c.id = k.client_id
    WHERE k.key_hash = :key_hash AND k.revoked_at IS NULL AND c.is_active
      AND (k.expires_at IS NULL OR k.expires_at > :now)
""")


def by_name(session: Session, name: str) -> Client | None:
    """Return the client of that name."""
    return session.scalar(select(Client).where(Client.name == name))


def ensure(session: Session, name: str, *, now: datetime) -> Client:
    """Return the client of that name, made if it does not exist."""
    session.execute(insert(Client).values(name=name, created_at=now).on_conflict_do_nothing())
    return session.scalars(select(Client).where(Client.name == name)).one()


def caller_by_name(session: Session, name: str) -> tuple[int, str] | None:
    """Return (id, name) of the client."""
    found = session.execute(CALLER_BY_NAME, {"name": name}).one_or_none()
    return (found.id, found.name) if found else None


def caller_by_key_hash(session: Session, key_hash: bytes, *, now: datetime) -> tuple[int, str, list[str]] | None:
    """Return (id, name, scopes) of the active client behind a key that is neither revoked nor expired."""
    found = session.execute(CALLER_BY_KEY_HASH, {"key_hash": key_hash, "now": now}).one_or_none()
    return (found.id, found.name, found.scopes) if found else None


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
