"""What the deletion of old rows costs the requests beside it, and how many rows it deletes meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bench.context import Context
from bench.figures import Figures, Table, spread
from bench.installation import Installation, installation
from bench.load import run_round
from sentinel.ids import first_id

RATE = 200
CONNECTIONS = 16
OLD_DAYS = 100
ROWS_PER_SECOND = 5000
"""More than is deleted in the time of one measurement."""

STORE = """
    WITH old AS (
        INSERT INTO notifications (
            id, client_id, channel, recipient, body, status, attempt_limit, created_at, updated_at)
        SELECT CAST('{first}' || lpad(to_hex(n), 12, '0') AS uuid), 1, 'sms', '+1415' || n, repeat('a', 120),
               'DELIVERED', 6, '{then}', '{then}'
        FROM generate_series(1, {rows}) AS n
        RETURNING id)
    SELECT count(*) FROM old
"""
TRY = """
    WITH tried AS (
        INSERT INTO attempts (notification_id, number, provider, outcome, started_at, duration_ms)
        SELECT id, 1, 'twilio', 'OK', created_at, 12 FROM notifications WHERE status = 'DELIVERED'
        RETURNING number)
    SELECT count(*) FROM tried
"""
LEFT = "SELECT count(*) FROM notifications WHERE status = 'DELIVERED'"


def run(context: Context) -> Figures:
    """200 requests a second, first alone, then beside the deletion."""
    with installation(context, "retention") as running:
        run_round(running, connections=4, seconds=1)  # imports, pools, caches
        context.say("alone")
        alone = run_round(running, connections=CONNECTIONS, seconds=context.seconds, rate=RATE)
        stored = store_old(running, rows=int(ROWS_PER_SECOND * context.seconds))
        running.system.run_celery("call", "tasks.maintenance.prune")
        began = time.monotonic()
        context.say("beside the deletion")
        beside = run_round(running, connections=CONNECTIONS, seconds=context.seconds, rate=RATE)
        deleted = (stored - int(running.ask(LEFT)[0])) / (time.monotonic() - began)
    rows = tuple(
        (name, *spread(found.outcome.answer_ms), count)
        for name, found, count in (("alone", alone, 0.0), ("beside it", beside, deleted))
    )
    table = Table(
        f"{RATE} POST /notifications a second",
        ("deletion", "answer p50 ms", "p90 ms", "p99 ms", "max ms", "deleted rows/s"),
        rows,
        "Each deleted notification had one attempt, which goes with it and is not counted.",
    )
    return Figures((table,))


def store_old(running: Installation, *, rows: int) -> int:
    """Store notifications that ended a hundred days ago, with their attempts; returns how many."""
    then = datetime.now(UTC) - timedelta(days=OLD_DAYS)
    with running.connected() as cursor:
        cursor.execute(STORE.format(first=first_id(then)[:-12], then=then.isoformat(), rows=rows))
        cursor.execute(TRY)
        cursor.execute("ANALYZE notifications, attempts")
    return rows
