"""The story of a notification: all that is known of why it was, or was not, sent, gathered for one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.models import Client, Endpoint, Event, Notification, RuleVersion, Silence
from sentinel.queries import endpoints, events, rules, silences
from sentinel.queries import notifications as queries
from sentinel.services import notifications
from sentinel.services.notifications import TimelineItem
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Story:
    """A notification, what happened to it, and what that refers to. `rules` are as they were when they asked for it."""

    notification: Notification
    client: str
    items: Sequence[TimelineItem]
    event: Event | None
    rules: Sequence[RuleVersion]
    endpoint: Endpoint | None
    silence: Silence | None
    successor: Notification | None


def tell(uow: UnitOfWork, notification_id: str) -> Story:
    """Gather the story of one notification of any client."""
    found = notifications.get(uow, notification_id, client_id=None)
    return Story(
        found,
        uow.session.get_one(Client, found.client_id).name,
        notifications.timeline(uow, found.id, client_id=None),
        event=_event_of(uow, found),
        rules=_rules_of(uow, found),
        endpoint=_endpoint_of(uow, found),
        silence=_silence_of(uow, found),
        successor=queries.successor_of(uow.session, found.id),
    )


def _event_of(uow: UnitOfWork, found: Notification) -> Event | None:
    known = None if found.event_id is None else events.get_of_all(uow.session, found.event_id)
    return None if known is None else known[0]


def _rules_of(uow: UnitOfWork, found: Notification) -> Sequence[RuleVersion]:
    return rules.as_they_were(uow.session, found.rule_ids, at=found.created_at) if found.rule_ids else []


def _endpoint_of(uow: UnitOfWork, found: Notification) -> Endpoint | None:
    if found.endpoint_id is None:
        return None
    return endpoints.get(uow.session, found.endpoint_id, client_id=found.client_id)


def _silence_of(uow: UnitOfWork, found: Notification) -> Silence | None:
    known = None if found.silence_id is None else silences.get(uow.session, found.silence_id, client_id=None)
    return None if known is None else known[0]
