"""Dead letters: what ended badly, in groups that share a cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, func, select, text, update
from sqlalchemy.orm import Session

from sentinel.models import Attempt, Client, Notification
from sentinel.models.status import RETRYABLE
from sentinel.queries.notifications import Filter
from sentinel.queries.unique import updated
from sentinel.queries.values import array

MOST_GROUPS = 1000

LAST_TRIES = text("""
    SELECT DISTINCT ON (notification_id) *
    FROM attempts WHERE notification_id = ANY(CAST(:ids AS uuid[]))
    ORDER BY notification_id, number DESC
""").columns(*Attempt.__table__.columns)


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one client, channel, status, reason and provider; `example_id` is the newest."""

    client: str
    channel: str
    status: str
    reason: str | None
    provider: str | None
    count: int
    oldest: datetime
    newest: datetime
    example_id: str


def groups(session: Session, wanted: Filter) -> list[Group]:
    """Count what `wanted` finds by its cause, the most frequent first, at most a thousand of them."""
    keys = (Client.name, Notification.channel, Notification.status, Notification.reason, Notification.provider)
    facts = (
        func.count(),
        func.min(Notification.created_at),
        func.max(Notification.created_at),
        func.max(cast(Notification.id, String)),  # as text: PostgreSQL before 18 knows no greatest uuid
    )
    statement = (
        select(*keys, *facts)
        .join(Client, Client.id == Notification.client_id)
        .where(*wanted.conditions())
        .group_by(*keys)
        .order_by(func.count().desc(), *keys)
        .limit(MOST_GROUPS)
    )
    return [Group(*row) for row in session.execute(statement)]


def count(session: Session, wanted: Filter) -> int:
    """Count what `wanted` finds."""
    return session.scalar(select(func.count()).select_from(Notification).where(*wanted.conditions())) or 0


def last_tries(session: Session, ids: Sequence[str]) -> dict[str, Attempt]:
    """Return the last try of each of `ids` that was tried."""
    found = session.scalars(select(Attempt).from_statement(LAST_TRIES), {"ids": array(ids)})
    return {each.notification_id: each for each in found}


def edit(session: Session, notification_id: str, changes: Mapping[str, Any], *, now: datetime) -> Notification | None:
    """Change a letter; None if it is none any more. Raises `TakenError`."""
    mine = (Notification.id == notification_id, Notification.status.in_(RETRYABLE))
    return updated(session, update(Notification).where(*mine).values(**changes, updated_at=now), Notification)
