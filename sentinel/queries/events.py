"""Reads and writes of events that callers ask for: insert, look up, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ARRAY, ColumnElement, Integer, Select, literal, or_, select, text, union_all
from sqlalchemy.orm import Session

from sentinel.ids import first_id
from sentinel.models import Client, Event
from sentinel.prepared import prepared
from sentinel.queries.clients import LIVE_CALLERS, Credentials, numbered
from sentinel.queries.traces import TRACED, UNTRACED, are_traced
from sentinel.queries.values import recordset

# What is the same for all events of one request is a parameter (`of` is a colon); of several requests, a column.
# `traced` is the column of those that belong to a trace.
STORE = """
    INSERT INTO events (
        id, client_id, event_id, type, severity, source, name, user_id, device_id, occurred_at, body,
        is_broadcast, is_addressed, status, queue_at, created_at{traced})
    SELECT
        id, {of}client_id, event_id, type, severity, source, name, user_id, device_id, occurred_at, body,
        {of}is_broadcast, {of}is_addressed, 'PENDING', {of}queue_at, {of}created_at{traced}
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, event_id text, type text, severity text, source text, name text, user_id text, device_id text,
        occurred_at timestamptz, body jsonb{own_columns}{traced_column})
    {of_whom}
    ON CONFLICT (client_id, event_id) WHERE event_id IS NOT NULL DO NOTHING
    RETURNING id::text
"""
_ONE_REQUEST = {"of": ":", "own_columns": "", "of_whom": ""}
INSERT = prepared(STORE.format(**_ONE_REQUEST, **UNTRACED))
INSERT_TRACED = prepared(STORE.format(**_ONE_REQUEST, **TRACED))
OWN_COLUMNS = """,
        client_id int, is_broadcast boolean, is_addressed boolean, queue_at timestamptz, created_at timestamptz,
        caller int"""
_MANY_REQUESTS = {"of": "r.", "own_columns": OWN_COLUMNS, "of_whom": f"WHERE r.caller IN ({LIVE_CALLERS})"}
INSERT_FOR_LIVE_CALLERS = prepared(STORE.format(**_MANY_REQUESTS, **UNTRACED))
INSERT_TRACED_FOR_LIVE_CALLERS = prepared(STORE.format(**_MANY_REQUESTS, **TRACED))

# Asked after INSERT, as a statement of its own: only then is what others committed meanwhile in sight.
FIRST_IDS = prepared("""
    SELECT event_id, id::text FROM events
    WHERE client_id = :client_id
      AND event_id IN (SELECT json_array_elements_text(CAST(:event_ids AS json)))
""")

# A deleted rule stays in the history, and what it said stays said.
RULES_OF_CLIENT = text("""
    SELECT id FROM rules WHERE client_id = :client_id
    UNION SELECT rule_id FROM rule_versions WHERE client_id = :client_id
""")

COUNT_NOTIFICATIONS = text("SELECT count(*) FROM notifications WHERE event_id = :id AND client_id = :client_id")


@dataclass(frozen=True, slots=True)
class Reception:
    """How a request's events are taken in: whose they are, who hears them, and when they are looked at again."""

    client_id: int
    is_broadcast: bool
    is_addressed: bool
    queue_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """What a client may see: its own events and all broadcasts; of the rules that spoke, those that are its own."""

    client_id: int
    rule_ids: frozenset[int]

    def own(self) -> ColumnElement[bool]:
        """Its own."""
        return Event.client_id == self.client_id

    def broadcast(self) -> ColumnElement[bool]:
        """Meant for everybody, by whomever."""
        return Event.is_broadcast.is_(True)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; `equal` holds columns and the values they must have. `before` ended the last page."""

    equal: Mapping[str, Any]
    statuses: tuple[str, ...] = ()
    rule_id: int | None = None
    since: datetime | None = None
    before: str | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found = [getattr(Event, column) == value for column, value in self.equal.items()]
        if self.statuses:
            found.append(Event.status.in_(self.statuses))
        if self.rule_id is not None:
            found.append(Event.rule_ids.contains(literal([self.rule_id], ARRAY(Integer))))
        if self.since is not None:
            found.append(Event.id >= first_id(self.since))
        if self.until is not None:
            found.append(Event.id < first_id(self.until))
        if self.before is not None:
            found.append(Event.id < self.before)
        return found


def insert(session: Session, rows: Sequence[Mapping[str, Any]], reception: Reception) -> set[str]:
    """Store new events in one statement; returns the ids of those whose `event_id` the client had not used before."""
    values = {
        "rows": recordset(rows),
        "client_id": reception.client_id,
        "is_broadcast": reception.is_broadcast,
        "is_addressed": reception.is_addressed,
        "queue_at": reception.queue_at,
        "created_at": reception.now,
    }
    return set(session.execute(INSERT_TRACED if are_traced(rows) else INSERT, values).scalars())


def insert_for(
    session: Session, rows: Sequence[Mapping[str, Any]], callers: Sequence[Credentials], *, now: datetime
) -> set[str]:
    """Store new events of those `callers` that are still what they were; `caller` of a row is a place in that list.

    Returns the ids of what was stored: neither what is of others, nor what has an `event_id` that was used before.
    """
    values = {"rows": recordset(rows), "callers": numbered(callers), "now": now}
    statement = INSERT_TRACED_FOR_LIVE_CALLERS if are_traced(rows) else INSERT_FOR_LIVE_CALLERS
    return set(session.execute(statement, values).scalars())


def first_ids(session: Session, client_id: int, event_ids: Sequence[str]) -> dict[str, str]:
    """Return our id of the event behind each of the sender's ids."""
    texts = orjson.dumps(list(event_ids)).decode()
    found = session.execute(FIRST_IDS, {"client_id": client_id, "event_ids": texts})
    return {row.event_id: row.id for row in found}


