"""What matching reads and writes: rules and their changes, waiting events, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.queries.values import array, recordset

RULES = text("SELECT id, client_id, name, version, syntax::text FROM rules WHERE is_enabled ORDER BY id")

CHANGES = text("SELECT coalesce(min(id), 0) AS oldest, coalesce(max(id), 0) AS newest FROM rule_changes")

CHANGED_RULES = text("""
    SELECT c.rule_id, r.client_id, r.name, r.version, r.syntax::text
    FROM (SELECT DISTINCT rule_id FROM rule_changes WHERE id > :seen AND id <= :newest) c
    LEFT JOIN rules r ON r.id = c.rule_id AND r.is_enabled
""")

PENDING_EVENTS = text("""
    SELECT e.id::text, e.client_id, c.name AS client_name, e.event_id, e.user_id, e.device_id, e.severity,
           e.occurred_at, e.is_broadcast, e.is_addressed, e.body::text
    FROM events e JOIN clients c ON c.id = e.client_id
    WHERE e.id = ANY(CAST(:ids AS uuid[])) AND e.status = 'PENDING'
    ORDER BY e.id
""")

# A second worker with the same message finds nothing; one that died has left nothing behind.
LOCK_EVENTS = text("""
    SELECT id::text FROM events
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'PENDING'
    ORDER BY id FOR UPDATE SKIP LOCKED
""")

FINISH_EVENTS = text("""
    UPDATE events e
    SET status = r.status, reason = r.reason, rule_ids = r.rule_ids, unheard = r.unheard, queue_at = NULL,
        evaluated_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, status text, reason text, rule_ids int[], unheard jsonb)
    WHERE e.id = r.id AND e.status = 'PENDING'
""")

# What falls due without an event becomes one: the last of its group once more. Its id lets it come once.
INSERT_DUE = text("""
    INSERT INTO events (
        id, client_id, event_id, type, severity, source, name, user_id, device_id, occurred_at, body,
        status, queue_at, created_at)
    SELECT :id, :client_id, :event_id, e.type, e.severity, e.source, e.name, e.user_id, e.device_id, :now,
           coalesce(e.body, '{}') || jsonb_build_object('due', CAST(:due AS jsonb)), 'PENDING', :now, :now
    FROM (SELECT 1) one LEFT JOIN events e ON e.id = CAST(:last AS uuid)
    ON CONFLICT (client_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
    RETURNING id::text
""")

OLDEST_PENDING = text("SELECT min(created_at) FROM events WHERE status = 'PENDING'")

CLIENT_NAMES = text("SELECT id, name FROM clients WHERE id = ANY(CAST(:ids AS int[]))")


@dataclass(frozen=True, slots=True)
class StoredRule:
    """An enabled rule as it is kept; `syntax` is None for one that is gone or disabled."""

    id: int
    client_id: int
    name: str
    version: int
    syntax: list[Any] | None


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event whose rules are to be asked."""

    id: str
    client_id: int
    client_name: str
    event_id: str | None
    user_id: str | None
    device_id: str | None
    severity: str | None
    occurred_at: datetime
    is_broadcast: bool
    is_addressed: bool
    body: Mapping[str, Any]


def changes(session: Session) -> tuple[int, int]:
    """Return the oldest and the newest number of the log of rule changes; zeros when it is empty."""
    found = session.execute(CHANGES).one()
    return found.oldest, found.newest


def all_rules(session: Session) -> Iterator[StoredRule]:
    """Return every enabled rule, a few thousand at a time."""
    for row in session.execute(RULES, execution_options={"stream_results": True, "yield_per": 5000}):
        yield _stored(row)


def changed_rules(session: Session, *, seen: int, newest: int) -> list[StoredRule]:
    """Return the rules that changed after `seen`, as they are now."""
    return [_stored(row) for row in session.execute(CHANGED_RULES, {"seen": seen, "newest": newest})]


def _stored(row: Any) -> StoredRule:
    rule_id, client_id, name, version, syntax = row
    return StoredRule(rule_id, client_id, name, version, None if syntax is None else orjson.loads(syntax))


def pending_events(session: Session, ids: Sequence[str]) -> list[PendingEvent]:
    """Return those of `ids` that wait, in the order they were accepted."""
    found = session.execute(PENDING_EVENTS, {"ids": array(ids)}).mappings()
    return [PendingEvent(**{**row, "body": orjson.loads(row["body"])}) for row in found]


def oldest_pending(session: Session) -> datetime | None:
    """Return when the oldest event was stored that has not met the rules; None if all have."""
    found: datetime | None = session.execute(OLDEST_PENDING).scalar_one()
    return found


def lock_events(session: Session, ids: Sequence[str]) -> set[str]:
    """Take those of `ids` that still wait and that nobody else holds, until the transaction ends."""
    return set(session.execute(LOCK_EVENTS, {"ids": array(ids)}).scalars())


def finish_events(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Write down what became of events: `id`, `status`, `reason`, `rule_ids`, `unheard`."""
    session.execute(FINISH_EVENTS, {"rows": recordset(rows), "now": now})


def insert_due(
    session: Session, event: Mapping[str, Any], *, last: str, due: Mapping[str, Any], now: datetime
) -> PendingEvent | None:
    """Store `event` (`id`, `client_id`, `event_id`) with what the event `last` said, and `due`; None if it is there."""
    values = {**event, "last": last, "due": orjson.dumps(due).decode(), "now": now}
    found = session.execute(INSERT_DUE, values).scalar_one_or_none()
    return pending_events(session, [found])[0] if found else None


def client_names(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of clients by id."""
    found = session.execute(CLIENT_NAMES, {"ids": array(map(str, ids))})
    return {row.id: row.name for row in found}
