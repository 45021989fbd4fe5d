"""Reads and writes of notifications that callers ask for: insert, look up, list, cancel, retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.orm import Session, aliased

from sentinel.ids import first_id
from sentinel.models import Attempt, Client, Notification, TimelineEntry
from sentinel.models.status import CANCELLABLE, RETRYABLE, WAITING, Status
from sentinel.prepared import prepared
from sentinel.queries.clients import LIVE_CALLERS, Credentials, numbered
from sentinel.queries.traces import TRACED, UNTRACED, are_traced
from sentinel.queries.values import array, recordset

# What was stored, as `stored`, is entered in the books.
BOOKED = """
    booked AS (
        INSERT INTO book_entries (client_id, channel, day, accepted)
        SELECT client_id, channel, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, count(*)
        FROM stored GROUP BY client_id, channel, day)
"""

FOLLOWED = "client_id IN (SELECT e.client_id FROM endpoints e WHERE e.purpose = 'statuses' AND e.is_enabled)"
"""Whether the client wants to hear how its notifications end."""

# A row that rules made may be there already: its event was evaluated before. A column costs its reading for each row,
# also where nothing is in it: `traced` is the one of those that belong to a trace.
STORE = """
    WITH stored AS (
        INSERT INTO notifications (
            id, client_id, channel, recipient, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
            event_id, rule_ids, endpoint_id, status, reason, attempt_limit, send_at, expires_at, next_attempt_at,
            queue_at, failover, failover_at, failover_of, is_followed, created_at, updated_at{traced})
        SELECT
            id, client_id, channel, recipient, subject, body, severity, user_id, dedupe_key, dedupe_seconds, metadata,
            event_id, rule_ids, endpoint_id, status, reason, attempt_limit, send_at, expires_at, send_at, queue_at,
            failover, failover_at, failover_of, coalesce(is_followed, {followed}),
            created_at, created_at{traced}
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id uuid, client_id int, channel text, recipient text, subject text, body text, severity text, user_id text,
            dedupe_key text, dedupe_seconds int, metadata jsonb, event_id uuid, rule_ids int[], endpoint_id int,
            status text, reason text, attempt_limit smallint, send_at timestamptz, expires_at timestamptz,
            queue_at timestamptz, failover jsonb, failover_at timestamptz, failover_of uuid, is_followed boolean,
            created_at timestamptz{caller_column}{traced_column})
        {of_whom}
        ON CONFLICT (event_id, client_id, channel, recipient) WHERE event_id IS NOT NULL DO NOTHING
        RETURNING id, channel, status, client_id, created_at),
        {booked}
    SELECT id::text, channel, status FROM stored
"""
_PARTS = {"booked": BOOKED, "followed": FOLLOWED}
_ANYBODY = {"caller_column": "", "of_whom": ""}
_LIVE_CALLERS = {"caller_column": ", caller int", "of_whom": f"WHERE r.caller IN ({LIVE_CALLERS})"}
INSERT = prepared(STORE.format(**_PARTS, **_ANYBODY, **UNTRACED))
INSERT_TRACED = prepared(STORE.format(**_PARTS, **_ANYBODY, **TRACED))
INSERT_FOR_LIVE_CALLERS = prepared(STORE.format(**_PARTS, **_LIVE_CALLERS, **UNTRACED))
INSERT_TRACED_FOR_LIVE_CALLERS = prepared(STORE.format(**_PARTS, **_LIVE_CALLERS, **TRACED))

CANCEL = text("""
    UPDATE notifications
    SET status = 'CANCELLED', reason = NULL, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    WHERE id = :id AND status = ANY(CAST(:sources AS text[]))
""")

# The pace is in the rows: the first second's worth is due at once, each other has a time of its own.
RETRY = text("""
    WITH wanted AS (
        SELECT id, CASE WHEN turn >= :rate
            THEN CAST(:began_at AS timestamptz) + make_interval(secs => turn / CAST(:rate AS float8)) END AS due_at
        FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, nth),
             LATERAL (SELECT :place + nth - 1) AS counted (turn))
    UPDATE notifications n
    SET status = 'PENDING', reason = 'retried', told_status = NULL, attempt_limit = attempts + :attempts,
        updated_at = :now,
        next_attempt_at = CASE WHEN w.due_at IS NOT NULL
            THEN least(w.due_at, CASE WHEN expires_at > :now THEN expires_at END) END,
        queue_at = CASE WHEN w.due_at IS NULL THEN :queue_at
            ELSE least(w.due_at, CASE WHEN expires_at > :now THEN expires_at END) END,
        expires_at = CASE WHEN expires_at > :now THEN expires_at END
    FROM wanted w
    WHERE n.id = w.id AND n.status = ANY(CAST(:sources AS text[]))
    RETURNING n.id::text, n.channel, n.next_attempt_at
