"""What the sweepers find: bounded, SKIP LOCKED, safe to run twice and side by side."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import SweeperRun
from sentinel.queries.values import array

TAKE_DUE = text("""
    WITH due AS (
        SELECT id FROM notifications
        WHERE status IN ('PENDING', 'RETRYING', 'AMBIGUOUS') AND status <> 'AMBIGUOUS' AND queue_at <= :now
          AND group_id IS NULL
          AND (status <> 'PENDING' OR channel <> ALL(CAST(:busy AS text[])) OR queue_at <= :long_ago)
        ORDER BY queue_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE notifications n SET queue_at = :again FROM due WHERE n.id = due.id
    RETURNING n.id::text, n.channel, n.status
""")

TAKE_DUE_EVENTS = text("""
    WITH due AS (
        SELECT id FROM events
        WHERE status = 'PENDING' AND queue_at <= :now
        ORDER BY queue_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE events e SET queue_at = :again FROM due WHERE e.id = due.id
    RETURNING e.id::text
""")

LOSE_LEASES = text("""
    WITH lost AS (
        SELECT id, updated_at AS claimed_at FROM notifications
        WHERE status = 'SENDING' AND lease_until < :now
        ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED),
    moved AS (
        UPDATE notifications n
        SET status = 'AMBIGUOUS', reason = 'worker_lost', next_attempt_at = :decide_at, queue_at = :decide_at,
            lease_id = NULL, lease_until = NULL, updated_at = :now
        FROM lost WHERE n.id = lost.id
        RETURNING n.id, n.attempts, n.provider, lost.claimed_at),
    witnessed AS (
        INSERT INTO attempts (notification_id, number, provider, outcome, reason, started_at, duration_ms)
        SELECT id, attempts, provider, 'AMBIGUOUS', 'worker_lost', claimed_at, 0 FROM moved
        ON CONFLICT (notification_id, number) DO NOTHING)
    SELECT provider, count(*) AS lost FROM moved GROUP BY provider
""")


@dataclass(frozen=True, slots=True)
class Moments:
    """When a sweep happens, when what it takes comes up again, and since when nobody may have been seen waiting."""

    now: datetime
    again: datetime
    long_ago: datetime


@dataclass(frozen=True, slots=True)
class SweptRow:
    """A row that wants its message queued (again)."""

    id: str
    channel: str
    status: str


def take_due(session: Session, moments: Moments, *, busy: Collection[str], most: int) -> list[SweptRow]:
    """Take up to `most` rows that should be queued; they come up again at `again` unless somebody claims them.

    On a `busy` channel, whose messages still wait in their queues, only those that have waited since `long_ago`.
    """
    values = {"now": moments.now, "again": moments.again, "long_ago": moments.long_ago}
    found = session.execute(TAKE_DUE, values | {"busy": array(busy), "most": most})
    return [SweptRow(*row) for row in found]


def take_due_events(session: Session, *, now: datetime, again: datetime, most: int) -> list[str]:
    """Take up to `most` events that should be queued; they come up again at `again` unless somebody ends them."""
    return list(session.execute(TAKE_DUE_EVENTS, {"now": now, "again": again, "most": most}).scalars())


def lose_leases(session: Session, *, now: datetime, decide_at: datetime, most: int) -> dict[str, int]:
    """Mark rows whose worker vanished in mid-send AMBIGUOUS, tried when they were claimed; counts by provider."""
    rows = session.execute(LOSE_LEASES, {"now": now, "decide_at": decide_at, "most": most})
    return {row.provider: row.lost for row in rows}


def record_run(session: Session, name: str, count: int, *, now: datetime) -> None:
    """Remember that a sweeper finished: its silence must be noticed."""
    values = {"last_success_at": now, "last_count": count}
    statement = insert(SweeperRun).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[SweeperRun.name], set_=values))
