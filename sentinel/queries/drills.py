"""Drills and their runs: what is due, what is under way, and the rows that people edit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Drill, DrillRun
from sentinel.queries.unique import FRESH, inserted
from sentinel.queries.values import array

STANDING = text("""
    SELECT id::text, status, reason, sent_at, updated_at FROM notifications WHERE id = ANY(CAST(:ids AS uuid[]))
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message stands."""

    id: str
    status: str
    reason: str | None
    sent_at: datetime | None
    updated_at: datetime


def get(session: Session, client_id: int, name: str, *, is_locked: bool = False) -> Drill | None:
    """Return a drill of a client."""
    wanted = select(Drill).where(Drill.client_id == client_id, Drill.name == name)
    return session.scalar(wanted.with_for_update() if is_locked else wanted)


def page(session: Session, client_id: int | None, *, after: str | None, size: int) -> list[tuple[Drill, str]]:
    """Return up to `size` drills (client None: of all) with their clients' names, by name."""
    statement = select(Drill, Client.name).join(Client, Client.id == Drill.client_id)
    if client_id is not None:
        statement = statement.where(Drill.client_id == client_id)
    if after is not None:
        statement = statement.where(Drill.name > after)
    return [(row[0], row[1]) for row in session.execute(statement.order_by(Drill.name, Drill.id).limit(size))]


def add(session: Session, values: dict[str, Any]) -> Drill:
    """Store a drill. Raises `TakenError`."""
    return inserted(session, insert(Drill).values(**values), Drill)


def remove(session: Session, drill_id: str) -> None:
    """Remove a drill with its history."""
    session.execute(delete(Drill).where(Drill.id == drill_id))


def due(session: Session, *, now: datetime, most: int) -> list[tuple[Drill, str]]:
    """Return up to `most` drills whose time has come with their clients' names, locked."""
    statement = select(Drill, Client.name).join(Client, Client.id == Drill.client_id).where(Drill.next_at <= now)
    locked = statement.order_by(Drill.next_at).limit(most).with_for_update(of=Drill, skip_locked=True)
    return [(row[0], row[1]) for row in session.execute(locked)]


def begin(session: Session, values: dict[str, Any]) -> DrillRun | None:
    """Store a run; None if one of that drill is under way."""
    statement = insert(DrillRun).values(**values)
    once = statement.on_conflict_do_nothing(index_elements=[DrillRun.drill_id], index_where=text("status = 'running'"))
    return session.scalar(once.returning(DrillRun), execution_options=FRESH)


def over(session: Session, *, now: datetime, most: int) -> list[tuple[DrillRun, Drill, str]]:
    """Return up to `most` runs whose time is up, with their drills and clients' names, both locked."""
    statement = (
        select(DrillRun, Drill, Client.name)
        .join(Drill, Drill.id == DrillRun.drill_id)
        .join(Client, Client.id == DrillRun.client_id)
        .where(DrillRun.status == "running", DrillRun.due_at <= now)
    )
    locked = statement.order_by(DrillRun.due_at).limit(most).with_for_update(of=(DrillRun, Drill), skip_locked=True)
    return [(row[0], row[1], row[2]) for row in session.execute(locked)]


def standing(session: Session, notification_ids: Iterable[str]) -> dict[str, Standing]:
    """Return where messages stand; those that are gone are left out."""
    rows = session.execute(STANDING, {"ids": array(notification_ids)})
    return {row.id: Standing(*row) for row in rows}


def runs(session: Session, drill_id: str, *, before: str | None, size: int) -> Sequence[DrillRun]:
    """Return up to `size` runs of a drill, newest first."""
    statement = select(DrillRun).where(DrillRun.drill_id == drill_id)
    if before is not None:
        statement = statement.where(DrillRun.id < before)
    return session.scalars(statement.order_by(DrillRun.id.desc()).limit(size)).all()
