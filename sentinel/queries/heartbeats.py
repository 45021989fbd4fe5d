"""Heartbeats: signals that come, those that are missed, and the rows that people edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, delete, not_, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Heartbeat
from sentinel.models.heartbeat import HeartbeatState
from sentinel.prepared import prepared
from sentinel.queries.unique import inserted

CHANGED = """
    h.id::text, h.client_id, c.name AS client_name, h.name, h.every_seconds, h.schedule::text, h.grace_seconds,
    h.severity, h.labels::text, h.is_paused, h.status, before.status AS status_before, h.reason, h.downs,
    before.last_seen_at, h.last_message, h.last_exit_code, h.expected_at, h.changed_at"""

# Who waited for the row, or whose clock is behind, changes it after the change before all the same.
AFTER = "greatest(CAST(:now AS timestamptz), h.changed_at + interval '1 microsecond')"

# The row is locked first, so that of two signals at one moment one sees what the other has made of it.
SIGNAL = """
    WITH before AS (
        SELECT b.id, b.status, b.last_seen_at FROM heartbeats b JOIN clients k ON k.id = b.client_id
        WHERE {whose} FOR NO KEY UPDATE OF b)
    UPDATE heartbeats h
    SET status = CASE WHEN CAST(:has_failed AS boolean) AND NOT h.is_paused THEN 'down' ELSE 'up' END,
        reason = CASE WHEN CAST(:has_failed AS boolean) AND NOT h.is_paused THEN 'failed' END,
        downs = h.downs
            + CASE WHEN CAST(:has_failed AS boolean) AND NOT h.is_paused AND before.status <> 'down' THEN 1 ELSE 0 END,
        changed_at = CASE
            WHEN (CAST(:has_failed AS boolean) AND NOT h.is_paused) <> (before.status = 'down') THEN {after}
            ELSE h.changed_at END,
        last_seen_at = CAST(:now AS timestamptz), last_message = CAST(:message AS text),
        last_exit_code = CAST(:exit_code AS int),
        expected_at = CASE WHEN NOT h.is_paused THEN :now + make_interval(secs => h.every_seconds) END,
        due_at = CASE WHEN NOT (h.is_paused OR :has_failed)
            THEN :now + make_interval(secs => h.every_seconds + h.grace_seconds) END
    FROM before, clients c WHERE h.id = before.id AND c.id = h.client_id
    RETURNING {changed}
"""
SIGNAL_BY_NAME = prepared(
    SIGNAL.format(
        whose="b.client_id = CAST(:client_id AS int) AND b.name = CAST(:name AS text)", changed=CHANGED, after=AFTER
    )
)
SIGNAL_BY_ID = prepared(SIGNAL.format(whose="b.id = CAST(:id AS uuid) AND k.is_active", changed=CHANGED, after=AFTER))

# Only what has windows: when it is next, no sum tells.
EXPECT = text("""
    UPDATE heartbeats SET expected_at = :expected_at, due_at = :due_at WHERE id = CAST(:id AS uuid)
