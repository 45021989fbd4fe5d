"""Groups for people: listed, and one with what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from sentinel.models import Client, GroupAlert, MessageGroup, Notification
from sentinel.models.status import Status
from sentinel.queries.values import array

COUNTS = text("""
    SELECT g.id::text, a.firing, a.resolved, n.held
    FROM unnest(CAST(:ids AS uuid[])) AS g (id)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE status = 'firing') AS firing,
               count(*) FILTER (WHERE status = 'resolved' AND told <> 'resolved') AS resolved
        FROM group_alerts WHERE group_id = g.id) a
    CROSS JOIN LATERAL (
        SELECT count(*) AS held FROM notifications
        WHERE group_id = g.id AND status = 'PENDING' AND group_id IS NOT NULL) n
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `before` is the id that the page ended with."""

    client_id: int | None = None
    kind: str | None = None
    channel: str | None = None
    endpoint_id: int | None = None
    rule_id: int | None = None
    before: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause. What only remembers is not shown."""
        names = ("client_id", "kind", "channel", "endpoint_id", "rule_id")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        found = [MessageGroup.began_at.is_not(None)]
        found += (getattr(MessageGroup, name) == value for name, value in given.items())
        if self.before is not None:
            found.append(MessageGroup.id < self.before)
        return found


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alerts of a group fire, how many are over and not told to be, and how many messages are held."""

    firing: int = 0
    resolved: int = 0
    held: int = 0


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[MessageGroup, str]]:
    """Return up to `size` groups with their client's name, newest first."""
    statement = (
        select(MessageGroup, Client.name)
        .join(Client, Client.id == MessageGroup.client_id)
        .where(*wanted.conditions())
        .order_by(MessageGroup.id.desc())
        .limit(size)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def get(session: Session, group_id: str, *, client_id: int | None) -> tuple[MessageGroup, str] | None:
    """Return one group with its client's name, if it belongs to the client (None: any, for operators)."""
    statement = select(MessageGroup, Client.name).join(Client, Client.id == MessageGroup.client_id)
    if client_id is not None:
        statement = statement.where(MessageGroup.client_id == client_id)
    found = session.execute(statement.where(MessageGroup.id == group_id)).one_or_none()
    return (found[0], found[1]) if found else None


def counts(session: Session, ids: Sequence[str]) -> dict[str, Counts]:
    """Count what is in these groups."""
    return {row[0]: Counts(*row[1:]) for row in session.execute(COUNTS, {"ids": array(ids)})}


def alerts(session: Session, group_id: str, *, most: int) -> Sequence[GroupAlert]:
    """Return the first alerts of a group: those that fire, the latest first."""
    statement = select(GroupAlert).where(GroupAlert.group_id == group_id)
    order: tuple[Any, ...] = (GroupAlert.status, GroupAlert.since.desc(), GroupAlert.alert_key)
    return session.scalars(statement.order_by(*order).limit(most)).all()


def held(session: Session, group_id: str, *, most: int) -> Sequence[str]:
    """Return the ids of the first messages that are held in a group."""
    statement = select(Notification.id).where(
        Notification.group_id == group_id, Notification.group_id.is_not(None), Notification.status == Status.PENDING
    )
    return session.scalars(statement.order_by(Notification.id).limit(most)).all()
