"""Load tests: whose turn it is, how far they came, and what became of their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, LoadTest
from sentinel.queries.unique import inserted
from sentinel.queries.values import array

TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('sentinel.load_tests'))")

# Only while nobody holds the lease: a process that lives sees the wish itself, and ends in order.
END_STOPPED = text("""
    UPDATE load_tests SET status = 'stopped', finished_at = :now, updated_at = :now, lease_id = NULL, lease_until = NULL
    WHERE finished_at IS NULL AND is_stop_wanted AND (status = 'waiting' OR lease_until < :now)
    RETURNING id::text, key_id
""")

END_HOPELESS = text("""
    UPDATE load_tests
    SET status = 'failed', problem = :problem, finished_at = :now, updated_at = :now, lease_id = NULL,
        lease_until = NULL
    WHERE status = 'running' AND lease_until < :now AND starts >= :most_starts
    RETURNING id::text, key_id
""")

BEGIN_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('sentinel.load_tests.begin'))")

END_REFUSED = text("""
    UPDATE load_tests
    SET status = 'failed', problem = :problem, finished_at = :now, updated_at = :now, lease_id = NULL,
        lease_until = NULL
    WHERE finished_at IS NULL AND (status = 'waiting' OR lease_until < :now)
    RETURNING id::text, key_id
""")

TAKE_TURNS = text("""
    WITH turns AS (
        SELECT id FROM load_tests
        WHERE finished_at IS NULL AND (status = 'waiting' OR lease_until < :now)
        ORDER BY id
        LIMIT greatest(0, :at_once - (
            SELECT count(*) FROM load_tests WHERE finished_at IS NULL AND lease_until >= :now))
        FOR UPDATE SKIP LOCKED)
    UPDATE load_tests t
    SET status = 'running', lease_id = gen_random_uuid(), lease_until = :lease_until, starts = starts + 1,
        began_at = coalesce(began_at, :now), updated_at = :now
    FROM turns WHERE t.id = turns.id
    RETURNING t.id::text, t.lease_id::text
""")

CLAIM = text("""
    UPDATE load_tests SET lease_until = :lease_until, updated_at = :now
    WHERE id = :id AND lease_id = :lease_id AND status = 'running'
    RETURNING id::text
""")

# `starts` counts those that brought nothing.
REPORT = text("""
    UPDATE load_tests
    SET lease_until = :lease_until, updated_at = :now, place = :place, ahead = CAST(:ahead AS int[]),
        accepted = :accepted, duplicates = :duplicates, refused = :refused, failed = :failed, given_up = :given_up,
        waits = :waits, seconds = :seconds, p50_ms = :p50_ms, p99_ms = :p99_ms, curve = CAST(:curve AS jsonb),
        problem = CASE WHEN is_stop_wanted THEN problem ELSE :problem END,
        starts = CASE WHEN accepted + duplicates + refused + failed
            < CAST(:accepted AS int) + :duplicates + :refused + :failed THEN 1 ELSE starts END
    WHERE id = :id AND lease_id = :lease_id AND status = 'running'
    RETURNING is_stop_wanted
""")

END = text("""
    UPDATE load_tests
    SET status = :status, problem = :problem, finished_at = :now, updated_at = :now, lease_id = NULL, lease_until = NULL
    WHERE id = :id AND lease_id = :lease_id AND status = 'running'
    RETURNING key_id
""")

SET_KEY = text("UPDATE load_tests SET key_id = :key_id WHERE id = :id AND lease_id = :lease_id")

WANT_STOP = text("""
    UPDATE load_tests
    SET is_stop_wanted = true, updated_at = :now, problem = :problem,
        status = CASE status WHEN 'waiting' THEN 'stopped' ELSE status END,
        finished_at = CASE status WHEN 'waiting' THEN CAST(:now AS timestamptz) END
    WHERE id = :id AND finished_at IS NULL AND NOT is_stop_wanted
    RETURNING id
""")

EVENTS_BY_STATUS = text("""
    SELECT status, count(*) AS total FROM events
    WHERE client_id = :client_id AND event_id = ANY(CAST(:event_ids AS text[])) GROUP BY status
""")

MESSAGES_BY_STATUS = text("""
    SELECT n.status, count(*) AS total
    FROM events e JOIN notifications n ON n.event_id = e.id
    WHERE e.client_id = :client_id AND e.event_id = ANY(CAST(:event_ids AS text[])) GROUP BY n.status
