"""Actions of people: written beside what they do, and looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from sentinel.models import Action


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which actions somebody looks for; None: any. `action` may be a resource alone: `rule` or `rule.update`."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    client: str | None = None
    since: datetime | None = None


def add(session: Session, values: dict[str, Any]) -> None:
    """Store an action."""
    session.execute(insert(Action).values(**values))


def latest(session: Session, wanted: Wanted, *, before: int | None, most: int) -> Sequence[Action]:
    """Return up to `most` actions, the newest first, older than the one of id `before`."""
    query = select(Action).order_by(Action.id.desc()).limit(most)
    for column, value in (
        (Action.actor, wanted.actor),
        (Action.subject, wanted.subject),
        (Action.client, wanted.client),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.action is not None:
        resource = Action.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(Action.action == wanted.action if "." in wanted.action else resource)
    if wanted.since is not None:
        query = query.where(Action.at >= wanted.since)
    if before:
        query = query.where(Action.id < before)
    return session.scalars(query).all()
