"""What people would have got: the messages that the sandbox and the inbox have kept, as their channels show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.channels.base import Message
from sentinel.errors import NotFoundError
from sentinel.ids import is_id
from sentinel.queries import delivery, kept
from sentinel.queries.kept import Filter, KeptMessage
from sentinel.services.sending.messages import message_of
from sentinel.services.unit_of_work import UnitOfWork

CONVERSATION = 20
"""Texts to a number that are shown with one of them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that stayed here: where it stands, and what its provider would make the request of."""

    kept: KeptMessage
    message: Message


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[Sequence[KeptMessage], str | None]:
    """Return a page of messages, newest first, and the cursor of the next page, if any."""
    rows = kept.page(uow.session, wanted, size=size + 1)
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def get(uow: UnitOfWork, notification_id: str) -> Letter:
    """Return one message, made by the same function as for its provider."""
    row = kept.get(uow.session, notification_id) if is_id(notification_id) else None
    claimed = None if row is None else delivery.as_claimed(uow.session, row.id)
    if row is None or claimed is None:
        raise NotFoundError(f"no message {notification_id[:36]} stayed here; what was really sent is at its provider")
    return Letter(row, message_of(claimed, row.channel))


def conversation(uow: UnitOfWork, letter: Letter) -> Sequence[KeptMessage]:
    """Return the latest texts to the same number up to this one, oldest first."""
    last = letter.kept
    return kept.texts_to(uow.session, last.client_id, last.recipient, upto=last.id, size=CONVERSATION)[::-1]
