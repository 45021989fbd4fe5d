"""Self-tests: begun one at a time, and how far their events came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from sentinel.models import SelfTest

# One at a time, by a unique index; `since`: none by beat that began later than that.
BEGIN = text("""
    INSERT INTO self_tests (id, status, started_by, started_at, due_at, stages)
    SELECT :id, 'running', CAST(:started_by AS text), :now, :due_at, '[]'
    WHERE NOT EXISTS (
        SELECT FROM self_tests
        WHERE started_at > CAST(:since AS timestamptz) AND started_by = CAST(:started_by AS text))
    ON CONFLICT ((true)) WHERE status = 'running' DO NOTHING
    RETURNING id::text
""")

STANDING = text("""
    SELECT e.status AS event_status, e.created_at AS stored_at, e.evaluated_at AS matched_at, n.status, n.reason,
           (SELECT min(a.started_at) FROM attempts a WHERE a.notification_id = n.id) AS tried_at, n.sent_at
    FROM events e
    LEFT JOIN notifications n ON n.event_id = e.id AND n.client_id = e.client_id
    WHERE e.client_id = :client_id AND e.event_id = :event_id
    ORDER BY n.id LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the event of a self-test came; None: not there yet."""

    event_status: str
    stored_at: datetime
    matched_at: datetime | None
    status: str | None
    reason: str | None
    tried_at: datetime | None
    sent_at: datetime | None


def begin(
    session: Session, self_test_id: str, started_by: str, *, now: datetime, due_at: datetime, since: datetime
) -> bool:
    """Store a new self-test; False if one is under way, or the same one asks that began later than `since`."""
    values = {"id": self_test_id, "started_by": started_by, "now": now, "due_at": due_at, "since": since}
    return session.scalar(BEGIN, values) is not None


def running(session: Session) -> SelfTest | None:
    """Return the self-test that is under way, locked; None if there is none, or somebody else judges it."""
    wanted = select(SelfTest).where(SelfTest.status == "running")
    return session.scalar(wanted.with_for_update(skip_locked=True))


def get(session: Session, self_test_id: str) -> SelfTest | None:
    """Return a self-test."""
    return session.get(SelfTest, self_test_id, populate_existing=True)


def last_finished(session: Session) -> SelfTest | None:
    """Return the last self-test that has ended."""
    wanted = select(SelfTest).where(SelfTest.status != "running").order_by(SelfTest.started_at.desc())
    return session.scalar(wanted.limit(1))


def standing(session: Session, client_id: int, event_id: str) -> Standing | None:
    """Return how far the event of a self-test came; None: it is gone."""
    found = session.execute(STANDING, {"client_id": client_id, "event_id": event_id}).one_or_none()
    return Standing(*found) if found else None