""")

MISS = text(f"""
    WITH before AS (
        SELECT id, status, last_seen_at FROM heartbeats
        WHERE due_at <= :now ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE heartbeats h SET status = 'down', reason = 'missed', downs = h.downs + 1, due_at = NULL,
        changed_at = {AFTER}
    FROM before, clients c WHERE h.id = before.id AND c.id = h.client_id
    RETURNING {CHANGED}
""")  # noqa: S608 - put together from our own words


@dataclass(frozen=True, slots=True)
class Changed:
    """A heartbeat as a signal, or its absence, has left it; `status_before` and `last_seen_at` as they were before.

    `changed_at` is there of whatever went down or came up.
    """

    id: str
    client_id: int
    client_name: str
    name: str
    every_seconds: int | None
    schedule: str | None
    grace_seconds: int
    severity: str | None
    labels: Mapping[str, Any]
    is_paused: bool
    status: str
    status_before: str
    reason: str | None
    downs: int
    last_seen_at: datetime | None
    last_message: str | None
    last_exit_code: int | None
    expected_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the name that the page before ended with."""

    client_id: int | None
    state: HeartbeatState | None = None
    after: str | None = None

    def conditions(self, now: datetime) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found = [] if self.client_id is None else [Heartbeat.client_id == self.client_id]
        if self.after is not None:
            found.append(Heartbeat.name > self.after)
        return found if self.state is None else [*found, _stands(self.state, now)]


def _stands(state: HeartbeatState, now: datetime) -> ColumnElement[bool]:
    """What `Heartbeat.state` says, as the database asks it."""
    if state is HeartbeatState.PAUSED:
        return Heartbeat.is_paused.is_(True)
    is_late = and_(Heartbeat.status != HeartbeatState.DOWN, Heartbeat.expected_at <= now)
    if state is HeartbeatState.LATE:
        return and_(Heartbeat.is_paused.is_(False), is_late)
    is_early = or_(Heartbeat.expected_at.is_(None), not_(is_late))
    return and_(Heartbeat.is_paused.is_(False), Heartbeat.status == state, is_early)


@dataclass(frozen=True, slots=True)
class Signal:
    """What a sender says of itself."""

    has_failed: bool = False
    message: str | None = None
    exit_code: int | None = None


def signal(session: Session, client_id: int, name: str, said: Signal, *, now: datetime) -> Changed | None:
    """Write down a signal of a client's heartbeat; None if there is none of that name."""
    return _signal(session, SIGNAL_BY_NAME, {"client_id": client_id, "name": name}, said, now)


def signal_at(session: Session, heartbeat_id: str, said: Signal, *, now: datetime) -> Changed | None:
    """Write down a signal that came to the address of a heartbeat; None if there is none, or its client is off."""
    return _signal(session, SIGNAL_BY_ID, {"id": heartbeat_id}, said, now)


def _signal(session: Session, statement: Any, whose: dict[str, Any], said: Signal, now: datetime) -> Changed | None:
    values = {"has_failed": said.has_failed, "message": said.message, "exit_code": said.exit_code, "now": now}
    found = session.execute(statement, whose | values).one_or_none()
    return None if found is None else _changed(found)


def expect(session: Session, heartbeat_id: str, *, expected_at: datetime | None, due_at: datetime | None) -> None:
    """Say when the next signal should be there, and when it is missed."""
    session.execute(EXPECT, {"id": heartbeat_id, "expected_at": expected_at, "due_at": due_at})


def miss(session: Session, *, now: datetime, most: int) -> list[Changed]:
    """Take up to `most` heartbeats whose signal is missed; they are down from now on."""
    return [_changed(row) for row in session.execute(MISS, {"now": now, "most": most})]


def _changed(row: Any) -> Changed:
    return replace(Changed(*row), labels=orjson.loads(row.labels))


def get(session: Session, client_id: int, name: str, *, is_locked: bool = False) -> Heartbeat | None:
    """Return a heartbeat of a client."""
    wanted = select(Heartbeat).where(Heartbeat.client_id == client_id, Heartbeat.name == name)
    return session.scalar(wanted.with_for_update() if is_locked else wanted)


def page(session: Session, wanted: Filter, *, now: datetime, size: int) -> list[tuple[Heartbeat, str]]:
    """Return up to `size` heartbeats with their clients' names, by name."""
    statement = select(Heartbeat, Client.name).join(Client, Client.id == Heartbeat.client_id)
    ordered = statement.where(*wanted.conditions(now)).order_by(Heartbeat.name, Heartbeat.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def add(session: Session, values: dict[str, Any]) -> Heartbeat:
    """Store a heartbeat. Raises `TakenError`."""
    return inserted(session, insert(Heartbeat).values(**values), Heartbeat)


def remove(session: Session, heartbeat_id: str) -> None:
    """Remove a heartbeat."""
    session.execute(delete(Heartbeat).where(Heartbeat.id == heartbeat_id))