""")


@dataclass(frozen=True, slots=True)
class Turn:
    """A load test whose turn it is, and the lease under which a process may carry it out."""

    id: str
    lease_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A load test that a sweep has ended, and the key that is to be revoked."""

    id: str
    key_id: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of some events, and of the messages they led to: how many stand where."""

    events: Mapping[str, int]
    messages: Mapping[str, int]


def add(session: Session, values: Mapping[str, Any]) -> LoadTest:
    """Store a load test that waits for its turn."""
    return inserted(session, insert(LoadTest).values(**values), LoadTest)


def twin_of(session: Session, values: Mapping[str, Any], *, since: datetime) -> LoadTest | None:
    """Return one that was begun just like this; until the transaction ends nobody else asks."""
    session.execute(BEGIN_LOCK)
    same = [getattr(LoadTest, name) == value for name, value in values.items()]
    wanted = select(LoadTest).where(*same, LoadTest.finished_at.is_(None), LoadTest.created_at > since)
    return session.scalars(wanted.order_by(LoadTest.id).limit(1)).one_or_none()


def get(session: Session, load_test_id: str) -> tuple[LoadTest, str] | None:
    """Return a load test and its client's name."""
    statement = select(LoadTest, Client.name).join(Client, Client.id == LoadTest.client_id)
    found = session.execute(statement.where(LoadTest.id == load_test_id)).one_or_none()
    return None if found is None else (found[0], found[1])


def page(session: Session, client_id: int | None, *, before: str | None, size: int) -> list[tuple[LoadTest, str]]:
    """Return up to `size` load tests (client None: of all) with their clients' names, newest first."""
    statement = select(LoadTest, Client.name).join(Client, Client.id == LoadTest.client_id)
    if client_id is not None:
        statement = statement.where(LoadTest.client_id == client_id)
    if before is not None:
        statement = statement.where(LoadTest.id < before)
    return [(row[0], row[1]) for row in session.execute(statement.order_by(LoadTest.id.desc()).limit(size))]


def want_stop(session: Session, load_test_id: str, *, problem: str, now: datetime) -> bool:
    """Have it ended: at once while it waits, else by its process; False if it has ended, or is to end already."""
    return session.execute(WANT_STOP, {"id": load_test_id, "problem": problem, "now": now}).first() is not None


def is_my_turn(session: Session) -> bool:
    """Whether no other sweep is looking; holds until the transaction ends."""
    return bool(session.execute(TRY_LOCK).scalar_one())


def end_stopped(session: Session, *, now: datetime) -> list[Ended]:
    """End what is to stop and nobody carries out."""
    return [Ended(*row) for row in session.execute(END_STOPPED, {"now": now})]


def end_hopeless(session: Session, *, most_starts: int, problem: str, now: datetime) -> list[Ended]:
    """End what was started again and again, and brought nothing."""
    values = {"most_starts": most_starts, "problem": problem, "now": now}
    return [Ended(*row) for row in session.execute(END_HOPELESS, values)]


def end_refused(session: Session, *, problem: str, now: datetime) -> list[Ended]:
    """End all that nobody carries out: the settings want none any more."""
    return [Ended(*row) for row in session.execute(END_REFUSED, {"problem": problem, "now": now})]


def take_turns(session: Session, *, at_once: int, lease_until: datetime, now: datetime) -> list[Turn]:
    """Take those that wait, or whose process is gone, as far as fewer than `at_once` run."""
    values = {"at_once": at_once, "lease_until": lease_until, "now": now}
    return [Turn(*row) for row in session.execute(TAKE_TURNS, values)]


def claim(session: Session, turn: Turn, *, lease_until: datetime, now: datetime) -> bool:
    """Prolong the lease; False if it is somebody else's."""
    values = {"id": turn.id, "lease_id": turn.lease_id, "lease_until": lease_until, "now": now}
    return session.execute(CLAIM, values).first() is not None


def set_key(session: Session, turn: Turn, key_id: int) -> None:
    """Note which key it calls with."""
    session.execute(SET_KEY, {"id": turn.id, "lease_id": turn.lease_id, "key_id": key_id})


def report(
    session: Session, turn: Turn, progress: Mapping[str, Any], *, lease_until: datetime, now: datetime
) -> bool | None:
    """Write how far it came, and prolong the lease; whether it is to stop, or None if it is somebody else's."""
    values = dict(progress) | {"id": turn.id, "lease_id": turn.lease_id, "lease_until": lease_until, "now": now}
    values["ahead"] = array(str(each) for each in progress["ahead"])
    values["curve"] = orjson.dumps(progress["curve"]).decode()
    found = session.execute(REPORT, values).first()
    return None if found is None else bool(found.is_stop_wanted)


def end(session: Session, turn: Turn, status: str, *, problem: str | None, now: datetime) -> Ended | None:
    """End it; None if it is somebody else's."""
    values = {"id": turn.id, "lease_id": turn.lease_id, "status": status, "problem": problem, "now": now}
    found = session.execute(END, values).first()
    return None if found is None else Ended(turn.id, found.key_id)


def outcome(session: Session, client_id: int, event_ids: Sequence[str]) -> Outcome:
    """Count where these events (by their sender's ids) stand, and the messages of all clients that they led to."""
    values = {"client_id": client_id, "event_ids": array(event_ids)}
    events, messages = (session.execute(each, values) for each in (EVENTS_BY_STATUS, MESSAGES_BY_STATUS))
    return Outcome({row.status: row.total for row in events}, {row.status: row.total for row in messages})
