"""Receipts: stored as they come, read in batches, and what follows for notifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from sentinel.models.receipt import Receipt
from sentinel.queries.values import array, recordset

INSERT = text("""
    INSERT INTO receipts (
        id, provider, provider_event_id, notification_id, provider_message_id, kind, code, body, status, queue_at,
        occurred_at, received_at)
    SELECT id, provider, provider_event_id, notification_id, provider_message_id, kind, code, body,
           'PENDING', :queue_at, occurred_at, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, provider text, provider_event_id text, notification_id uuid, provider_message_id text, kind text,
        code text, body jsonb, occurred_at timestamptz)
    ON CONFLICT (provider, provider_event_id) DO NOTHING
    RETURNING id::text, provider, kind
""")

TAKE = text("""
    SELECT id::text, provider, notification_id::text, provider_message_id, kind, code, body, tries
    FROM receipts
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'PENDING'
    ORDER BY occurred_at, id FOR UPDATE SKIP LOCKED
""")

STANDINGS = text("""
    SELECT n.id::text, n.client_id, n.channel, n.recipient, n.status, n.attempts, n.expires_at,
           (SELECT coalesce(
                json_agg(json_build_array(a.number, a.provider, a.outcome, a.provider_message_id) ORDER BY a.number),
                '[]')
            FROM attempts a WHERE a.notification_id = n.id) AS tries
    FROM notifications n WHERE n.id = ANY(CAST(:ids AS uuid[]))
""")

# `seen` is one of the sources of `status`; whoever changed the row since then is right, and we look again.
MOVE = text("""
    UPDATE notifications n
    SET status = o.status, reason = o.reason, next_attempt_at = o.due_at, queue_at = o.due_at,
        provider_message_id = coalesce(o.provider_message_id, n.provider_message_id),
        attempt_limit = CASE WHEN o.status = 'RETRYING' THEN greatest(n.attempt_limit, n.attempts + 1)
                             ELSE n.attempt_limit END,
        sent_at = CASE WHEN o.status IN ('SENT', 'DELIVERED') THEN coalesce(n.sent_at, :now) ELSE n.sent_at END,
        updated_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS o (
        id uuid, seen text, seen_attempts smallint, status text, reason text, due_at timestamptz,
        provider_message_id text)
    WHERE n.id = o.id AND n.status = o.seen AND n.attempts = o.seen_attempts
    RETURNING n.id::text
""")

ADOPT = text("""
    UPDATE attempts a SET provider_message_id = o.message_id
    FROM json_to_recordset(CAST(:rows AS json)) AS o (notification_id uuid, number smallint, message_id text)
    WHERE a.notification_id = o.notification_id AND a.number = o.number AND a.provider_message_id IS NULL
""")

SETTLE = text("""
    UPDATE receipts r SET status = o.status, detail = o.detail, queue_at = o.queue_at, tries = r.tries + 1
    FROM json_to_recordset(CAST(:rows AS json)) AS o (id uuid, status text, detail text, queue_at timestamptz)
    WHERE r.id = o.id AND r.status = 'PENDING'
""")

TAKE_DUE = text("""
    WITH due AS (
        SELECT id FROM receipts WHERE status = 'PENDING' AND queue_at <= :now
        ORDER BY queue_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE receipts r SET queue_at = :again FROM due WHERE r.id = due.id
    RETURNING r.id::text
""")

MOST_SHOWN = 200
"""Receipts of one notification that its timeline shows: a mail that is opened often has many."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A report that was not there before."""

    id: str
    provider: str
    kind: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A waiting report that is ours to read until the transaction ends."""

    id: str
    provider: str
    notification_id: str | None
    message_id: str | None
    kind: str
    code: str | None
    body: dict[str, str]
    tries: int


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A notification and its tries: `[number, provider, outcome, provider_message_id]` each, in order."""

    id: str
    client_id: int
    channel: str
    recipient: str
    status: str
    attempts: int
    expires_at: datetime | None
    tries: list[tuple[int, str, str, str | None]]


def insert(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime, queue_at: datetime) -> list[Stored]:
    """Store reports in one statement; returns those that are new."""
    values = {"rows": recordset(rows), "now": now, "queue_at": queue_at}
    return [Stored(*row) for row in session.execute(INSERT, values)]


def take(session: Session, ids: Sequence[str]) -> list[Taken]:
    """Lock those of `ids` that wait, oldest first; what another worker reads is left out."""
    return [Taken(*row) for row in session.execute(TAKE, {"ids": array(ids)})]


def standings(session: Session, ids: Sequence[str]) -> list[StandingRow]:
    """Return where these notifications stand, with their tries."""
    return [StandingRow(*row) for row in session.execute(STANDINGS, {"ids": array(ids)})]


def move(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[str]:
    """Move notifications that still stand where they were seen; returns their ids."""
    return list(session.execute(MOVE, {"rows": recordset(rows), "now": now}).scalars())


def adopt(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the provider's ids to tries that had none."""
    session.execute(ADOPT, {"rows": recordset(rows)})


def settle(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of each report; PENDING ones wait until their `queue_at`."""
    session.execute(SETTLE, {"rows": recordset(rows)})


def take_due(session: Session, *, now: datetime, again: datetime, most: int) -> list[str]:
    """Take up to `most` reports that should be queued; they come up again at `again` unless somebody settles them."""
    return list(session.execute(TAKE_DUE, {"now": now, "again": again, "most": most}).scalars())


def of_notification(session: Session, notification_id: str) -> Sequence[Receipt]:
    """Return the reports about one notification, first to last."""
    wanted = select(Receipt).where(Receipt.notification_id == notification_id)
    return session.scalars(wanted.order_by(Receipt.received_at, Receipt.id).limit(MOST_SHOWN)).all()
