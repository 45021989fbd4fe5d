"""Notifications that another target takes over for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.queries.values import array, recordset

# A row that is being sent, or whose send is in doubt, is not given up: its target may have been told already.
END_OVERDUE = text("""
    WITH due AS (
        SELECT id FROM notifications
        WHERE failover IS NOT NULL AND status IN ('PENDING', 'RETRYING') AND failover_at <= :now
        ORDER BY failover_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE notifications n
    SET status = 'FAILED', reason = 'failed_over', next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    FROM due WHERE n.id = due.id
    RETURNING n.channel
""")

ENDED = text("""
    SELECT id::text, client_id, channel, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
           event_id::text, rule_ids, status, reason, expires_at, failover, ticket_message_id
    FROM notifications
    WHERE failover IS NOT NULL AND status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED')
    ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
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
    failover: list[dict[str, Any]]
    ticket_message_id: int | None = None


def end_overdue(session: Session, *, most: int, now: datetime) -> list[str]:
    """End what waits longer than its next target is willing to; returns the channel of each."""
    return list(session.execute(END_OVERDUE, {"now": now, "most": most}).scalars())


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
