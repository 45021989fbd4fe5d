"""Reads and writes of suppressions, and the end of what was to go to a suppressed address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.models.status import Status
from sentinel.queries.values import array, recordset

# Sorted, so that two batches cannot deadlock.
INSERT = text("""
    INSERT INTO suppressions (client_id, channel, recipient, reason, source, notification_id, note, created_at)
    SELECT client_id, channel, recipient, reason, source, notification_id, note, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        client_id int, channel text, recipient text, reason text, source text, notification_id uuid, note text)
    ORDER BY client_id, channel, recipient
    ON CONFLICT (client_id, channel, recipient) WHERE lifted_at IS NULL DO NOTHING
    RETURNING id, reason
""")

END_SUPPRESSED = text("""
    WITH ended AS (
        UPDATE notifications n
        SET status = 'SUPPRESSED', reason = s.reason, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
        FROM suppressions s
        WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.status = ANY(CAST(:sources AS text[]))
          AND s.client_id = n.client_id AND s.channel = n.channel AND s.recipient = n.recipient AND s.lifted_at IS NULL
        RETURNING n.id, s.id AS suppression_id, s.reason, s.created_at AS since, s.source),
    noted AS (
        INSERT INTO timeline_entries (notification_id, at, kind, detail)
        SELECT id, :now, 'address_suppressed', jsonb_build_object(
            'suppression_id', suppression_id, 'reason', reason, 'since', since, 'by', source)
        FROM ended)
    SELECT id::text, reason FROM ended
""")

UNSENT = frozenset({Status.PENDING, Status.RETRYING})
"""What waits for a send. A send in doubt is not ended: its provider may yet say that it arrived."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A notification that ended because its address is suppressed, and the suppression's reason."""

    id: str
    reason: str


def insert(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[tuple[int, str]]:
    """Suppress addresses, each named once; returns (id, reason) of those that were not suppressed before."""
    return [(row.id, row.reason) for row in session.execute(INSERT, {"rows": recordset(rows), "now": now})]


def end_suppressed(session: Session, ids: Sequence[str], *, now: datetime) -> list[Ended]:
    """End those of `ids` that wait for a send to a suppressed address; their timelines name the suppression."""
    values = {"ids": array(ids), "sources": array(UNSENT), "now": now}
    return [Ended(*row) for row in session.execute(END_SUPPRESSED, values)]
