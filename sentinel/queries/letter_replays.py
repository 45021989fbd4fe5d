"""Bulk replays of dead letters: begun, carried on a slice at a time, and how their letters ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from sentinel.models import Client, LetterReplay, Notification
from sentinel.models.letter_replay import ReplayStatus
from sentinel.models.status import IN_FLIGHT, Status
from sentinel.queries.values import array

MOST_COUNTED = 10_000
"""Of the letters of a replay as many are counted of each status while it is under way."""

THROUGH = frozenset({Status.SENT, Status.DELIVERED})

# Of a million those that got through are too many to be counted each time somebody looks.
COUNT_SOME = text("""
    SELECT s.status, (
        SELECT count(*) FROM (
            SELECT FROM notifications n WHERE n.replay_id = :id AND n.status = s.status LIMIT :most) AS found) AS number
    FROM unnest(CAST(:statuses AS text[])) AS s (status)
""")

IS_WAITING = text("""
    SELECT EXISTS (
        SELECT FROM notifications WHERE replay_id = :id AND status = ANY(CAST(:in_flight AS text[])))
""")


BEGIN_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('sentinel.letter_replays'))")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `before` is the id that the page before ended with."""

    client_id: int | None = None
    before: int | None = None
    is_under_way: bool = False
    """Only those that have not settled."""


def add(session: Session, values: Mapping[str, Any]) -> LetterReplay:
    """Store a replay that begins."""
    row = LetterReplay(**values)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def twin_of(session: Session, values: Mapping[str, Any], *, since: datetime) -> LetterReplay | None:
    """Return one that was begun just like this; until the transaction ends nobody else asks."""
    session.execute(BEGIN_LOCK)
    same = (LetterReplay.status == ReplayStatus.RUNNING, LetterReplay.began_at > since)
    mine = [
        getattr(LetterReplay, name).is_not_distinct_from(values[name]) for name in ("client_id", "rate", "requested_by")
    ]
    found = session.scalars(select(LetterReplay).where(*same, *mine).order_by(LetterReplay.id)).all()
    return next((each for each in found if _timeless(each.narrowed_to) == _timeless(values["narrowed_to"])), None)


def _timeless(narrowed_to: Mapping[str, Any]) -> dict[str, Any]:
    """Without times: "the last day" is another time with each click."""
    given = {name: value for name, value in narrowed_to.items() if name not in {"since", "until"}}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def take_due(session: Session, *, now: datetime) -> LetterReplay | None:
    """Take the replay that has waited longest to be looked at; it stays locked until the transaction ends."""
    due = select(LetterReplay).where(LetterReplay.next_look_at <= now).order_by(LetterReplay.next_look_at)
    return session.scalar(due.limit(1).with_for_update(skip_locked=True))


def take(session: Session, replay_id: int) -> LetterReplay | None:
    """Take one replay that has letters left, if nobody else is carrying it on."""
    mine = (LetterReplay.id == replay_id, LetterReplay.status == ReplayStatus.RUNNING)
    return session.scalar(select(LetterReplay).where(*mine).with_for_update(skip_locked=True))


def get(session: Session, replay_id: int, *, client_id: int | None) -> tuple[LetterReplay, str | None] | None:
    """Return one replay with its client's name, if it is the client's (None: anybody's)."""
    wanted = _with_client().where(LetterReplay.id == replay_id)
    if client_id is not None:
        wanted = wanted.where(LetterReplay.client_id == client_id)
    found = session.execute(wanted).one_or_none()
    return None if found is None else (found[0], found[1])


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[LetterReplay, str | None]]:
    """Return up to `size` replays with their clients' names, newest first."""
    statement = _with_client()
    if wanted.client_id is not None:
        statement = statement.where(LetterReplay.client_id == wanted.client_id)
    if wanted.before is not None:
        statement = statement.where(LetterReplay.id < wanted.before)
    if wanted.is_under_way:
        statement = statement.where(LetterReplay.next_look_at.is_not(None))  # so it is until it settles, and indexed
    found = session.execute(statement.order_by(LetterReplay.id.desc()).limit(size))
    return [(row[0], row[1]) for row in found]


def _with_client() -> Any:
    return select(LetterReplay, Client.name).outerjoin(Client, Client.id == LetterReplay.client_id)


def stop(session: Session, replay_id: int, *, by: str, now: datetime) -> bool:
    """Let a running replay take up no more letters; False if it does not run (any more)."""
    mine = update(LetterReplay).where(LetterReplay.id == replay_id, LetterReplay.status == ReplayStatus.RUNNING)
    values = {"status": ReplayStatus.STOPPED, "stopped_by": by, "ended_at": now, "next_look_at": now}
    return bool(session.execute(mine.values(**values)).rowcount)  # type: ignore[attr-defined]


def count_some(session: Session, replay_id: int) -> dict[str, int]:
    """Count the letters of a replay by where they stand; of each status up to a most."""
    values = {"id": replay_id, "most": MOST_COUNTED, "statuses": array(Status)}
    return {row.status: row.number for row in session.execute(COUNT_SOME, values) if row.number}


def is_waiting(session: Session, replay_id: int) -> bool:
    """Whether a letter of a replay has not ended yet."""
    found = session.execute(IS_WAITING, {"id": replay_id, "in_flight": array(IN_FLIGHT)})
    return bool(found.scalar_one())


def outcomes(session: Session, replay_id: int) -> dict[str, int]:
    """Count all letters of a replay by where they stand."""
    counted = select(Notification.status, func.count()).where(Notification.replay_id == replay_id)
    return {row[0]: row[1] for row in session.execute(counted.group_by(Notification.status))}
