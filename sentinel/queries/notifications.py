"""Reads and writes of notifications that callers ask for: insert, look up, list, cancel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, Select, exists, func, literal, select, text, true, union_all
from sqlalchemy.orm import Session, aliased

from sentinel.ids import first_id
from sentinel.models import Attempt, Client, Notification, TimelineEntry
from sentinel.models.notification import UNSENT
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

# Who names no other targets gets those of the client's chain for its channel, unless it is itself a target of that
# chain; an empty list wants none.
USUAL_FAILOVER = """LEFT JOIN (
            SELECT client_id AS of_client, channel AS of_channel, targets AS usual FROM failover_chains) chains
            ON of_client = client_id AND of_channel = channel AND failover IS NULL
            AND NOT usual @> jsonb_build_array(jsonb_build_object('channel', channel, 'recipient', recipient))"""
FAILOVER = "nullif(coalesce(failover, usual), '[]')"
FAILOVER_AT = """coalesce(failover_at,
                coalesce(send_at, created_at) + make_interval(secs => CAST(usual -> 0 ->> 'after_seconds' AS int)))"""

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
            {failover}, {failover_at}, failover_of, coalesce(is_followed, {followed}),
            created_at, created_at{traced}
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id uuid, client_id int, channel text, recipient text, subject text, body text, severity text, user_id text,
            dedupe_key text, dedupe_seconds int, metadata jsonb, event_id uuid, rule_ids int[], endpoint_id int,
            status text, reason text, attempt_limit smallint, send_at timestamptz, expires_at timestamptz,
            queue_at timestamptz, failover jsonb, failover_at timestamptz, failover_of uuid, is_followed boolean,
            created_at timestamptz{caller_column}{traced_column})
        {usual}
        {of_whom}
        ON CONFLICT (event_id, client_id, channel, recipient) WHERE event_id IS NOT NULL DO NOTHING
        RETURNING id, channel, status, client_id, created_at),
        {booked}
    SELECT id::text, channel, status FROM stored
"""
_PARTS = {
    "booked": BOOKED,
    "followed": FOLLOWED,
    "failover": FAILOVER,
    "failover_at": FAILOVER_AT,
    "usual": USUAL_FAILOVER,
}
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

NOTE = text("""
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, :now, :kind, CAST(:detail AS jsonb) FROM unnest(CAST(:ids AS uuid[])) AS id
""")


COUNT_TOLD = text("""
    SELECT count(*) FROM notifications
    WHERE event_id = ANY(CAST(:event_ids AS uuid[])) AND client_id = :client_id AND status <> 'SUPPRESSED'
""")

SUCCESSOR = aliased(Notification)
EQUAL = ("client_id", "channel", "reason", "event_id", "user_id", "recipient", "provider", "replay_id")
"""Columns that a filter compares as they are."""

