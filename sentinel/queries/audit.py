"""What the audit asks: rows that contradict themselves, each other, or the clock. Each answers within its index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session, defer

from sentinel.models import AuditRun
from sentinel.models.status import FINAL
from sentinel.queries.values import array

HELD_GRACE = "interval '2 minutes'"
"""How late a group may be told, before that is a discrepancy."""

MINE = "(CAST(:client_id AS int) IS NULL OR client_id = :client_id)"


def _day_of(column: str) -> str:
    """The day (UTC) in which an id was made: its first 48 bits are milliseconds."""
    bits = f"CAST(CAST(('x' || left(replace(CAST({column} AS text), '-', ''), 12)) AS bit(48)) AS bigint)"
    return f"CAST(to_timestamp({bits} / 1000.0) AT TIME ZONE 'UTC' AS date)"


def _is_missing(column: str) -> str:
    """There is no such row, and none of that client and day was deleted after its retention."""
    booked = f"day = {_day_of(column)} AND client_id = s.client_id AND pruned > 0"
    return f"""
        NOT EXISTS (SELECT FROM notifications o WHERE o.id = {column})
        AND NOT EXISTS (SELECT FROM book_totals WHERE {booked})
        AND NOT EXISTS (SELECT FROM book_entries WHERE {booked})"""  # noqa: S608 - the names are ours


SLICE_END = {
    table: text(f"""
        SELECT id::text FROM {table}
        WHERE id >= :start AND id < :before AND {MINE}
        ORDER BY id OFFSET :most LIMIT 1
    """)  # noqa: S608 - as above
    for table in ("notifications", "events")
}

# Each row with its tries, and every question that it answers wrongly. A claimed row has one try more than it has
# attempts: the one that is under way.
ROW_FAULTS = text(f"""
    WITH slice AS MATERIALIZED (
        SELECT id, client_id, status, reason, attempts, lookups, queue_at, next_attempt_at, duplicate_of, failover_of
        FROM notifications WHERE id >= :start AND id < :before AND {MINE}),
    found AS (
        SELECT s.id, s.client_id, fault.kind, fault.detail
        FROM slice s
        CROSS JOIN LATERAL (
            SELECT count(*) AS number, coalesce(bool_or(outcome = 'OK'), false) AS has_ok
            FROM attempts a WHERE a.notification_id = s.id) tried
        CROSS JOIN LATERAL (VALUES
            ('sent_without_evidence', s.status,
                s.status IN ('SENT', 'DELIVERED', 'UNDELIVERED') AND NOT tried.has_ok AND s.lookups = 0
                AND NOT EXISTS (
                    SELECT FROM receipts r WHERE r.notification_id = s.id AND r.status = 'APPLIED')),
            ('attempts_differ', s.attempts || ' counted, ' || tried.number || ' kept',
                tried.number <> s.attempts - CASE WHEN s.status = 'SENDING' THEN 1 ELSE 0 END),
            ('end_without_reason', s.status,
                s.status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED') AND coalesce(s.reason, '') = ''),
            ('end_that_waits', s.status,
                s.status = ANY(CAST(:final AS text[]))
                AND (s.queue_at IS NOT NULL OR s.next_attempt_at IS NOT NULL)),
            ('waits_unseen', 'until ' || s.queue_at,
                s.queue_at > greatest(s.next_attempt_at, CAST(:now AS timestamptz)) + :grace),
            ('duplicate_of_nothing', coalesce('of ' || s.duplicate_of, 'of no id'),
                s.reason = 'duplicate' AND s.status = 'SUPPRESSED'
                AND (s.duplicate_of IS NULL OR {_is_missing("s.duplicate_of")})),
            ('failover_of_nothing', 'of ' || s.failover_of,
                s.failover_of IS NOT NULL AND {_is_missing("s.failover_of")})
        ) AS fault (kind, detail, holds)
        WHERE fault.holds)
    SELECT kind, id::text, client_id, detail FROM found ORDER BY id, kind LIMIT :most
""")  # noqa: S608 - as above

# It ended with something said, and neither a message nor a ticket shows it.
EVENT_FAULTS = text(f"""
    SELECT 'event_without_messages', e.id::text, e.client_id, 'rules ' || CAST(e.rule_ids AS text)
    FROM events e
    WHERE e.id >= :start AND e.id < :before AND {MINE} AND e.status = 'MATCHED' AND e.reason IS NULL
      AND NOT EXISTS (SELECT FROM notifications n WHERE n.event_id = e.id)
      AND NOT EXISTS (SELECT FROM ticket_events t WHERE t.event_id = e.id)
      AND NOT EXISTS (SELECT FROM tickets t WHERE t.event_id = e.id)
    ORDER BY e.id LIMIT :most
""")  # noqa: S608 - as above

# A claim is made between `since` and `sent_at` of its row. Two that are certainly closer than the time for which the
# earlier one holds cannot both have had it.
SAID_TWICE = text(f"""
    WITH said AS (
        SELECT id, client_id, dedupe_key, channel, recipient, sent_at, dedupe_seconds,
               greatest(created_at, send_at) AS since
        FROM notifications
        WHERE id >= :start AND id < :before AND {MINE}
          AND dedupe_key IS NOT NULL AND status IN ('SENT', 'DELIVERED') AND sent_at IS NOT NULL),
    pairs AS (
        SELECT id, client_id, sent_at, since, lag(id) OVER same AS other_id, lag(sent_at) OVER same AS other_sent_at,
               lag(since) OVER same AS other_since, lag(dedupe_seconds) OVER same AS other_seconds
        FROM said WINDOW same AS (PARTITION BY client_id, dedupe_key, channel, recipient ORDER BY since, id))
    SELECT 'said_twice', id::text, client_id, 'as ' || other_id
    FROM pairs
    WHERE id >= :from AND other_id IS NOT NULL AND greatest(sent_at, other_sent_at) - least(since, other_since)
          < make_interval(secs => coalesce(other_seconds, :seconds))
    ORDER BY id LIMIT :most
""")  # noqa: S608 - as above

# What somebody should have looked at by now, of whatever age; the conditions are those of partial indexes.
LATE = text(f"""
    (SELECT 'overdue', id::text, client_id, status || ' since ' || queue_at
     FROM notifications
     WHERE status IN ('PENDING', 'RETRYING', 'AMBIGUOUS') AND queue_at < CAST(:now AS timestamptz) - :grace AND {MINE}
       AND group_id IS NULL
     ORDER BY queue_at LIMIT :most)
    UNION ALL
    (SELECT 'held_overdue', id::text, client_id, 'in group ' || group_id || ' since ' || queue_at
     FROM notifications
     WHERE group_id IS NOT NULL AND status = 'PENDING' AND {MINE}
       AND queue_at < CAST(:now AS timestamptz) - {HELD_GRACE}
     ORDER BY queue_at LIMIT :most)
    UNION ALL
    (SELECT 'lease_over', id::text, client_id, 'since ' || lease_until
     FROM notifications
     WHERE status = 'SENDING' AND lease_until < CAST(:now AS timestamptz) - :grace AND {MINE}
     ORDER BY lease_until LIMIT :most)
    UNION ALL
    (SELECT 'failover_late', id::text, client_id, status || ' since ' || updated_at
     FROM notifications
     WHERE failover IS NOT NULL AND status IN ('FAILED', 'SUPPRESSED', 'UNDELIVERED')
       AND updated_at < CAST(:now AS timestamptz) - :grace AND {MINE}
       AND NOT EXISTS (SELECT FROM notifications n WHERE n.failover_of = notifications.id)
     ORDER BY id LIMIT :most)
    UNION ALL
    (SELECT 'event_overdue', id::text, client_id, 'since ' || queue_at
     FROM events
     WHERE status = 'PENDING' AND queue_at < CAST(:now AS timestamptz) - :grace AND {MINE}
     ORDER BY queue_at LIMIT :most)
    UNION ALL
    (SELECT 'receipt_overdue', r.id::text, n.client_id, r.provider || ' since ' || r.queue_at
     FROM receipts r LEFT JOIN notifications n ON n.id = r.notification_id
     WHERE r.status = 'PENDING' AND r.queue_at < CAST(:now AS timestamptz) - :grace AND {MINE}
     ORDER BY r.queue_at LIMIT :most)
    UNION ALL
    (SELECT 'escalation_late', CAST(ticket_id AS text), client_id, state || ', due since ' || next_step_at
     FROM escalations
     WHERE next_step_at < CAST(:now AS timestamptz) - interval '2 minutes' AND {MINE}
     ORDER BY next_step_at LIMIT :most)
""")  # noqa: S608 - as above

NAMES = text("SELECT id, name FROM clients")

KEEP_RUN = text("""
    WITH kept AS (
        INSERT INTO audit_runs (started_at, finished_at, checked, discrepancies, report)
        VALUES (:started_at, :finished_at, :checked, :discrepancies, CAST(:report AS jsonb)) RETURNING id)
    DELETE FROM audit_runs WHERE id <= (SELECT id FROM kept) - :runs
""")


@dataclass(frozen=True, slots=True)
class Found:
    """A discrepancy: its kind, the id of what contradicts, whose it is, and what is there."""

    kind: str
    id: str
    client_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Question:
    """What all questions of an audit share: when, whose, and how many answers are wanted."""

    now: datetime
    grace: Any
    client_id: int | None
    most: int

    def values(self, **more: Any) -> dict[str, Any]:
        """Return parameters for a statement."""
        shared = {"now": self.now, "grace": self.grace, "client_id": self.client_id, "most": self.most}
        return shared | more


def slices(
    session: Session, table: str, ids: Mapping[str, str], *, client_id: int | None, size: int
) -> Iterator[dict[str, str]]:
    """Cut a range of ids into ranges of about `size` rows."""
    start, before = ids["start"], ids["before"]
    while True:
        values = {"start": start, "before": before, "client_id": client_id, "most": size}
        end = session.execute(SLICE_END[table], values).scalar_one_or_none()
        yield {"start": start, "before": end or before}
        if end is None:
            return
        start = end


def row_faults(session: Session, asked: Question, ids: Mapping[str, str]) -> list[Found]:
    """Return what is wrong with the notifications of a range of ids, each by itself."""
    return _found(session.execute(ROW_FAULTS, asked.values(**ids, final=array(FINAL))))


def event_faults(session: Session, asked: Question, ids: Mapping[str, str]) -> list[Found]:
    """Return the events of a range of ids that led to nothing, though they say otherwise."""
    return _found(session.execute(EVENT_FAULTS, asked.values(**ids)))


def said_twice(session: Session, asked: Question, ids: Mapping[str, str], *, since: str, seconds: int) -> list[Found]:
    """Return notifications of a range that were sent within the dedupe time of another made at or after id `since`."""
    values = asked.values(start=since, before=ids["before"], seconds=seconds) | {"from": ids["start"]}
    return _found(session.execute(SAID_TWICE, values))


def late(session: Session, asked: Question) -> list[Found]:
    """Return what nobody has looked at in time, of whatever age."""
    return _found(session.execute(LATE, asked.values()))


def _found(rows: Any) -> list[Found]:
    return [Found(*row) for row in rows]


def client_names(session: Session) -> dict[int, str]:
    """Return the names of all clients by id."""
    return {row.id: row.name for row in session.execute(NAMES)}


def keep_run(session: Session, run: Mapping[str, Any], *, runs: int) -> None:
    """Keep a run beside the last `runs` ones."""
    report = orjson.dumps(run["report"]).decode()
    session.execute(KEEP_RUN, {**run, "report": report, "runs": runs})


def last_runs(session: Session, *, most: int) -> Sequence[AuditRun]:
    """Return the last runs that were kept, newest first, without their reports."""
    newest = select(AuditRun).options(defer(AuditRun.report)).order_by(AuditRun.id.desc())
    return session.scalars(newest.limit(most)).all()


def last_run(session: Session) -> AuditRun | None:
    """Return the last run that was kept."""
    return session.scalar(select(AuditRun).order_by(AuditRun.id.desc()).limit(1))