def sight_of(session: Session, client_id: int) -> Sight:
    """Return what the client may see."""
    return Sight(client_id, frozenset(session.execute(RULES_OF_CLIENT, {"client_id": client_id}).scalars()))


def get(session: Session, event_id: str, sight: Sight) -> tuple[Event, str] | None:
    """Return the event of our id, with its client's name, if it is in sight."""
    return _first(session, Event.id == event_id, or_(sight.own(), sight.broadcast()))


def get_by_sender_id(session: Session, event_id: str, sight: Sight) -> tuple[Event, str] | None:
    """Return the client's own event of the sender's id, with the client's name."""
    return _first(session, Event.event_id == event_id, sight.own())


def page(session: Session, wanted: Filter, sight: Sight, *, size: int) -> list[tuple[Event, str]]:
    """Return up to `size` events in sight with their client's name, newest first."""
    arms = [_newest(each, wanted, size) for each in (sight.own(), sight.broadcast())]
    ids = union_all(*(select(arm.subquery()) for arm in arms)).subquery()
    return _rows(session, _with_client().where(Event.id.in_(select(ids))).order_by(Event.id.desc()).limit(size))


def page_of_all(session: Session, wanted: Filter, *, size: int) -> list[tuple[Event, str]]:
    """Return up to `size` events with their clients' names, newest first: of all clients, for operators."""
    statement = _with_client().where(*wanted.conditions()).order_by(Event.id.desc()).limit(size)
    return _rows(session, statement)


def get_of_all(session: Session, event_id: str) -> tuple[Event, str] | None:
    """Return the event of our id, of whatever client."""
    return _first(session, Event.id == event_id)


def ids_by_sender_id(session: Session, event_id: str, *, most: int) -> Sequence[str]:
    """Return our ids of events of the sender's id, each client's own."""
    mine = select(Event.id).where(Event.client_id.in_(select(Client.id)), Event.event_id == event_id)
    return session.scalars(mine.order_by(Event.id.desc()).limit(most)).all()


def count_notifications(session: Session, event_id: str, client_id: int) -> int:
    """Count what the client's rules made of the event."""
    return int(session.execute(COUNT_NOTIFICATIONS, {"id": event_id, "client_id": client_id}).scalar_one())


def _newest(whose: ColumnElement[bool], wanted: Filter, size: int) -> Select[Any]:
    return select(Event.id).where(whose, *wanted.conditions()).order_by(Event.id.desc()).limit(size)


def _with_client() -> Select[Event, str]:
    return select(Event, Client.name).join(Client, Client.id == Event.client_id)


def _first(session: Session, *conditions: ColumnElement[bool]) -> tuple[Event, str] | None:
    return next(iter(_rows(session, _with_client().where(*conditions))), None)


def _rows(session: Session, statement: Select[Event, str]) -> list[tuple[Event, str]]:
    return [(row[0], row[1]) for row in session.execute(statement)]