""")

NOTE = text("""
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, :now, :kind, CAST(:detail AS jsonb) FROM unnest(CAST(:ids AS uuid[])) AS id
""")


SUCCESSOR = aliased(Notification)
EQUAL = ("client_id", "channel", "reason", "event_id", "user_id", "recipient", "provider")
"""Columns that a filter compares as they are."""


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
    provider: str | None = None
    is_unheard: bool = False
    """Only what nobody has taken over for."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        given = {name: value for name in EQUAL if (value := getattr(self, name)) is not None}
        found = [getattr(Notification, name) == value for name, value in given.items()]
        if self.recipient is not None:
            found.append(func.hashtext(Notification.recipient) == func.hashtext(self.recipient))  # what is indexed
        if self.statuses:
            found.append(Notification.status.in_(self.statuses))
            if WAITING.issuperset(self.statuses):
                found.append(Notification.queue_at.is_not(None))  # the same, and indexed
        if self.since is not None:
            found.append(Notification.id >= first_id(self.since))
        if self.before is not None:
            found.append(Notification.id < self.before)
        if self.is_unheard:
            found.append(~exists().where(SUCCESSOR.failover_of == Notification.id))
        return found


@dataclass(frozen=True, slots=True)
class Pace:
    """So many a second from `began_at` on; `place` of them have had their turn."""

    rate: float
    began_at: datetime
    place: int = 0


@dataclass(frozen=True, slots=True)
class Inserted:
    """A row that is new."""

    id: str
    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class Retried:
    """A row that was started over; `due_at` is its turn (None: at once)."""

    id: str
    channel: str
    due_at: datetime | None


def insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Inserted]:
    """Store new rows in one statement; returns those that were not there before."""
    statement = INSERT_TRACED if are_traced(rows) else INSERT
    return [Inserted(*row) for row in session.execute(statement, {"rows": recordset(rows)})]


def insert_for(
    session: Session, rows: Sequence[Mapping[str, Any]], callers: Sequence[Credentials], *, now: datetime
) -> set[str]:
    """Store new rows of those `callers` that are still what they were; `caller` of a row is a place in that list.

    Returns the ids of what was stored.
    """
    values = {"rows": recordset(rows), "callers": numbered(callers), "now": now}
    statement = INSERT_TRACED_FOR_LIVE_CALLERS if are_traced(rows) else INSERT_FOR_LIVE_CALLERS
    return {row.id for row in session.execute(statement, values)}


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


def cancel(session: Session, notification_id: str, *, now: datetime) -> bool:
    """Cancel a waiting row; False if it is not waiting (any more)."""
    values = {"id": notification_id, "now": now, "sources": array(CANCELLABLE)}
    return bool(session.execute(CANCEL, values).rowcount)  # type: ignore[attr-defined]


def retry(
    session: Session, ids: Sequence[str], pace: Pace, *, attempts: int, now: datetime, queue_at: datetime
) -> list[Retried]:
    """Start ended rows over with `attempts` more tries, each when its turn comes; returns those that were ended."""
    values = {"ids": array(ids), "attempts": attempts, "now": now, "queue_at": queue_at, "sources": array(RETRYABLE)}
    paced = {"place": pace.place, "rate": pace.rate, "began_at": pace.began_at}
    return [Retried(*row) for row in session.execute(RETRY, values | paced)]


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


def told_together(session: Session, notification_id: str, *, most: int) -> Sequence[str]:
    """Return the first of those that one notification told."""
    statement = select(Notification.id).where(Notification.told_by == notification_id)
    return session.scalars(statement.order_by(Notification.id).limit(most)).all()


def status_of(session: Session, notification_id: str) -> Status | None:
    """Return where one row stands now."""
    found = session.scalar(select(Notification.status).where(Notification.id == notification_id))
    return Status(found) if found else None
