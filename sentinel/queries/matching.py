"""What matching reads and writes: rules and their changes, waiting events, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from sentinel.prepared import prepared
from sentinel.queries.notifications import BOOKED, FOLLOWED
from sentinel.queries.suppressions import SUPPRESSED
from sentinel.queries.values import array, recordset

RULES = text("SELECT id, client_id, name, version, syntax::text FROM rules WHERE is_enabled ORDER BY id")

CHANGES = prepared("SELECT coalesce(min(id), 0) AS oldest, coalesce(max(id), 0) AS newest FROM rule_changes")

CHANGED_RULES = prepared("""
    SELECT c.rule_id, r.client_id, r.name, r.version, r.syntax::text
    FROM (SELECT DISTINCT rule_id FROM rule_changes WHERE id > :seen AND id <= :newest) c
    LEFT JOIN rules r ON r.id = c.rule_id AND r.is_enabled
""")

# A PENDING event is one with a `queue_at` (a check of the table). Asked for the status, PostgreSQL would take the index
# of waiting events for the smaller one, and read the whole backlog for each batch.
PENDING_EVENTS = prepared("""
    SELECT e.id::text, e.client_id, c.name AS client_name, e.event_id, e.user_id, e.device_id, e.severity,
           e.occurred_at, e.is_broadcast, e.is_addressed, e.body::text
    FROM events e JOIN clients c ON c.id = e.client_id
    WHERE e.id = ANY(CAST(:ids AS uuid[])) AND e.queue_at IS NOT NULL
    ORDER BY e.id
""")

# A second worker with the same message finds nothing; one that died has left nothing behind.
END_EVENTS = prepared("""
    WITH mine AS (
        SELECT id FROM events
        WHERE id = ANY(CAST(:ids AS uuid[])) AND queue_at IS NOT NULL
        ORDER BY id FOR UPDATE SKIP LOCKED)
    UPDATE events e
    SET status = r.status, reason = r.reason, rule_ids = coalesce(r.rule_ids, '{}'),
        unheard = coalesce(r.unheard, '{}'), queue_at = NULL, evaluated_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, status text, reason text, rule_ids int[], unheard jsonb)
    JOIN mine USING (id)
    WHERE e.id = r.id
    RETURNING e.id::text
""")

COMMON = {
    "id": "uuid",
    "client_id": "int",
    "channel": "text",
    "recipient": "text",
    "subject": "text",
    "body": "text",
    "severity": "text",
    "event_id": "uuid",
    "rule_ids": "int[]",
    "endpoint_id": "int",
}
"""What each message of a rule says, and its type."""

RARE = {
    "reason": "text",
    "silence_id": "uuid",
    "user_id": "text",
    "dedupe_key": "text",
    "dedupe_seconds": "int",
    "failover": "jsonb",
    "failover_at": "timestamptz",
    "group_id": "uuid",
    "alert_key": "text",
    "next_attempt_at": "timestamptz",
    "traceparent": "text",
}
"""What few of them say. Who has a reason is not to be sent; who has a group waits for it until the next attempt."""


def _tell(columns: Mapping[str, str], *, reason: str, queue_at: str) -> TextClause:
    """A message may be there already: its event was evaluated before."""
    names, types = ", ".join(columns), ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return prepared(f"""
        WITH stored AS (
            INSERT INTO notifications (
                {names}, status, queue_at, attempt_limit, is_followed, created_at, updated_at)
            SELECT
                {names}, CASE WHEN {reason} IS NULL THEN 'PENDING' ELSE 'SUPPRESSED' END,
                CASE WHEN {reason} IS NULL THEN {queue_at} END,
                CAST(:attempt_limit AS smallint), {FOLLOWED},
                CAST(:now AS timestamptz), CAST(:now AS timestamptz)
            FROM json_to_recordset(CAST(:rows AS json)) AS r ({types})
            ON CONFLICT (event_id, client_id, channel, recipient) WHERE event_id IS NOT NULL DO NOTHING
            RETURNING id, client_id, channel, recipient, created_at),
            {BOOKED}
        SELECT n.id::text, {SUPPRESSED} AS is_suppressed FROM stored n
    """)  # noqa: S608 - put together from our own words


# Each column costs its reading for each row, also where nothing is in it.
QUEUE_AT = "CAST(:queue_at AS timestamptz)"
TELL_PLAINLY = _tell(COMMON, reason="NULL", queue_at=QUEUE_AT)
TELL = _tell(COMMON | RARE, reason="r.reason", queue_at=f"coalesce(r.next_attempt_at, {QUEUE_AT})")

# What falls due without an event becomes one: the last of its group once more. Its id lets it come once.
INSERT_DUE = prepared("""
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

