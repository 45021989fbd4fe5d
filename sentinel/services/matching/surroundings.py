"""What a batch of events needs to know besides its rules, read once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sentinel.queries import endpoints as endpoint_queries
from sentinel.queries import matching
from sentinel.queries.matching import ConcernedClient, PendingEvent
from sentinel.services import traces
from sentinel.services.matching import wordings
from sentinel.services.matching.fanout import Directory, SpeakingRule
from sentinel.services.matching.wordings import Wordings
from sentinel.services.muting import mutes
from sentinel.services.muting.mutes import Muting
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Endpoints, words, clients, and what keeps their messages back, as they were at `now`."""

    now: datetime
    directory: Directory
    wordings: Wordings
    clients: Mapping[int, ConcernedClient]
    muting: Mapping[int, Muting] = field(default_factory=dict)
    """Of clients that have anything that mutes now."""
    traces: Mapping[str, str] = field(default_factory=dict)


def surroundings_of(uow: UnitOfWork, fired: Iterable[SpeakingRule], events: Sequence[PendingEvent]) -> Surroundings:
    """Read, for all of the batch at once, what is known of every client that is concerned."""
    event_traces = traces.of_events(uow, (event.id for event in events))
    concerned = {(rule.id, rule.client_id) for rule in fired}
    users = {(event.client_id, event.user_id) for event in events if event.is_addressed}
    client_ids = {client_id for _, client_id in concerned} | {client_id for client_id, _ in users}
    if not client_ids:
        return Surroundings(uow.now, Directory(), Wordings({}), {})
    wanted, rule_ids = sorted(client_ids), sorted(rule_id for rule_id, _ in concerned)
    user_ids = {user_id for _, user_id in users if user_id is not None}
    clients = matching.clients(uow.session, wanted, now=uow.now)
    chains = {client_id: client.chains for client_id, client in clients.items() if client.chains}
    directory = Directory(endpoint_queries.for_fanout(uow.session, rule_ids, wanted, user_ids), chains)
    muting = mutes.of_clients(uow, clients, events)
    return Surroundings(uow.now, directory, wordings.wordings_of(clients), clients, muting, event_traces)
