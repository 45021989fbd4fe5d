"""Reads and writes of alerts: what is reported of them, and which are over without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from sentinel.models import Alert
from sentinel.models.alert import AlertStatus
from sentinel.prepared import prepared
from sentinel.queries.values import recordset

# What is known of an alert, `a`, and what is reported now, EXCLUDED, are one if their times overlap. Then the earlier
# start counts, and of two ends the later one where both are over, or where the known one was said on purpose.
OVERLAPS = """(
    (EXCLUDED.ends_at > a.starts_at AND EXCLUDED.ends_at < a.ends_at)
    OR (EXCLUDED.starts_at > a.starts_at AND EXCLUDED.starts_at < a.ends_at))"""
KEEPS_LATER = """(
    (EXCLUDED.ends_at <= :now AND a.ends_at <= :now) OR (EXCLUDED.ends_at > :now AND NOT a.is_open_ended))"""
START = f"(CASE WHEN {OVERLAPS} THEN least(a.starts_at, EXCLUDED.starts_at) ELSE EXCLUDED.starts_at END)"
END = f"""(CASE WHEN {OVERLAPS} AND {KEEPS_LATER}
    THEN greatest(a.ends_at, EXCLUDED.ends_at) ELSE EXCLUDED.ends_at END)"""
STATUS = f"(CASE WHEN {END} > :now THEN 'firing' ELSE 'resolved' END)"

# Sorted, so that two reports of the same alerts cannot deadlock. Each is judged by the row as it is once it is locked.
REPORT = prepared(f"""
    WITH reported AS (
        INSERT INTO alerts AS a (
            client_id, fingerprint, labels, annotations, generator_url, starts_at, ends_at, is_open_ended, status,
            updated_at)
        SELECT CAST(:client_id AS int), fingerprint, labels, annotations, generator_url, starts_at, ends_at,
               is_open_ended, CASE WHEN ends_at > CAST(:now AS timestamptz) THEN 'firing' ELSE 'resolved' END, :now
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            fingerprint text, labels jsonb, annotations jsonb, generator_url text, starts_at timestamptz,
            ends_at timestamptz, is_open_ended boolean)
        ORDER BY fingerprint
        ON CONFLICT (client_id, fingerprint) DO UPDATE SET
            annotations = EXCLUDED.annotations, generator_url = EXCLUDED.generator_url, starts_at = {START},
            ends_at = {END}, status = {STATUS}, status_before = a.status, updated_at = :now,
            is_open_ended = CASE WHEN {END} = EXCLUDED.ends_at THEN EXCLUDED.is_open_ended ELSE a.is_open_ended END,
            returns = CASE WHEN {START} < a.starts_at
                OR ({START} = a.starts_at AND a.status = 'resolved' AND {STATUS} = 'firing')
                THEN a.returns + 1 ELSE a.returns END
        RETURNING fingerprint, status, labels, annotations, generator_url, starts_at, ends_at, returns,
                  status <> coalesce(status_before, 'resolved') AS is_changed)
    SELECT fingerprint, status, labels::text, annotations::text, generator_url, starts_at, ends_at, returns
    FROM reported WHERE is_changed ORDER BY fingerprint
""")  # noqa: S608 - put together from our own words

END_OVERDUE = text("""
    WITH due AS (
        SELECT client_id, fingerprint FROM alerts
        WHERE status = 'firing' AND ends_at <= :now
        ORDER BY ends_at LIMIT :most FOR UPDATE SKIP LOCKED),
    ended AS (
        UPDATE alerts a SET status = 'resolved', status_before = a.status, updated_at = :now
        FROM due WHERE a.client_id = due.client_id AND a.fingerprint = due.fingerprint
        RETURNING a.*)
    SELECT e.client_id, c.name AS client_name, e.fingerprint, e.status, e.labels::text, e.annotations::text,
           e.generator_url, e.starts_at, e.ends_at, e.returns
    FROM ended e JOIN clients c ON c.id = e.client_id ORDER BY e.client_id, e.fingerprint
""")


@dataclass(frozen=True, slots=True)
class ChangedAlert:
    """An alert whose status has just become another."""

    fingerprint: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str
    starts_at: datetime
    ends_at: datetime
    returns: int


def report(session: Session, rows: Sequence[Mapping[str, Any]], *, client_id: int, now: datetime) -> list[ChangedAlert]:
    """Store what is reported of alerts, each fingerprint once; returns those that began to fire or are resolved now.

    One that was never known to fire is not news when it is resolved.
    """
    values = {"rows": recordset(rows), "client_id": client_id, "now": now}
    return [_changed(*row) for row in session.execute(REPORT, values)]


def end_overdue(session: Session, *, now: datetime, most: int) -> list[tuple[int, str, ChangedAlert]]:
    """Resolve up to `most` alerts that nobody has reported in time; returns client, client's name and alert."""
    found = session.execute(END_OVERDUE, {"now": now, "most": most})
    return [(client_id, name, _changed(*alert)) for client_id, name, *alert in found]


def _changed(fingerprint: str, status: str, labels: str, annotations: str, *others: Any) -> ChangedAlert:
    return ChangedAlert(fingerprint, AlertStatus(status), orjson.loads(labels), orjson.loads(annotations), *others)


def firing(session: Session, client_id: int, *, now: datetime) -> Sequence[Alert]:
    """Return the alerts of a client that fire now, by fingerprint."""
    mine = (Alert.client_id == client_id, Alert.status == AlertStatus.FIRING, Alert.ends_at > now)
    return session.scalars(select(Alert).where(*mine).order_by(Alert.fingerprint)).all()
