"""Which alerts of groups nobody wants to hear of now. The one place that says so when a group is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from sentinel.models.status import Reason
from sentinel.queries import flushing
from sentinel.queries.flushing import DueGroup
from sentinel.queries.matching import ConcernedClient
from sentinel.services import silences
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Muted:
    """Why an alert is kept quiet, and by which silence."""

    reason: Reason
    silence_id: str | None = None


def muted(
    uow: UnitOfWork, due: Sequence[DueGroup], clients: Mapping[int, ConcernedClient]
) -> dict[str, dict[str, Muted]]:
    """Return, by group and alert, what is muted. Only clients with active silences cost a statement."""
    held = {client_id: silences.held(client.silences) for client_id, client in clients.items() if client.silences}
    client_of = {each.id: each.client_id for each in due if each.client_id in held}
    found: dict[str, dict[str, Muted]] = defaultdict(dict)
    if client_of:
        for said in flushing.said_of(uow.session, list(client_of)):
            matching = silences.silencing(held[client_of[said.group_id]], orjson.loads(said.body))
            if matching:
                found[said.group_id][said.alert_key] = Muted(Reason.SILENCED, matching[0])
    return found
