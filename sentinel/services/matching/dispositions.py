"""What becomes of a message that an event makes: it ends at once with a reason, or goes on with what few messages have.

The first that has something to say decides, in this order: nobody to send it to, a silence, an
alert that inhibits it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sentinel.models.status import Reason
from sentinel.queries.matching import PendingEvent
from sentinel.services.matching.fanout import Planned
from sentinel.services.matching.surroundings import Surroundings
from sentinel.services.muting.mutes import Mute
from sentinel.services.sending import failover

Message = tuple[PendingEvent, Planned]

Told = tuple[str, int]
"""An event, by its id, and a client that hears of it."""


def of(messages: Sequence[Message], surroundings: Surroundings, *, now: datetime) -> list[dict[str, Any]]:
    """Return, for each message, the columns that few have (`queries.matching.RARE`); a `reason` ends it."""
    muted = _muted(messages, surroundings) if surroundings.muting else {}
    return [_of(message, muted.get((event.id, message.client_id)), now) for event, message in messages]


def _muted(messages: Iterable[Message], surroundings: Surroundings) -> dict[Told, Mute]:
    """What keeps back what clients are told of events; each is asked once for all its messages."""
    asked = {(event.id, message.client_id): event for event, message in messages}
    return {
        told: mute
        for told, event in asked.items()
        if (muting := surroundings.muting.get(told[1])) and (mute := muting.of(event.body))
    }


def _of(message: Planned, mute: Mute | None, now: datetime) -> dict[str, Any]:
    """What is ended goes nowhere else and holds no other back; nobody to send it to is what failover is for."""
    found: dict[str, Any] = {}
    if message.user_id is not None:
        found["user_id"] = message.user_id
    if message.is_missing:
        found["reason"] = Reason.NO_ENDPOINT
    elif mute is not None:
        return {**found, **mute}
    if message.dedupe is not None:
        found["dedupe_key"], found["dedupe_seconds"] = message.dedupe
    if message.failover:
        found |= failover.columns(message.failover, since=now)
    return found