BY_CLIENT = ("channel", "reason", "user_id", "recipient")
"""Columns whose indexes begin with the client."""


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
    until: datetime | None = None
    after: str | None = None
    """What is newer than this id."""
    ids: tuple[str, ...] = ()
    rule_id: int | None = None
    replay_id: int | None = None
    without: tuple[str, ...] = ()
    """Columns that hold nothing: no reason, no provider."""

    def is_of_each_client(self) -> bool:
        """Whether it asks for what an index finds in one client only: then each is asked for its newest."""
        if self.client_id is not None or self.ids or self.event_id is not None or self.replay_id is not None:
            return False
        if any(getattr(self, name) is not None for name in BY_CLIENT):
            return True
        return self._is_unsent() and not RETRYABLE.issuperset(self.statuses)  # letters have an index of their own

    def _is_unsent(self) -> bool:
        return bool(self.statuses) and UNSENT.issuperset(self.statuses)

    def arms(self) -> list[Filter]:
        """The same as several filters, where an index has what is asked for in as many places."""
        one_by_one = self._is_unsent() and self.is_of_each_client()
        return [replace(self, statuses=(each,)) for each in self.statuses] if one_by_one else [self]

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        return [*self._of_columns(), *self._of_ids(), *self._of_others()]

    def _of_columns(self) -> Iterator[ColumnElement[bool]]:
        for name in EQUAL:
            if (value := getattr(self, name)) is not None:
                yield getattr(Notification, name) == value
        if self.recipient is not None:
            yield func.hashtext(Notification.recipient) == func.hashtext(self.recipient)  # what is indexed
        if self.statuses:
            yield Notification.status.in_(self.statuses)
            if WAITING.issuperset(self.statuses):
                yield Notification.queue_at.is_not(None)  # the same, and indexed
        if self.rule_id is not None:
            yield Notification.rule_ids.contains(literal([self.rule_id], ARRAY(Integer)))
        for name in self.without:
            yield getattr(Notification, name).is_(None)

    def _of_ids(self) -> Iterator[ColumnElement[bool]]:
        """Ids tell the time."""
        if self.ids:
            yield Notification.id.in_(self.ids)
        if self.since is not None:
            yield Notification.id >= first_id(self.since)
        if self.until is not None:
            yield Notification.id < first_id(self.until)
        if self.before is not None:
            yield Notification.id < self.before
        if self.after is not None:
            yield Notification.id > self.after

    def _of_others(self) -> Iterator[ColumnElement[bool]]:
        if self.is_unheard:
            yield ~exists().where(SUCCESSOR.failover_of == Notification.id)


@dataclass(frozen=True, slots=True)
class Inserted:
    """A row that is new."""

    id: str
    channel: str
    status: str


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
    statement = select(Notification, Client.name).join(Client, Client.id == Notification.client_id)
    found = _newest(wanted, size)
    if wanted.is_of_each_client():
        statement = statement.where(Notification.id.in_(found))
    else:
        statement = statement.where(*wanted.conditions())
    return [(row[0], row[1]) for row in session.execute(statement.order_by(Notification.id.desc()).limit(size))]


def ids(session: Session, wanted: Filter, *, size: int) -> Sequence[str]:
    """Return up to `size` ids, newest first; the bodies stay where they are."""
    return session.scalars(_newest(wanted, size)).all()


def _newest(wanted: Filter, size: int) -> Select[Any]:
    arms = wanted.arms()
    if len(arms) > 1:
        ids = union_all(*(select(_newest(arm, size).subquery()) for arm in arms)).subquery()
        return select(ids.c.id).order_by(ids.c.id.desc()).limit(size)
    if not wanted.is_of_each_client():
        return select(Notification.id).where(*wanted.conditions()).order_by(Notification.id.desc()).limit(size)
    own = select(Notification.id).where(Notification.client_id == Client.id, *wanted.conditions())
    each = own.order_by(Notification.id.desc()).limit(size).correlate(Client).lateral()
    return select(each.c.id).select_from(Client).join(each, true()).order_by(each.c.id.desc()).limit(size)


def successor_of(session: Session, notification_id: str) -> Notification | None:
    """Return the one that took over for a notification."""
    return session.scalar(select(Notification).where(Notification.failover_of == notification_id))


def count_newer(session: Session, wanted: Filter, *, most: int) -> int:
    """Count what has come after `wanted.after`, up to `most`."""
    found = select(Notification.id).where(*wanted.conditions()).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def cancel(session: Session, notification_id: str, *, now: datetime) -> bool:
    """Cancel a waiting row; False if it is not waiting (any more)."""
    values = {"id": notification_id, "now": now, "sources": array(CANCELLABLE)}
    return bool(session.execute(CANCEL, values).rowcount)  # type: ignore[attr-defined]


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


def count_told(session: Session, client_id: int, event_ids: Sequence[str]) -> int:
    """Count what a client is told of events, without what was held back."""
    told = session.execute(COUNT_TOLD, {"event_ids": array(event_ids), "client_id": client_id})
    return int(told.scalar_one())
