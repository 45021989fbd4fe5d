"""What a batch of events needs to know besides its rules, read once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sentinel.queries import endpoints as endpoint_queries
from sentinel.queries import matching
from sentinel.queries.matching import ConcernedClient, PendingEvent
from sentinel.services import silences, traces
from sentinel.services.matching import wordings
from sentinel.services.matching.fanout import Directory, SpeakingRule
from sentinel.services.matching.wordings import Wordings
from sentinel.services.silences import Held
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Endpoints, words, clients, and what keeps their messages back."""

    directory: Directory
    wordings: Wordings
    clients: Mapping[int, ConcernedClient]
    silences: Mapping[int, Sequence[Held]] = field(default_factory=dict)
    """Of clients that have active ones."""
    traces: Mapping[str, str] = field(default_factory=dict)


def surroundings_of(uow: UnitOfWork, fired: Iterable[SpeakingRule], events: Sequence[PendingEvent]) -> Surroundings:
    """Endpoints of every client that is concerned, and its name, templates, silences, chains: a query each."""
    event_traces = traces.of_events(uow, (event.id for event in events))
    concerned = {(rule.id, rule.client_id) for rule in fired}
    users = {(event.client_id, event.user_id) for event in events if event.is_addressed}
    client_ids = {client_id for _, client_id in concerned} | {client_id for client_id, _ in users}
    if not client_ids:
        return Surroundings(Directory(), Wordings({}), {})
    wanted, rule_ids = sorted(client_ids), sorted(rule_id for rule_id, _ in concerned)
    user_ids = {user_id for _, user_id in users if user_id is not None}
    clients = matching.clients(uow.session, wanted, now=uow.now)
    chains = {client_id: client.chains for client_id, client in clients.items() if client.chains}
    directory = Directory(endpoint_queries.for_fanout(uow.session, rule_ids, wanted, user_ids), chains)
    held = {client_id: silences.held(client.silences) for client_id, client in clients.items() if client.silences}
    return Surroundings(directory, wordings.wordings_of(clients), clients, held, event_traces)
