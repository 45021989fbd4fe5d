"""Which alerts of groups nobody wants to hear of now. The one place that says so when a group is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import orjson

from sentinel.queries import flushing, silences
from sentinel.queries.flushing import DueGroup
from sentinel.queries.group_endings import EndedRows
from sentinel.queries.matching import ConcernedClient
from sentinel.queries.silences import HeldBack
from sentinel.services.muting import mutes
from sentinel.services.muting.mutes import Mute
from sentinel.services.unit_of_work import UnitOfWork


def muted(
    uow: UnitOfWork, due: Sequence[DueGroup], clients: Mapping[int, ConcernedClient]
) -> dict[str, dict[str, Mute]]:
    """Return, by group and alert, what is muted, and by what; clients that mute nothing cost no statement."""
    muting = mutes.of_clients(uow, clients)
    client_of = {each.id: each.client_id for each in due if each.client_id in muting}
    found: dict[str, dict[str, Mute]] = defaultdict(dict)
    if client_of:
        for said in flushing.said_of(uow.session, list(client_of)):
            if mute := muting[client_of[said.group_id]].of(orjson.loads(said.body)):
                found[said.group_id][said.alert_key] = mute
    return found


def count_held_back(uow: UnitOfWork, ended: Iterable[EndedRows]) -> None:
    """Tell silences what they held back."""
    held_back: dict[str, int] = defaultdict(int)
    for each in ended:
        if each.silence_id is not None:
            held_back[each.silence_id] += each.number
    if held_back:
        rows = [HeldBack(silence_id, number, is_of_alert=True) for silence_id, number in sorted(held_back.items())]
        silences.hold_back(uow.session, rows, now=uow.now)
