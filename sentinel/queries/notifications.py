"""Reads and writes of notifications that callers ask for: insert, look up, list, cancel, retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from sentinel.ids import first_id
from sentinel.models import Attempt, Client, Notification, TimelineEntry
from sentinel.models.status import CANCELLABLE, RETRYABLE, Status
from sentinel.queries.values import array, recordset

# A row that rules made may be there already: its event was evaluated before. Each new one is entered in the books.
INSERT = text("""
    WITH stored AS (
        INSERT INTO notifications (
            id, client_id, channel, recipient, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
            event_id, rule_ids, endpoint_id, status, reason, attempt_limit, send_at, expires_at, next_attempt_at,
            queue_at, failover, failover_at, failover_of, created_at, updated_at)
        SELECT
            id, client_id, channel, recipient, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
            event_id, rule_ids, endpoint_id, status, reason, attempt_limit, send_at, expires_at, send_at, queue_at,
            failover, failover_at, failover_of, created_at, created_at
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id uuid, client_id int, channel text, recipient text, subject text, body text, severity text, user_id text,
            dedupe_key text, dedupe_seconds int, metadata jsonb, event_id uuid, rule_ids int[], endpoint_id int,
            status text, reason text, attempt_limit smallint, send_at timestamptz, expires_at timestamptz,
            queue_at timestamptz, failover jsonb, failover_at timestamptz, failover_of uuid, created_at timestamptz)
        ON CONFLICT (event_id, client_id, channel, recipient) WHERE event_id IS NOT NULL DO NOTHING
        RETURNING id, channel, status, client_id, created_at),
    booked AS (
        INSERT INTO book_entries (client_id, channel, day, accepted)
        SELECT client_id, channel, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, count(*)
        FROM stored GROUP BY client_id, channel, day)
    SELECT id::text, channel, status FROM stored
""")

CANCEL = text("""
    UPDATE notifications
    SET status = 'CANCELLED', reason = NULL, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    WHERE id = :id AND status = ANY(CAST(:sources AS text[]))
""")

RETRY = text("""
    UPDATE notifications
    SET status = 'PENDING', reason = 'retried', attempt_limit = attempts + :attempts,
        next_attempt_at = NULL, queue_at = :queue_at, updated_at = :now,
        expires_at = CASE WHEN expires_at > :now THEN expires_at END
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = ANY(CAST(:sources AS text[]))
    RETURNING id::text, channel
""")

NOTE = text("""
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, :now, :kind, CAST(:detail AS jsonb) FROM unnest(CAST(:ids AS uuid[])) AS id
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `before` is the id that the page ended with."""

    client_id: int | None = None
    statuses: tuple[str, ...] = ()
    channel: str | None = None
    reason: str | None = None
    since: datetime | None = None
    before: str | None = None
    event_id: str | None = None
    user_id: str | None = None
    recipient: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found: list[ColumnElement[bool]] = []
        if self.client_id is not None:
            found.append(Notification.client_id == self.client_id)
        if self.statuses:
            found.append(Notification.status.in_(self.statuses))
        if self.channel is not None:
            found.append(Notification.channel == self.channel)
        if self.reason is not None:
            found.append(Notification.reason == self.reason)
        if self.since is not None:
            found.append(Notification.id >= first_id(self.since))
        if self.before is not None:
            found.append(Notification.id < self.before)
        if self.event_id is not None:
            found.append(Notification.event_id == self.event_id)
        if self.user_id is not None:
            found.append(Notification.user_id == self.user_id)
        if self.recipient is not None:
            found.append(Notification.recipient == self.recipient)
        return found


@dataclass(frozen=True, slots=True)
class Inserted:
    """A row that is new."""

    id: str
    channel: str
    status: str


def insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Inserted]:
    """Store new rows in one statement; returns those that were not there before."""
    return [Inserted(*row) for row in session.execute(INSERT, {"rows": recordset(rows)})]


def get(session: Session, notification_id: str, *, client_id: int | None) -> Notification | None:
    """Return one row, if it belongs to the client (None: any client, for operators)."""
    wanted = Filter(client_id=client_id).conditions()
    return session.scalar(select(Notification).where(Notification.id == notification_id, *wanted))


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[Notification, str]]:
    """Return up to `size` rows with their client's name, newest first."""
    statement = (
        select(Notification, Client.name)
        .join(Client, Client.id == Notification.client_id)
        .where(*wanted.conditions())
        .order_by(Notification.id.desc())
        .limit(size)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def ids(session: Session, wanted: Filter, *, size: int) -> Sequence[str]:
    """Return up to `size` ids, newest first; the bodies stay where they are."""
    statement = select(Notification.id).where(*wanted.conditions()).order_by(Notification.id.desc()).limit(size)
    return session.scalars(statement).all()


def count_by_reason(session: Session, wanted: Filter) -> list[tuple[str, str | None, str | None, int]]:
    """Count what `wanted` finds by channel, reason and provider; for operators, not for requests."""
    keys = (Notification.channel, Notification.reason, Notification.provider)
    statement = select(*keys, func.count()).where(*wanted.conditions()).group_by(*keys).order_by(func.count().desc())
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(statement)]


def cancel(session: Session, notification_id: str, *, now: datetime) -> bool:
    """Cancel a waiting row; False if it is not waiting (any more)."""
    values = {"id": notification_id, "now": now, "sources": array(CANCELLABLE)}
    return bool(session.execute(CANCEL, values).rowcount)  # type: ignore[attr-defined]


def retry(
    session: Session, ids: Sequence[str], *, attempts: int, now: datetime, queue_at: datetime
) -> list[tuple[str, str]]:
    """Start ended rows over with `attempts` more tries; returns (id, channel) of those that were ended."""
    values = {"ids": array(ids), "attempts": attempts, "now": now, "queue_at": queue_at, "sources": array(RETRYABLE)}
    return [(row.id, row.channel) for row in session.execute(RETRY, values)]


def note(session: Session, ids: Sequence[str], kind: str, *, now: datetime, detail: str = "{}") -> None:
    """Write one timeline entry for each of `ids`; `detail` is JSON text."""
    session.execute(NOTE, {"ids": array(ids), "now": now, "kind": kind, "detail": detail})


def attempts_of(session: Session, notification_id: str) -> Sequence[Attempt]:
    """Return the tries of one notification, first to last."""
    statement = select(Attempt).where(Attempt.notification_id == notification_id).order_by(Attempt.number)
    return session.scalars(statement).all()


def entries_of(session: Session, notification_id: str) -> Sequence[TimelineEntry]:
    """Return the timeline entries of one notification, oldest first."""
    statement = select(TimelineEntry).where(TimelineEntry.notification_id == notification_id).order_by(TimelineEntry.id)
    return session.scalars(statement).all()


def status_of(session: Session, notification_id: str) -> Status | None:
    """Return where one row stands now."""
    found = session.scalar(select(Notification.status).where(Notification.id == notification_id))
    return Status(found) if found else None
