"""Reads and writes of silences. Which ones hold for a batch of events is asked in `queries/matching.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from sentinel.models import Client, Silence
from sentinel.models.silence import SilenceState
from sentinel.prepared import prepared
from sentinel.queries.values import recordset

# Sorted, so that two batches cannot deadlock.
HOLD_BACK = prepared("""
    WITH mine AS (
        SELECT s.id, r.messages, r.is_of_alert
        FROM json_to_recordset(CAST(:rows AS json)) AS r (silence_id uuid, messages int, is_of_alert boolean)
        JOIN silences s ON s.id = r.silence_id
        ORDER BY s.id FOR NO KEY UPDATE OF s)
    UPDATE silences s
    SET matched = s.matched + mine.messages, last_matched_at = greatest(s.last_matched_at, CAST(:now AS timestamptz)),
        alert_matched_at = CASE WHEN mine.is_of_alert THEN coalesce(s.alert_matched_at, CAST(:now AS timestamptz))
            ELSE s.alert_matched_at END
    FROM mine WHERE s.id = mine.id
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `before` is the id that the page ended with."""

    client_id: int | None = None
    state: SilenceState | None = None
    ends_after: datetime | None = None
    before: str | None = None

    def conditions(self, now: datetime) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found: list[ColumnElement[bool]] = []
        if self.client_id is not None:
            found.append(Silence.client_id == self.client_id)
        if self.ends_after is not None:
            found.append(Silence.ends_at > self.ends_after)
        if self.before is not None:
            found.append(Silence.id < self.before)
        if self.state is not None:
            found.append(Silence.ends_at <= now if self.state is SilenceState.EXPIRED else Silence.ends_at > now)
        if self.state is SilenceState.PENDING:
            found.append(Silence.starts_at > now)
        if self.state is SilenceState.ACTIVE:
            found.append(Silence.starts_at <= now)
        return found


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How many messages a silence has just held back, and whether any was of an alert."""

    silence_id: str
    messages: int
    is_of_alert: bool


def get(
    session: Session, silence_id: str, *, client_id: int | None, is_locked: bool = False
) -> tuple[Silence, str] | None:
    """Return one silence with its client's name, if it belongs to the client (None: any, for operators)."""
    statement = select(Silence, Client.name).join(Client, Client.id == Silence.client_id)
    if client_id is not None:
        statement = statement.where(Silence.client_id == client_id)
    if is_locked:
        statement = statement.with_for_update(of=Silence)
    found = session.execute(statement.where(Silence.id == silence_id)).one_or_none()
    return (found[0], found[1]) if found else None


def page(session: Session, wanted: Filter, *, now: datetime, size: int) -> list[tuple[Silence, str]]:
    """Return up to `size` silences with their client's name, newest first."""
    statement = (
        select(Silence, Client.name)
        .join(Client, Client.id == Silence.client_id)
        .where(*wanted.conditions(now))
        .order_by(Silence.id.desc())
        .limit(size)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def every(session: Session, wanted: Filter, *, now: datetime) -> Sequence[Silence]:
    """Return all silences that a filter lets through."""
    return session.scalars(select(Silence).where(*wanted.conditions(now))).all()


def hold_back(session: Session, held_back: Sequence[HeldBack], *, now: datetime) -> None:
    """Count what silences have held back."""
    session.execute(HOLD_BACK, {"rows": recordset([asdict(each) for each in held_back]), "now": now})


def take_due(session: Session, *, now: datetime, most: int) -> list[tuple[Silence, str]]:
    """Lock up to `most` silences that the sweeper is to look at, and return them with their client's name."""
    due = select(Silence, Client.name).join(Client, Client.id == Silence.client_id)
    due = due.where(Silence.next_look_at <= now).order_by(Silence.next_look_at).limit(most)
    locked = due.with_for_update(of=Silence, skip_locked=True, key_share=True)
    return [(row[0], row[1]) for row in session.execute(locked)]
