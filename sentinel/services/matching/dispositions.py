"""What becomes of a message that an event makes: it ends at once with a reason, or goes on with what few messages have.

The first that has something to say decides, in this order: nobody to send it to, a silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sentinel.models.status import Reason
from sentinel.queries.matching import PendingEvent
from sentinel.services import silences
from sentinel.services.matching.fanout import Planned
from sentinel.services.matching.surroundings import Surroundings
from sentinel.services.sending import failover

Message = tuple[PendingEvent, Planned]

Told = tuple[str, int]
"""An event, by its id, and a client that hears of it."""


def of(messages: Sequence[Message], surroundings: Surroundings, *, now: datetime) -> list[dict[str, Any]]:
    """Return, for each message, the columns that few have (`queries.matching.RARE`); a `reason` ends it."""
    silencing = _silencing(messages, surroundings) if surroundings.silences else {}
    return [_of(message, silencing.get((event.id, message.client_id)), now) for event, message in messages]


def _silencing(messages: Iterable[Message], surroundings: Surroundings) -> dict[Told, str]:
    """The silence of a client that holds back what is said of an event: the oldest of those that match."""
    found: dict[Told, str] = {}
    asked = {(event.id, message.client_id): event for event, message in messages}
    for told, event in asked.items():
        if matching_ids := silences.silencing(surroundings.silences.get(told[1], ()), event.body):
            found[told] = matching_ids[0]
    return found


def _of(message: Planned, silence_id: str | None, now: datetime) -> dict[str, Any]:
    """What is ended goes nowhere else and holds no other back; nobody to send it to is what failover is for."""
    found: dict[str, Any] = {}
    if message.user_id is not None:
        found["user_id"] = message.user_id
    if message.is_missing:
        found["reason"] = Reason.NO_ENDPOINT
    elif silence_id is not None:
        return found | {"reason": Reason.SILENCED, "silence_id": silence_id}
    if message.dedupe is not None:
        found["dedupe_key"], found["dedupe_seconds"] = message.dedupe
    if message.failover:
        found |= failover.columns(message.failover, since=now)
    return found
