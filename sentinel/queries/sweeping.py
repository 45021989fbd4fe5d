"""What the sweepers find: bounded, SKIP LOCKED, safe to run twice and side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.ids import first_id
from sentinel.models import SweeperRun
from sentinel.models.status import FINAL
from sentinel.queries.values import array

TAKE_DUE = text("""
    WITH due AS (
        SELECT id FROM notifications
        WHERE status IN ('PENDING', 'RETRYING', 'AMBIGUOUS') AND status <> 'AMBIGUOUS' AND queue_at <= :now
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
        SELECT id FROM notifications
        WHERE status = 'SENDING' AND lease_until < :now
        ORDER BY lease_until LIMIT :most FOR UPDATE SKIP LOCKED),
    moved AS (
        UPDATE notifications n
        SET status = 'AMBIGUOUS', reason = 'worker_lost', next_attempt_at = :decide_at, queue_at = :decide_at,
            lease_id = NULL, lease_until = NULL, updated_at = :now
        FROM lost WHERE n.id = lost.id
        RETURNING n.id, n.attempts, n.provider),
    witnessed AS (
        INSERT INTO attempts (notification_id, number, provider, outcome, reason, started_at, duration_ms)
        SELECT id, attempts, provider, 'AMBIGUOUS', 'worker_lost', :now, 0 FROM moved
        ON CONFLICT (notification_id, number) DO NOTHING)
    SELECT count(*) FROM moved
""")

DECIDE_AMBIGUOUS = text("""
    WITH due AS (
        SELECT id FROM notifications
        WHERE status IN ('PENDING', 'RETRYING', 'AMBIGUOUS') AND status = 'AMBIGUOUS' AND queue_at <= :now
        ORDER BY queue_at LIMIT :most FOR UPDATE SKIP LOCKED),
    judged AS (
        SELECT n.id, :again_allowed AND n.attempts < n.attempt_limit
                     AND (n.expires_at IS NULL OR n.expires_at > :now) AS again
        FROM notifications n JOIN due ON due.id = n.id)
    UPDATE notifications n
    SET status = CASE WHEN again THEN 'RETRYING' ELSE 'FAILED' END,
        reason = CASE WHEN again THEN n.reason ELSE 'ambiguous' END,
        next_attempt_at = CASE WHEN again THEN CAST(:now AS timestamptz) END,
        queue_at = CASE WHEN again THEN CAST(:queue_at AS timestamptz) END,
        updated_at = :now
    FROM judged WHERE n.id = judged.id
    RETURNING n.id::text, n.channel, n.status
""")

CHANGES_KEPT = timedelta(days=7)
"""A worker that knows only older changes of rules loads all of them anew."""

# What is deleted here is entered in the books; what vanishes in another way is found by the audit.
PRUNE_NOTIFICATIONS = text("""
    WITH gone AS (
        DELETE FROM notifications WHERE id IN (
            SELECT id FROM notifications
            WHERE id < :before AND status = ANY(CAST(:final AS text[])) ORDER BY id LIMIT :most)
        RETURNING client_id, channel, created_at),
    booked AS (
        INSERT INTO book_entries (client_id, channel, day, pruned)
        SELECT client_id, channel, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, count(*)
        FROM gone GROUP BY client_id, channel, day)
    SELECT count(*) FROM gone
""")
PRUNE_EVENTS = text("""
    DELETE FROM events WHERE id IN (
        SELECT id FROM events WHERE id < :before AND status <> 'PENDING' ORDER BY id LIMIT :most)
""")
PRUNE_TICKETS = text("""
    DELETE FROM tickets WHERE id IN (
        SELECT id FROM tickets WHERE resolved_at < :resolved_before ORDER BY id LIMIT :most)
""")
# The last change stays: it tells workers how far the log goes.
PRUNE_RULE_CHANGES = text("""
    DELETE FROM rule_changes WHERE id IN (
        SELECT id FROM rule_changes
        WHERE changed_at < :changed_before AND id < (SELECT max(id) FROM rule_changes) ORDER BY id LIMIT :most)
""")
PRUNE_CLAIMS = text("""
    DELETE FROM dedupe_claims WHERE ctid IN (
        SELECT ctid FROM dedupe_claims WHERE expires_at <= :now LIMIT :most FOR UPDATE SKIP LOCKED)
""")
PRUNE_KEYS = text("""
    DELETE FROM idempotency_keys WHERE ctid IN (
        SELECT ctid FROM idempotency_keys WHERE expires_at <= :now LIMIT :most FOR UPDATE SKIP LOCKED)
""")


@dataclass(frozen=True, slots=True)
class SweptRow:
    """A row that wants its message queued (again)."""

    id: str
    channel: str
    status: str


def take_due(session: Session, *, now: datetime, again: datetime, most: int) -> list[SweptRow]:
    """Take up to `most` rows that should be queued; they come up again at `again` unless somebody claims them."""
    return [SweptRow(*row) for row in session.execute(TAKE_DUE, {"now": now, "again": again, "most": most})]


def take_due_events(session: Session, *, now: datetime, again: datetime, most: int) -> list[str]:
    """Take up to `most` events that should be queued; they come up again at `again` unless somebody ends them."""
    return list(session.execute(TAKE_DUE_EVENTS, {"now": now, "again": again, "most": most}).scalars())


def lose_leases(session: Session, *, now: datetime, decide_at: datetime, most: int) -> int:
    """Mark rows whose worker vanished in mid-send AMBIGUOUS, with an attempt that says so; returns how many."""
    return session.execute(LOSE_LEASES, {"now": now, "decide_at": decide_at, "most": most}).scalar_one()  # type: ignore[no-any-return]


def decide_ambiguous(
    session: Session, *, again_allowed: bool, now: datetime, queue_at: datetime, most: int
) -> list[SweptRow]:
    """Move AMBIGUOUS rows whose wait is over to RETRYING or FAILED, as the policy says."""
    values = {"again_allowed": again_allowed, "now": now, "queue_at": queue_at, "most": most}
    return [SweptRow(*row) for row in session.execute(DECIDE_AMBIGUOUS, values)]


def prune(session: Session, *, now: datetime, before: datetime, most: int) -> int:
    """Delete up to `most` rows of each kind that nothing will ask for any more; returns how many."""
    done = [
        session.execute(PRUNE_EVENTS, {"before": first_id(before), "most": most}),
        session.execute(PRUNE_TICKETS, {"resolved_before": before, "most": most}),
        session.execute(PRUNE_RULE_CHANGES, {"changed_before": now - CHANGES_KEPT, "most": most}),
        session.execute(PRUNE_CLAIMS, {"now": now, "most": most}),
        session.execute(PRUNE_KEYS, {"now": now, "most": most}),
    ]
    values = {"before": first_id(before), "final": array(FINAL), "most": most}
    gone: int = session.execute(PRUNE_NOTIFICATIONS, values).scalar_one()
    return gone + sum(result.rowcount for result in done)  # type: ignore[attr-defined]


def record_run(session: Session, name: str, count: int, *, now: datetime) -> None:
    """Remember that a sweeper finished: its silence must be noticed."""
    values = {"last_success_at": now, "last_count": count}
    statement = insert(SweeperRun).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[SweeperRun.name], set_=values))
