"""Reads and writes of suppressions, and the end of what was to go to a suppressed address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from sentinel.models import Client, Notification, Suppression
from sentinel.models.status import Status
from sentinel.prepared import prepared
from sentinel.queries.values import array, recordset

SUPPRESSED = """
    EXISTS (
        SELECT FROM suppressions s
        WHERE s.client_id = n.client_id AND s.channel = n.channel AND s.recipient = n.recipient AND s.lifted_at IS NULL)
"""
"""Whether the address of a notification `n` is suppressed."""

# Sorted, so that two batches cannot deadlock. An address that is suppressed already is written as it is: so it is
# locked, and cannot be lifted before whoever asked has read it.
PUT = text("""
    INSERT INTO suppressions AS present (
        client_id, channel, recipient, reason, source, notification_id, note, created_at)
    SELECT client_id, channel, recipient, reason, source, notification_id, note, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        client_id int, channel text, recipient text, reason text, source text, notification_id uuid, note text)
    ORDER BY client_id, channel, recipient
    ON CONFLICT (client_id, channel, recipient) WHERE lifted_at IS NULL DO UPDATE SET reason = present.reason
    RETURNING id, channel, recipient, reason, xmax = 0 AS is_new
""")

END_SUPPRESSED = prepared("""
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

LIFT = text("""
    UPDATE suppressions SET lifted_at = :now, lifted_by = :by
    WHERE id = :id AND client_id = coalesce(:client_id, client_id) AND lifted_at IS NULL
""")

UNSENT = frozenset({Status.PENDING, Status.RETRYING})
"""What waits for a send. A send in doubt is not ended: its provider may yet say that it arrived."""


@dataclass(frozen=True, slots=True)
class Put:
    """A suppression that holds, and whether it is new."""

    id: int
    channel: str
    recipient: str
    reason: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A notification that ended because its address is suppressed, and the suppression's reason."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `before` is the id that the page ended with."""

    client_id: int | None = None
    channel: str | None = None
    recipient: str | None = None
    reason: str | None = None
    has_lifted: bool = False
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        exact = {
            "client_id": self.client_id,
            "channel": self.channel,
            "recipient": self.recipient,
            "reason": self.reason,
        }
        found = [getattr(Suppression, name) == value for name, value in exact.items() if value is not None]
        if not self.has_lifted:
            found.append(Suppression.lifted_at.is_(None))
        if self.before is not None:
            found.append(Suppression.id < self.before)
        return found


def put(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Put]:
    """Suppress addresses, each named once; those that were already keep their reason, source and date."""
    return [Put(*row) for row in session.execute(PUT, {"rows": recordset(rows), "now": now})]


def end_suppressed(session: Session, ids: Sequence[str], *, now: datetime) -> list[Ended]:
    """End those of `ids` that wait for a send to a suppressed address; their timelines name the suppression."""
    values = {"ids": array(ids), "sources": array(UNSENT), "now": now}
    return [Ended(*row) for row in session.execute(END_SUPPRESSED, values)]


def by_ids(session: Session, ids: Sequence[int]) -> Sequence[Suppression]:
    """Return suppressions."""
    return session.scalars(select(Suppression).where(Suppression.id.in_(ids))).all()


def get(session: Session, suppression_id: int, *, client_id: int | None) -> tuple[Suppression, str] | None:
    """Return one suppression with its client's name, if it belongs to the client (None: any, for operators)."""
    wanted = Filter(client_id=client_id, has_lifted=True).conditions()
    named = select(Suppression, Client.name).join(Client, Client.id == Suppression.client_id)
    found = session.execute(named.where(Suppression.id == suppression_id, *wanted)).one_or_none()
    return (found[0], found[1]) if found else None


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[Suppression, str]]:
    """Return up to `size` suppressions with their client's name, newest first."""
    statement = (
        select(Suppression, Client.name)
        .join(Client, Client.id == Suppression.client_id)
        .where(*wanted.conditions())
        .order_by(Suppression.id.desc())
        .limit(size)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def lift(session: Session, suppression_id: int, *, client_id: int | None, by: str, now: datetime) -> bool:
    """End a suppression; False if it does not hold (any more)."""
    values = {"id": suppression_id, "client_id": client_id, "by": by, "now": now}
    return bool(session.execute(LIFT, values).rowcount)  # type: ignore[attr-defined]


def addresses_of(session: Session, ids: Sequence[str]) -> list[tuple[str, int, str, str]]:
    """Return id, client, channel and recipient of notifications."""
    columns = (Notification.id, Notification.client_id, Notification.channel, Notification.recipient)
    return [
        (row[0], row[1], row[2], row[3]) for row in session.execute(select(*columns).where(Notification.id.in_(ids)))
    ]
