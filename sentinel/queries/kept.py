"""What the sandbox and the inbox have kept, by an index of its own: everything else may be a million rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from sentinel.models import Client, Notification

SHOWN = 240
"""Characters of a body that a list shows the beginning of."""

KEPT: ColumnElement[bool] = literal_column("notifications.provider IN ('inbox', 'sandbox')")
"""Word for word what the index says, or PostgreSQL would not know that it serves."""


EQUAL = ("client_id", "channel", "recipient", "user_id")
"""Columns that a filter compares as they are."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; None means any. An address is looked for among one client's only."""

    client_id: int | None = None
    channel: str | None = None
    recipient: str | None = None
    user_id: str | None = None
    before: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        given = {name: value for name in EQUAL if (value := getattr(self, name)) is not None}
        found: list[ColumnElement[bool]] = [getattr(Notification, name) == value for name, value in given.items()]
        if self.recipient is not None:
            found.append(func.hashtext(Notification.recipient) == func.hashtext(self.recipient))  # what is indexed
        if self.before is not None:
            found.append(Notification.id < self.before)
        return found


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message that stayed here; `body` is its beginning in a list, and all of it in a conversation."""

    id: str
    client_id: int
    client: str
    channel: str
    recipient: str
    subject: str | None
    body: str
    severity: str | None
    user_id: str | None
    status: str
    reason: str | None
    provider: str
    created_at: datetime
    sent_at: datetime | None

    @property
    def is_simulated(self) -> bool:
        """Whether it would have left this installation."""
        return self.provider == "sandbox"


def page(session: Session, wanted: Filter, *, size: int) -> list[KeptMessage]:
    """Return up to `size` messages, newest first, with the beginning of each body."""
    return _read(session, func.left(Notification.body, SHOWN), [KEPT, *wanted.conditions()], size)


def get(session: Session, notification_id: str) -> KeptMessage | None:
    """Return one message that stayed here."""
    # A condition and no index: its id is asked for.
    is_kept = Notification.provider.in_(("inbox", "sandbox"))
    found = _read(session, Notification.body, [is_kept, Notification.id == notification_id], 1)
    return found[0] if found else None


def texts_to(session: Session, client_id: int, recipient: str, *, upto: str, size: int) -> list[KeptMessage]:
    """Return the SMS of a client to a number, up to one of them, newest first, with their whole bodies."""
    wanted = Filter(client_id, "sms", recipient).conditions()
    return _read(session, Notification.body, [KEPT, *wanted, Notification.id <= upto], size)


def _read(session: Session, body: Any, conditions: Sequence[ColumnElement[bool]], size: int) -> list[KeptMessage]:
    columns: tuple[Any, ...] = (
        *(Notification.id, Notification.client_id, Client.name, Notification.channel, Notification.recipient),
        *(Notification.subject, body),
        *(Notification.severity, Notification.user_id, Notification.status, Notification.reason),
        *(Notification.provider, Notification.created_at, Notification.sent_at),
    )
    statement = select(*columns).join(Client, Client.id == Notification.client_id).where(*conditions)
    return [KeptMessage(*row) for row in session.execute(statement.order_by(Notification.id.desc()).limit(size))]
