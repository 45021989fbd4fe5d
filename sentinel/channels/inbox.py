"""The inbox built into Sentinel: the stored notification is the message, and `GET /notifications` reads it."""

from __future__ import annotations

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.http import HttpTransport
from sentinel.settings import Settings


def build(_settings: Settings, _transport: HttpTransport) -> Inbox:
    """The provider; it needs no settings and no connections."""
    return Inbox()


class Inbox:
    """Accepts every message: it has arrived by being stored."""

    name = "inbox"

    async def send(self, message: Message) -> Receipt:
        """Nothing leaves: the row that is about to be marked SENT is what the user reads."""
        return Receipt(Outcome.OK, provider_message_id=message.id, detail="kept in the inbox")

    async def close(self) -> None:
        """Nothing to give back."""
