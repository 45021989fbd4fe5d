"""What entering notifications in the books costs, and how fast the audit reads them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, event, text

from bench.context import Context
from bench.figures import Figures, Table, percentile
from sentinel import db
from sentinel.cli.db import upgrade
from sentinel.clock import utc_now
from sentinel.ids import new_ids
from sentinel.queries import notifications
from sentinel.queries.values import recordset
from sentinel.services.bookkeeping import audit
from sentinel.settings import get_settings

ROWS = 200_000
ENTRY = "booked AS ("
SMS: dict[str, Any] = {
    "client_id": 1,
    "channel": "sms",
    "recipient": "+14155552671",
    "body": "Disk full",
    "metadata": {},
    "status": "PENDING",
    "attempt_limit": 6,
}
SIZES = (1, 500)

# Spread over a day, so that the audit meets as many hours as it does in earnest.
FILL = text("""
    INSERT INTO notifications (
        id, client_id, channel, recipient, body, dedupe_key, status, attempts, attempt_limit, provider,
        created_at, updated_at, sent_at)
    SELECT CAST(lpad(to_hex(CAST(extract(epoch FROM at) * 1000 AS bigint)), 12, '0') || '7' || left(md5(n::text), 3)
                || 'a' || substr(md5(n::text), 4, 15) AS uuid),
           1, (ARRAY['sms', 'email', 'slack'])[1 + n % 3], '+1415' || n, 'Disk full', 'key-' || n, 'SENT', 1, 6,
           'twilio', at, at, at
    FROM (SELECT n, now() - make_interval(secs => n * 86400.0 / :rows) AS at FROM generate_series(1, :rows) n) spread
""")
TRIES = text("""
    INSERT INTO attempts (notification_id, number, provider, outcome, started_at, duration_ms)
    SELECT id, 1, 'twilio', 'OK', created_at, 5 FROM notifications
""")
BOOKS = text("""
    INSERT INTO book_totals
    SELECT CAST(created_at AT TIME ZONE 'UTC' AS date), client_id, channel, count(*), 0
    FROM notifications GROUP BY 1, 2, 3
""")


@dataclass(slots=True)
class Longest:
    """The longest statement there was."""

    began: float = 0.0
    seconds: float = 0.0

    def begins(self, *_: Any) -> None:
        """Remember when."""
        self.began = time.perf_counter()

    def ends(self, *_: Any) -> None:
        """Compare."""
        self.seconds = max(self.seconds, time.perf_counter() - self.began)


def run(context: Context) -> Figures:
    """Measure the entry in turns with a store that makes none, then an audit of a day."""
    os.environ |= {"DATABASE_URL": context.servers.database_url, "REDIS_URL": context.servers.redis_url}
    get_settings.cache_clear()
    db.forget_engine()
    upgrade()
    entry = Table(
        "Storing notifications, without and with an entry in the books",
        ("notifications", "without ms", "with ms"),
        tuple(_stored(context, size) for size in SIZES),
        "Median of one statement and its commit; the two take turns.",
    )
    return Figures((entry, _audited(context)))


def _without_entry() -> TextClause:
    stored = notifications.INSERT.text.partition(ENTRY)[0].rstrip().rstrip(",")
    return text(f"{stored} SELECT id::text, channel, status FROM stored")  # noqa: S608 - it is the shipped statement


def _stored(context: Context, size: int) -> tuple[int, float, float]:
    context.say(f"{size} at once")
    plain, booked = _without_entry(), notifications.INSERT
    took: dict[bool, list[float]] = {False: [], True: []}
    stop_at = time.monotonic() + context.seconds
    while time.monotonic() < stop_at:
        for is_booked, statement in ((False, plain), (True, booked)):
            took[is_booked].append(_milliseconds(statement, size))
    return (size, *(round(percentile(took[is_booked], 50), 2) for is_booked in (False, True)))  # type: ignore[return-value]


def _milliseconds(statement: TextClause, size: int) -> float:
    now = utc_now()
    same: dict[str, Any] = SMS | {"queue_at": now, "created_at": now}
    rows = recordset([same | {"id": each} for each in new_ids(now, size)])
    return _timed(lambda: _store(statement, rows))


def _store(statement: TextClause, rows: str) -> None:
    with db.new_session() as session:
        session.execute(statement, {"rows": rows}).all()
        session.commit()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _audited(context: Context) -> Table:
    context.say(f"an audit of {ROWS}")
    with db.get_engine().begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("TRUNCATE notifications, attempts, timeline_entries, book_entries, book_totals"))
        for statement in (FILL, TRIES, BOOKS):
            connection.execute(statement, {"rows": ROWS} if statement is FILL else {})
    longest = Longest()
    event.listen(db.get_engine(), "before_cursor_execute", longest.begins)
    event.listen(db.get_engine(), "after_cursor_execute", longest.ends)
    began = time.perf_counter()
    report = audit.audit()
    seconds = time.perf_counter() - began
    return Table(
        "Auditing a day",
        ("notifications", "seconds", "longest statement ms", "discrepancies"),
        ((report.checked, round(seconds, 2), round(longest.seconds * 1000, 1), report.discrepancies),),
    )
