"""Notifications that another target takes over for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.queries.values import array, recordset

COLUMNS = """
    id::text, client_id, channel, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
    event_id::text, rule_ids, status, reason, expires_at, failover, ticket_message_id"""

OVERDUE = text(f"""
    SELECT {COLUMNS} FROM notifications
    WHERE failover IS NOT NULL AND status IN ('PENDING', 'RETRYING') AND failover_at <= :now
        AND (expires_at IS NULL OR expires_at > :now)
    ORDER BY failover_at LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - put together from our own words

END = text("""
    UPDATE notifications
    SET status = 'FAILED', reason = 'failed_over', next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN ('PENDING', 'RETRYING')
    RETURNING channel
""")

ENDED = text(f"""
    SELECT {COLUMNS} FROM notifications
    WHERE failover IS NOT NULL AND status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED')
    ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - put together from our own words

# Each of `ids`, what it took over for, and so on: the index of the primary key is all this needs.
TRIED = text("""
    WITH RECURSIVE tried (of, failover_of, channel, recipient) AS (
        SELECT id, failover_of, channel, recipient FROM notifications WHERE id = ANY(CAST(:ids AS uuid[]))
        UNION ALL
        SELECT t.of, n.failover_of, n.channel, n.recipient
        FROM tried t JOIN notifications n ON n.id = t.failover_of)
    SELECT of::text, channel, recipient FROM tried
""")

# Messages about one event to one target: there is one at most.
THERE = text("""
    SELECT r.id::text, n.status, n.reason
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, event_id uuid, client_id int, channel text, recipient text)
    JOIN notifications n ON n.event_id = r.event_id AND n.client_id = r.client_id
        AND n.channel = r.channel AND n.recipient = r.recipient
""")

# A ticket asks for somebody while nobody has it and nobody has asked for quiet, and each time from the start anew.
ASKING = text("""
    SELECT m.id FROM ticket_messages m
    JOIN tickets t ON t.id = m.ticket_id JOIN escalations e ON e.ticket_id = m.ticket_id
    WHERE m.id = ANY(CAST(:ids AS bigint[])) AND t.status = 'open'
        AND e.run = m.run AND e.state IN ('running', 'exhausted')
""")

FORGET = text("""
    UPDATE notifications SET failover = NULL, failover_at = NULL WHERE id = ANY(CAST(:ids AS uuid[]))
""")

# Who takes over for a message of an escalation is asked by the same link.
PASS_LINKS_ON = text("""
    UPDATE notifications n SET ticket_message_id = r.ticket_message_id
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, ticket_message_id bigint)
    WHERE n.id = r.id
""")

NOTE = text("""
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, :now, 'failed_over', detail
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, detail jsonb)
""")


@dataclass(frozen=True, slots=True)
class EndedRow:
    """A notification that did not reach its target, and the targets that are left."""

    id: str
    client_id: int
    channel: str
    subject: str | None
    body: str
    severity: str | None
    user_id: str | None
    dedupe_key: str | None
    dedupe_seconds: int | None
    metadata: dict[str, Any]
    event_id: str | None
    rule_ids: list[int] | None
    status: str
    reason: str | None
    expires_at: datetime | None
    failover: Sequence[Mapping[str, Any]]
    ticket_message_id: int | None = None


def overdue(session: Session, *, most: int, now: datetime) -> list[EndedRow]:
    """Return rows that wait longer than their next target is willing to, locked; what has expired is not among them.

    A row that is being sent, or whose send is in doubt, is not given up: its target may have been told already.
    """
    return [EndedRow(*row) for row in session.execute(OVERDUE, {"now": now, "most": most})]


def end(session: Session, ids: Sequence[str], *, now: datetime) -> list[str]:
    """Give up these waiting rows for their next targets; returns the channel of each."""
    return list(session.execute(END, {"ids": array(ids), "now": now}).scalars())


def tried(session: Session, ids: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
    """Return, for each row, the channels and recipients that it and those before it were meant for."""
    found: dict[str, set[tuple[str, str]]] = {each: set() for each in ids}
    for row in session.execute(TRIED, {"ids": array(ids)}):
        found[row.of].add((row.channel, row.recipient))
    return found


def there(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str | None]]:
    """Return, for each row (`id`) whose event was told to a channel and recipient, status and reason of that."""
    found = session.execute(THERE, {"rows": recordset(rows)})
    return {row.id: (row.status, row.reason) for row in found}


def asking(session: Session, ticket_message_ids: Sequence[int]) -> set[int]:
    """Return those of these messages of escalations whose tickets still ask for somebody."""
    return set(session.execute(ASKING, {"ids": array(map(str, ticket_message_ids))}).scalars())


def ended(session: Session, *, most: int) -> list[EndedRow]:
    """Return rows that ended without reaching anybody and have targets left, locked."""
    return [EndedRow(*row) for row in session.execute(ENDED, {"most": most})]


def forget(session: Session, ids: Sequence[str]) -> None:
    """Let these rows have no targets left: their successors have them now, or nobody needs them."""
    session.execute(FORGET, {"ids": array(ids)})


def pass_links_on(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give each successor (`id`) the link of whom it takes over for (`ticket_message_id`)."""
    session.execute(PASS_LINKS_ON, {"rows": recordset(rows)})


def note(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Write into each timeline (`id`) who takes over (`detail`)."""
    session.execute(NOTE, {"rows": recordset(rows), "now": now})
