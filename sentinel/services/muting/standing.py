"""Which alerts fire now, and which of them nobody hears of, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.queries import clients, firing_alerts, matching
from sentinel.queries.firing_alerts import Word
from sentinel.services.muting import mutes
from sentinel.services.muting.mutes import Mute, Muting
from sentinel.services.unit_of_work import UnitOfWork

MOST = 100
"""Most alerts that are shown."""


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that fires, whose it is, and what mutes it for the client that is asked for (None: it is told)."""

    word: Word
    client: str
    mute: Mute | None


@dataclass(frozen=True, slots=True)
class Firing:
    """The newest alerts that fire. `is_cut`: there are more."""

    alerts: Sequence[FiringAlert]
    is_cut: bool

    @property
    def muted(self) -> int:
        """How many of them nobody hears of."""
        return sum(each.mute is not None for each in self.alerts)


def firing(uow: UnitOfWork, client_id: int | None, *, most: int = MOST) -> Firing:
    """Say what fires that a client hears of, broadcasts too, and what mutes each; None: of all, each for its owner."""
    if client_id is not None and clients.get(uow.session, client_id) is None:
        return Firing([], is_cut=False)
    words = firing_alerts.newest(uow.session, client_id, most=most + 1)
    owners = {word.client_id for word in words} | ({client_id} if client_id is not None and words else set())
    heard_by = matching.clients(uow.session, sorted(owners), now=uow.now) if owners else {}
    muting = mutes.of_clients(uow, heard_by)
    found = [
        FiringAlert(word, heard_by[word.client_id].name, _mute(word, muting, client_id or word.client_id))
        for word in words[:most]
    ]
    return Firing(found, is_cut=len(words) > most)


def _mute(word: Word, muting: Mapping[int, Muting], client_id: int) -> Mute | None:
    mine = muting.get(client_id)
    return None if mine is None else mine.of({"labels": word.labels})