# A client is one row, however many templates and silences it has.
CLIENTS = prepared("""
    SELECT c.id, c.name, c.is_active,
           (SELECT json_agg(json_build_array(t.name, t.channel, t.subject, t.body))
            FROM templates t WHERE t.client_id = c.id)::text AS templates,
           (SELECT json_agg(json_build_array(s.id, s.matchers) ORDER BY s.id)
            FROM silences s
            WHERE s.client_id = c.id AND s.ends_at > CAST(:now AS timestamptz)
              AND s.starts_at <= CAST(:now AS timestamptz))::text AS silences
    FROM clients c WHERE c.id = ANY(CAST(:ids AS int[]))
""")


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


StoredTemplate = tuple[str | None, str]
"""Its subject and its body."""


@dataclass(frozen=True, slots=True)
class ConcernedClient:
    """A client whose rules speak; `templates` by name and channel (None: for all), its active silences with ids."""

    name: str
    is_active: bool
    templates: Mapping[tuple[str, str | None], StoredTemplate]
    silences: Sequence[tuple[str, list[dict[str, Any]]]]


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
    found = session.execute(PENDING_EVENTS, {"ids": array(ids)})
    return [PendingEvent(*(*facts, orjson.loads(body))) for *facts, body in found]


def oldest_pending(session: Session) -> datetime | None:
    """Return when the oldest event was stored that has not met the rules; None if all have."""
    found: datetime | None = session.execute(OLDEST_PENDING).scalar_one()
    return found


def end_events(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> set[str]:
    """Write down what became of events: `id`, `status`, and where there is any `reason`, `rule_ids`, `unheard`.

    Returns those that still waited and that nobody else held: they are this transaction's until it ends.
    """
    values = {"ids": array(row["id"] for row in rows), "rows": recordset(rows), "now": now}
    return set(session.execute(END_EVENTS, values).scalars())


def tell(
    session: Session, rows: Sequence[Mapping[str, Any]], *, attempt_limit: int, queue_at: datetime, now: datetime
) -> dict[str, bool]:
    """Store messages of rules (`COMMON`, and what they have of `RARE`); `queue_at` is for those without a reason.

    Returns the ids of those that were not there before, and whether their addresses are suppressed.
    """
    is_plain = all(row.keys() <= COMMON.keys() for row in rows)
    values = {"rows": recordset(rows), "attempt_limit": attempt_limit, "queue_at": queue_at, "now": now}
    found = session.execute(TELL_PLAINLY if is_plain else TELL, values)
    return {row.id: row.is_suppressed for row in found}


def insert_due(
    session: Session, event: Mapping[str, Any], *, last: str, due: Mapping[str, Any], now: datetime
) -> PendingEvent | None:
    """Store `event` (`id`, `client_id`, `event_id`) with what the event `last` said, and `due`; None if it is there."""
    values = {**event, "last": last, "due": orjson.dumps(due).decode(), "now": now}
    found = session.execute(INSERT_DUE, values).scalar_one_or_none()
    return pending_events(session, [found])[0] if found else None


def clients(session: Session, ids: Iterable[int], *, now: datetime) -> dict[int, ConcernedClient]:
    """Return clients by id, with their templates and active silences."""
    rows = session.execute(CLIENTS, {"ids": array(map(str, ids)), "now": now})
    return {row.id: _concerned(row) for row in rows}


def _concerned(row: Any) -> ConcernedClient:
    templates = {(name, channel): (subject, body) for name, channel, subject, body in _listed(row.templates)}
    return ConcernedClient(row.name, row.is_active, templates, _listed(row.silences))


def _listed(text_of: str | None) -> list[Any]:
    found: list[Any] = orjson.loads(text_of) if text_of else []
    return found
