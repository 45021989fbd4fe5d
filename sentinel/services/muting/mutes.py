"""Why something is not told at a moment: a silence that holds, or an alert that inhibits it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.models.status import Reason
from sentinel.queries.firing_alerts import Word
from sentinel.queries.matching import ConcernedClient, PendingEvent
from sentinel.rules.inhibitions import Inhibition, Inhibitor
from sentinel.rules.matchers import labels_of, needed
from sentinel.services.alerting import firing
from sentinel.services.muting import holding
from sentinel.services.muting.holding import Held
from sentinel.services.muting.matchers import read_all
from sentinel.services.unit_of_work import UnitOfWork

Mute = Mapping[str, Any]
"""Columns of a message that is not told: `reason`, and `silence_id` or `inhibited_by`."""


@dataclass(frozen=True, slots=True)
class Muting:
    """What keeps messages of one client back at one moment."""

    silences: Sequence[Held] = ()
    inhibitor: Inhibitor[Word] | None = None

    def of(self, body: Mapping[str, Any]) -> Mute | None:
        """Why nothing is told of an event: the oldest silence that matches, else what inhibits it; None if told."""
        if found := holding.silencing(self.silences, body):
            return {"reason": Reason.SILENCED, "silence_id": found[0]}
        inhibiting = self.inhibitor and self.inhibitor.inhibiting(labels_of(body))
        return {"reason": Reason.INHIBITED, "inhibited_by": _named(*inhibiting)} if inhibiting else None


def _named(inhibition: Inhibition, source: Word) -> dict[str, str]:
    return {"inhibition": inhibition.name, "alert": source.key, "event_id": source.event_id}


def of_clients(
    uow: UnitOfWork, clients: Mapping[int, ConcernedClient], events: Iterable[PendingEvent] = ()
) -> dict[int, Muting]:
    """Return what mutes now, of those of the clients who have anything that does.

    A statement asks which alerts fire if any client has inhibitions. What `events` say of alerts counts already.
    """
    inhibitions = {client_id: _inhibitions(client) for client_id, client in clients.items() if client.inhibitions}
    inhibitors = _inhibitors(uow, inhibitions, events) if inhibitions else {}
    found = {
        client_id: Muting(holding.held(client.silences, now=uow.now), inhibitors.get(client_id))
        for client_id, client in clients.items()
        if client.silences or client.inhibitions
    }
    return {client_id: each for client_id, each in found.items() if each.silences or each.inhibitor}


def _inhibitions(client: ConcernedClient) -> tuple[Inhibition, ...]:
    return tuple(
        Inhibition(name, read_all(source), read_all(target), tuple(equal))
        for name, source, target, equal in client.inhibitions
    )


def _inhibitors(
    uow: UnitOfWork, inhibitions: Mapping[int, Sequence[Inhibition]], events: Iterable[PendingEvent]
) -> dict[int, Inhibitor[Word]]:
    wanted = [needed(each.source) for every in inhibitions.values() for each in every]
    words = firing.heard(uow, inhibitions, wanted, news=firing.words_of(events, now=uow.now))
    return {
        client_id: Inhibitor(every, [word for word in words if firing.is_heard_by(word, client_id)])
        for client_id, every in inhibitions.items()
    }
