"""One message that tells a whole group: its words, and what is kept of whom it tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from sentinel.models.group import GroupKind
from sentinel.models.status import Status
from sentinel.queries import flushing
from sentinel.queries.flushing import DueGroup, Shown
from sentinel.queries.matching import ConcernedClient
from sentinel.rendering import Facts
from sentinel.rendering.gathered import Gathered, Told
from sentinel.rendering.titles import title_of
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.matching import wordings
from sentinel.services.matching.fanout import Planned
from sentinel.services.sending import failover
from sentinel.services.sending.failover import Target
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

MOST_SHOWN = 100
"""Alerts and events of which a message, its template and its metadata know more than their number."""

OCCASIONS: dict[str, str] = {GroupKind.QUIET_HOURS: "while it was quiet", GroupKind.LIMIT: "more"}
"""Why messages were held that nobody asked to be grouped, as words after their number."""

PROGRAMS = "webhook"
"""The channel whose messages are read by programs: they get the list itself."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a group says: its alerts by their status, and how many messages that speak of none."""

    group: DueGroup
    firing: Sequence[str]
    resolved: Sequence[str]
    flapping: Sequence[str]
    singles: int
    passing: Sequence[str] | None
    """Only such severities of singles are told now; None: all."""
    severities: Mapping[str | None, int]
    """How many of each there are."""
    is_repeated: bool
    expires_at: datetime | None = None
    """When all that it says is too old to be told."""

    @property
    def number(self) -> int:
        """How many things it says."""
        return len(self.firing) + len(self.resolved) + len(self.flapping) + self.singles

    def statuses(self) -> dict[str, str]:
        """The alerts of which more than the number is said, and how each stands."""
        told = [("flapping", self.flapping), ("firing", self.firing), ("resolved", self.resolved)]
        pairs = [(key, status) for status, keys in told for key in keys[:MOST_SHOWN]]
        return dict(pairs[:MOST_SHOWN])


def rows_of(
    uow: UnitOfWork, tellings: Mapping[str, Telling], clients: Mapping[int, ConcernedClient]
) -> list[dict[str, Any]]:
    """Make the messages that tell groups, one each, by the ids that they are to have."""
    shown = _shown(uow, tellings.values())
    rule_ids = {rule_id for each in tellings.values() for rule_id in each.group.rule_ids}
    names = flushing.rule_names(uow.session, sorted(rule_ids))
    words = wordings.wordings_of(clients)
    made = []
    for notification_id, telling in tellings.items():
        gathered = _gathered(telling, shown.get(telling.group.id, []))
        facts = _facts(telling, gathered, client=clients[telling.group.client_id].name, names=names, now=uow.now)
        content = wordings.worded(_planned(telling), facts, words)
        made.append(_row(uow, notification_id, telling, gathered) | {"subject": content.subject, "body": content.body})
    return made


def _shown(uow: UnitOfWork, tellings: Iterable[Telling]) -> dict[str, list[Told]]:
    """What is said of the first alerts and events of each group, in the order in which people want to hear it."""
    tellings = list(tellings)
    statuses = {each.group.id: each.statuses() for each in tellings}
    wanted = [{"group_id": group_id, "alert_key": key} for group_id, keys in statuses.items() for key in keys]
    alerts = {(each.group_id, each.alert_key): each for each in flushing.shown_alerts(uow.session, wanted)}
    found = {
        group_id: [_told(alerts[group_id, key], status) for key, status in keys.items() if (group_id, key) in alerts]
        for group_id, keys in statuses.items()
    }
    with_singles = [{"id": each.group.id, "passing": each.passing} for each in tellings if each.singles]
    if with_singles:
        for single in flushing.shown_singles(uow.session, with_singles, most=MOST_SHOWN, now=uow.now):
            if len(found[single.group_id]) < MOST_SHOWN:
                found[single.group_id].append(_told(single, "event"))
    return found


def _told(shown: Shown, status: str) -> Told:
    event = {} if shown.event is None else orjson.loads(shown.event)
    title = title_of(event) if shown.title is None else shown.title
    return Told(status, title, shown.severity, shown.since, shown.event_id, event)


def _gathered(telling: Telling, told: Sequence[Told]) -> Gathered:
    counts = {
        "firing": len(telling.firing),
        "flapping": len(telling.flapping),
        "resolved": len(telling.resolved),
        "event": telling.singles,
    }
    return Gathered(
        telling.group.id,
        orjson.loads(telling.group.labels),
        counts,
        told,
        telling.is_repeated,
        OCCASIONS.get(telling.group.kind, ""),
        telling.severities,
    )


def _facts(telling: Telling, gathered: Gathered, *, client: str, names: Mapping[int, str], now: datetime) -> Facts:
    """The facts of the first of them stand for all where a template asks for one event."""
    first = gathered.told[0] if gathered.told else None
    return Facts(
        client=client,
        event_id=telling.group.id if first is None or first.event_id is None else first.event_id,
        severity=highest(telling.severities),
        rules=tuple((rule_id, names[rule_id]) for rule_id in telling.group.rule_ids if rule_id in names),
        event={} if first is None else first.event,
        occurred_at=now if first is None else first.since,
        group=gathered,
    )


def _planned(telling: Telling) -> Planned:
    group = telling.group
    return Planned(group.client_id, group.channel, group.recipient, group.endpoint_id, group.template)


def highest(severities: Iterable[str | None]) -> str | None:
    """The highest of the four; another one only where there is none of them."""
    known = sorted({each for each in severities if each is not None})
    ranked = [each for each in SEVERITIES if each in known]
    return next(iter(ranked or known), None)


def _row(uow: UnitOfWork, notification_id: str, telling: Telling, gathered: Gathered) -> dict[str, Any]:
    settings, group = get_settings(), telling.group
    targets = [Target(**each) for each in orjson.loads(group.failover or "[]")]
    return {
        "id": notification_id,
        "client_id": group.client_id,
        "status": Status.PENDING,
        "channel": group.channel,
        "recipient": group.recipient,
        "severity": highest(telling.severities),
        "user_id": group.user_id,
        "rule_ids": group.rule_ids,
        "endpoint_id": group.endpoint_id,
        "metadata": {"group": metadata(telling, gathered)},
        "attempt_limit": settings.max_attempts,
        "queue_at": uow.now + timedelta(seconds=settings.hint_seconds),
        "created_at": uow.now,
        "expires_at": telling.expires_at,
    } | failover.columns(targets, since=uow.now)


def metadata(telling: Telling, gathered: Gathered) -> dict[str, Any]:
    """What is kept of whom a message tells; programs get the list itself."""
    group = telling.group
    event_ids = [each.event_id for each in gathered.told if each.event_id is not None]
    kept = gathered.as_object() | {"kind": group.kind, "event_ids": event_ids}
    if group.channel == PROGRAMS:
        kept["alerts"] = [each.as_object() for each in gathered.told]
    return kept
