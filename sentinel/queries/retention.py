"""What is deleted because its time is over: in bounded batches along an index, past rows that somebody holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from sentinel.ids import first_id
from sentinel.models.status import FINAL
from sentinel.queries.values import array

CHANGES_KEPT = timedelta(days=7)
"""A worker that knows only older changes of rules loads all of them anew."""

# An array, and no subquery: rows are then looked up one by one, however large the planner thinks the batch is.
# What is deleted here is entered in the books; what vanishes in another way is found by the audit.
PRUNE_NOTIFICATIONS = text("""
    WITH gone AS (
        DELETE FROM notifications WHERE id = ANY(ARRAY(
            SELECT id FROM notifications
            WHERE id < :before_id AND status = ANY(CAST(:final AS text[])) ORDER BY id LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING client_id, channel, created_at),
    booked AS (
        INSERT INTO book_entries (client_id, channel, day, pruned)
        SELECT client_id, channel, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, count(*)
        FROM gone GROUP BY client_id, channel, day)
    SELECT count(*) FROM gone
""")
PRUNE_EVENTS = text("""
    WITH gone AS (
        DELETE FROM events WHERE id = ANY(ARRAY(
            SELECT id FROM events WHERE id < :before_id AND status <> 'PENDING' ORDER BY id LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_RECEIPTS = text("""
    WITH gone AS (
        DELETE FROM receipts WHERE id = ANY(ARRAY(
            SELECT id FROM receipts WHERE id < :before_id AND status <> 'PENDING' ORDER BY id LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_TICKETS = text("""
    WITH gone AS (
        DELETE FROM tickets WHERE id = ANY(ARRAY(
            SELECT id FROM tickets WHERE resolved_at < :before ORDER BY resolved_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_OVERRIDES = text("""
    WITH gone AS (
        DELETE FROM rotation_overrides WHERE id = ANY(ARRAY(
            SELECT id FROM rotation_overrides WHERE ends_at < :before ORDER BY ends_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_SUPPRESSIONS = text("""
    WITH gone AS (
        DELETE FROM suppressions WHERE id = ANY(ARRAY(
            SELECT id FROM suppressions WHERE lifted_at < :before ORDER BY lifted_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_SILENCES = text("""
    WITH gone AS (
        DELETE FROM silences WHERE id = ANY(ARRAY(
            SELECT id FROM silences WHERE ends_at < :before ORDER BY ends_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_ALERTS = text("""
    WITH gone AS (
        DELETE FROM alerts WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM alerts WHERE status = 'resolved' AND updated_at < :before ORDER BY updated_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING client_id)
    SELECT count(*) FROM gone
""")
# What Prometheus still reports fires on, though nothing has changed for long.
PRUNE_FIRING_ALERTS = text("""
    WITH gone AS (
        DELETE FROM firing_alerts WHERE ctid = ANY(ARRAY(
            SELECT f.ctid FROM firing_alerts f
            WHERE f.forget_at <= :now AND NOT (f.is_firing AND EXISTS (
                SELECT 1 FROM alerts a
                WHERE a.client_id = f.client_id AND a.fingerprint = f.labels ->> 'fingerprint'
                  AND a.status = 'firing'))
            ORDER BY f.forget_at LIMIT :most FOR UPDATE OF f SKIP LOCKED))
        RETURNING client_id)
    SELECT count(*) FROM gone
""")
PRUNE_DRILL_RUNS = text("""
    WITH gone AS (
        DELETE FROM drill_runs WHERE id = ANY(ARRAY(
            SELECT id FROM drill_runs WHERE finished_at < :before ORDER BY finished_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_SELF_TESTS = text("""
    WITH gone AS (
        DELETE FROM self_tests WHERE id = ANY(ARRAY(
            SELECT id FROM self_tests WHERE started_at < :before AND status <> 'running'
            ORDER BY started_at LIMIT :most FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_LOAD_TESTS = text("""
    WITH gone AS (
        DELETE FROM load_tests WHERE id = ANY(ARRAY(
            SELECT id FROM load_tests WHERE finished_at < :before ORDER BY finished_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_REPLAYS = text("""
    WITH gone AS (
        DELETE FROM letter_replays WHERE id = ANY(ARRAY(
            SELECT id FROM letter_replays WHERE settled_at < :before ORDER BY settled_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
# The last change stays: it tells workers how far the log goes.
PRUNE_RULE_CHANGES = text("""
    WITH gone AS (
        DELETE FROM rule_changes WHERE id = ANY(ARRAY(
            SELECT id FROM rule_changes
            WHERE changed_at < :changed_before AND id < (SELECT max(id) FROM rule_changes) ORDER BY id LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_ACTIONS = text("""
    WITH gone AS (
        DELETE FROM actions WHERE id = ANY(ARRAY(
            SELECT id FROM actions WHERE at < :actions_before ORDER BY at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING id)
    SELECT count(*) FROM gone
""")
PRUNE_CLAIMS = text("""
    WITH gone AS (
        DELETE FROM dedupe_claims WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM dedupe_claims WHERE expires_at <= :now ORDER BY expires_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING client_id)
    SELECT count(*) FROM gone
""")
PRUNE_KEYS = text("""
    WITH gone AS (
        DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM idempotency_keys WHERE expires_at <= :now ORDER BY expires_at LIMIT :most
            FOR UPDATE SKIP LOCKED))
        RETURNING client_id)
    SELECT count(*) FROM gone
""")

KINDS: tuple[TextClause, ...] = (
    PRUNE_NOTIFICATIONS,
    PRUNE_EVENTS,
    PRUNE_RECEIPTS,
    PRUNE_TICKETS,
    PRUNE_OVERRIDES,
    PRUNE_SUPPRESSIONS,
    PRUNE_SILENCES,
    PRUNE_ALERTS,
    PRUNE_FIRING_ALERTS,
    PRUNE_DRILL_RUNS,
    PRUNE_SELF_TESTS,
    PRUNE_LOAD_TESTS,
    PRUNE_REPLAYS,
    PRUNE_RULE_CHANGES,
    PRUNE_ACTIONS,
    PRUNE_CLAIMS,
    PRUNE_KEYS,
)
"""A statement for each kind of row that does not stay for ever."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """How old is old: what ended before `before` is deleted, what people did before another day, what ran out now."""

    now: datetime
    before: datetime
    actions_before: datetime


def prune(session: Session, kind: TextClause, horizon: Horizon, *, most: int) -> int:
    """Delete up to `most` rows of one kind that nothing will ask for any more; returns how many."""
    wanted = {
        "now": horizon.now,
        "before": horizon.before,
        "actions_before": horizon.actions_before,
        "before_id": first_id(horizon.before),
        "changed_before": horizon.now - CHANGES_KEPT,
        "final": array(FINAL),
        "most": most,
    }
    gone: int = session.execute(kind, wanted).scalar_one()
    return gone
