"""Clients and their API keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import (
    Alert,
    ApiKey,
    Client,
    DedupeClaim,
    DeliveryPolicy,
    Drill,
    DrillRun,
    Endpoint,
    Escalation,
    EscalationPolicy,
    Event,
    FailoverChain,
    FiringAlert,
    Heartbeat,
    IdempotencyKey,
    Inhibition,
    Integration,
    LetterReplay,
    LoadTest,
    MessageGroup,
    Notification,
    Rotation,
    Rule,
    RuleVersion,
    Silence,
    Suppression,
    Template,
    Ticket,
)
from sentinel.prepared import prepared
from sentinel.queries.unique import inserted, updated
from sentinel.queries.values import array, recordset

# Asked by every request, so they are written out: building such a statement costs more than running it.
CALLER_BY_NAME = prepared("SELECT id, name FROM clients WHERE name = :name")
ACTIVE_CALLER_BY_NAME = prepared("SELECT id, name FROM clients WHERE name = :name AND is_active")
CALLER_BY_KEY_HASH = prepared("""
    SELECT c.id, c.name, k.scopes FROM api_keys k JOIN clients c ON c.id = k.client_id
    WHERE k.key_hash = :key_hash AND k.revoked_at IS NULL AND c.is_active
      AND (k.expires_at IS NULL OR k.expires_at > :now)
""")

# Which of `:callers` still are who they were when their key was looked up: part of statements that store for them.
LIVE_CALLERS = """
    SELECT given.number
    FROM json_to_recordset(CAST(:callers AS json)) AS given (
        number int, client_id int, client_name text, key_hash text, scopes text[])
    JOIN clients c ON c.id = given.client_id AND c.name = given.client_name
    WHERE given.key_hash IS NULL OR (c.is_active AND EXISTS (
        SELECT FROM api_keys k
        WHERE k.key_hash = decode(given.key_hash, 'hex') AND k.client_id = c.id AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > :now)
          AND k.scopes @> CAST(given.scopes AS varchar[]) AND k.scopes <@ CAST(given.scopes AS varchar[])))
"""

RECORDS = (Notification, Event)
"""What must not be lost with a client before its time is over."""
BELONGINGS = (
    MessageGroup,
    Endpoint,
    Integration,
    DeliveryPolicy,
    FailoverChain,
    Heartbeat,
    DrillRun,
    Drill,
    LoadTest,
    Suppression,
    Silence,
    Inhibition,
    Alert,
    FiringAlert,
    Rule,
    RuleVersion,
    Template,
    Escalation,
    Ticket,
    EscalationPolicy,
    Rotation,
    ApiKey,
    IdempotencyKey,
    DedupeClaim,
    LetterReplay,
)
"""What goes with a client."""


BELONGINGS_COUNTED = text("""
    SELECT c.id AS client_id,
           (SELECT count(*) FROM rules WHERE client_id = c.id) AS rules,
           (SELECT count(*) FROM endpoints WHERE client_id = c.id) AS endpoints,
           (SELECT count(*) FROM templates WHERE client_id = c.id) AS templates,
           (SELECT count(*) FROM integrations WHERE client_id = c.id) AS integrations,
           coalesce(unresolved.tickets, 0) AS tickets,
           (SELECT count(*) FROM api_keys WHERE client_id = c.id AND revoked_at IS NULL
               AND (expires_at IS NULL OR expires_at > :now)) AS keys
    FROM clients c
    LEFT JOIN (
        SELECT client_id, count(*) AS tickets FROM tickets WHERE status <> 'resolved' GROUP BY client_id) unresolved
        ON unresolved.client_id = c.id
    WHERE c.id = ANY(CAST(:ids AS int[]))
""")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a client has: tickets that are not resolved, and keys that work."""

    rules: int
    endpoints: int
    templates: int
    integrations: int
    tickets: int
    keys: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller was when it was looked up; without a key (as hex of its hash) it is the one of open mode."""

    client_id: int
    client_name: str
    key_hash: str | None
    scopes: tuple[str, ...]


def numbered(callers: Sequence[Credentials]) -> str:
    """Write callers as `:callers` of LIVE_CALLERS, each under its place in the list."""
    return recordset([{"number": number} | asdict(each) for number, each in enumerate(callers)])


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


def active_caller_by_name(session: Session, name: str) -> tuple[int, str] | None:
    """Return (id, name) of the client if it is on."""
    found = session.execute(ACTIVE_CALLER_BY_NAME, {"name": name}).one_or_none()
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


def keys_page(session: Session, client_id: int, *, after: int, size: int) -> Sequence[ApiKey]:
    """Return up to `size` keys of a client, oldest first."""
    mine = (ApiKey.client_id == client_id, ApiKey.id > after)
    return session.scalars(select(ApiKey).where(*mine).order_by(ApiKey.id).limit(size)).all()


def key(session: Session, key_id: int, *, client_id: int) -> ApiKey | None:
    """Return one key of a client."""
    return session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.client_id == client_id))


def revoke(session: Session, key_id: int, *, now: datetime, client_id: int | None = None) -> bool:
    """Revoke a key (None: of any client); False if there is none of that id that still works."""
    statement = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=now)
    if client_id is not None:
        statement = statement.where(ApiKey.client_id == client_id)
    return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]


def page(session: Session, *, after: int, size: int, words: str | None = None) -> Sequence[Client]:
    """Return up to `size` clients, oldest first; `words` stand in their names."""
    wanted = select(Client).where(Client.id > after).order_by(Client.id).limit(size)
    if words is not None:
        wanted = wanted.where(Client.name.icontains(words, autoescape=True))
    return session.scalars(wanted).all()


def counts(session: Session, client_ids: Iterable[int], *, now: datetime) -> dict[int, Counts]:
    """Count what some clients have, by their ids."""
    rows = session.execute(BELONGINGS_COUNTED, {"ids": array(map(str, client_ids)), "now": now})
    return {client_id: Counts(*rest) for client_id, *rest in rows}


def get(session: Session, client_id: int) -> Client | None:
    """Return one client."""
    return session.get(Client, client_id)


def add(session: Session, name: str, *, now: datetime) -> Client:
    """Store a client. Raises `TakenError`."""
    return inserted(session, insert(Client).values(name=name, created_at=now), Client)


def change(session: Session, client_id: int, values: dict[str, Any]) -> Client | None:
    """Change a client; None if it is gone. Raises `TakenError`."""
    return updated(session, update(Client).where(Client.id == client_id).values(**values), Client)


def has_records(session: Session, client_id: int) -> bool:
    """Whether there are notifications or events of the client; none can be added before this transaction ends."""
    session.scalar(select(Client.id).where(Client.id == client_id).with_for_update())
    return any(session.scalar(select(exists().where(kind.client_id == client_id))) for kind in RECORDS)


def remove(session: Session, client_id: int) -> None:
    """Remove a client that has no records, with all that belongs to it."""
    for kind in BELONGINGS:
        session.execute(delete(kind).where(kind.client_id == client_id))
    session.execute(delete(Client).where(Client.id == client_id))
