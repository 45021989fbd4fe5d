"""In which words a message is told: the template that is asked for, the default one, or the built-in wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sentinel.channels.registry import ROUTES
from sentinel.logs import get_logger
from sentinel.queries import matching
from sentinel.queries.matching import ConcernedClient
from sentinel.rendering import Content, Facts, TemplateError, Wording, render, tells_groups
from sentinel.services.matching import fanout
from sentinel.services.matching.fanout import Planned
from sentinel.services.unit_of_work import UnitOfWork

log = get_logger(__name__)

DEFAULT_TEMPLATE = "default"
"""A client's template of this name replaces the built-in wording."""


class Told(Protocol):
    """An event, stored or only tried."""

    @property
    def body(self) -> Mapping[str, Any]:
        """The object as it came."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""
        ...


@dataclass(frozen=True, slots=True)
class Wordings:
    """The templates of some clients."""

    by_name: Mapping[tuple[int, str, str | None], Wording]

    def find(self, client_id: int, name: str, channel: str) -> Wording | None:
        """A client's template for a channel: its own for that channel before the one for all."""
        return self.by_name.get((client_id, name, channel)) or self.by_name.get((client_id, name, None))


def of_clients(uow: UnitOfWork, client_ids: list[int]) -> Wordings:
    """Read the templates of these clients."""
    return wordings_of(matching.clients(uow.session, client_ids, now=uow.now))


def wordings_of(clients: Mapping[int, ConcernedClient]) -> Wordings:
    """Return the templates of clients that were read."""
    return Wordings(
        {
            (client_id, *name): Wording(*texts)
            for client_id, client in clients.items()
            for name, texts in client.templates.items()
        }
    )


def facts_of(message: Planned, event: Told, *, client: str, event_id: str) -> Facts:
    """Return what a message has to say. `event_id` is the sender's, where it gave one."""
    return Facts(
        client=client,
        event_id=event_id,
        severity=message.severity,
        rules=tuple((rule.id, rule.name) for rule in message.rules),
        event=event.body,
        occurred_at=event.occurred_at,
        held_back=message.held_back,
    )


def worded(message: Planned, facts: Facts, wordings: Wordings) -> Content:
    """Write a message. The alert matters more than its wording: where a template fails, the next best is taken."""
    channel = message.channel if message.channel in ROUTES else fanout.INBOX
    for name in (message.template, DEFAULT_TEMPLATE):
        wording = None if name is None else wordings.find(message.client_id, name, channel)
        if wording is None:
            continue
        try:
            if facts.group is not None and not tells_groups(wording):
                continue  # it knows one event only
            return render(channel, facts, wording)
        except TemplateError as error:
            log.warning("template_failed", template=name, client_id=message.client_id, error=str(error))
    return render(channel, facts)
