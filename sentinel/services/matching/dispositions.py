"""What becomes of a message that an event makes: it ends at once with a reason, is held, or goes on.

The first that has something to say decides, in this order: nobody to send it to, a silence, an alert that
inhibits it, quiet hours, a group that tells it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sentinel.models.group import GroupKind
from sentinel.models.status import Reason
from sentinel.queries.matching import PendingEvent
from sentinel.rendering.titles import title_of
from sentinel.rules import group_terms, serialise
from sentinel.rules.alerts import spoken_of
from sentinel.rules.group_keys import key_of, labels_of
from sentinel.rules.grouping import ONCE, Grouping
from sentinel.services.holding.hold import Holding
from sentinel.services.matching.fanout import Planned
from sentinel.services.matching.surroundings import Surroundings
from sentinel.services.muting.mutes import Mute
from sentinel.services.sending import failover

Message = tuple[PendingEvent, Planned]

Told = tuple[str, int]
"""An event, by its id, and a client that hears of it."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """Columns that few messages have (`queries.matching.RARE`); a `reason` ends it, a `holding` puts it in a group."""

    columns: dict[str, Any]
    holding: Holding | None = None


def of(messages: Sequence[Message], surroundings: Surroundings, *, now: datetime) -> list[Disposition]:
    """Return, for each message, what becomes of it."""
    muted = _muted(messages, surroundings) if surroundings.muting else {}
    found = []
    for event, message in messages:
        columns = _columns(message, muted.get((event.id, message.client_id)), now)
        found.append(_quietly(Disposition(columns, _holding(event, message, columns, now)), event, message, now))
    return found


def _quietly(disposition: Disposition, event: PendingEvent, message: Planned, now: datetime) -> Disposition:
    """What an endpoint does not want to hear now is dropped, or held; a group that holds it asks when it is due."""
    if message.quiet_hours is None or "reason" in disposition.columns:
        return disposition
    until = message.quiet_hours.holds_back(message.severity, now)
    if until is None:
        return disposition
    if message.quiet_hours.drops:
        return _dropped(disposition, message)
    if disposition.holding is not None:
        return disposition
    return replace(disposition, holding=_quiet_holding(event, disposition.columns, until))


def _dropped(disposition: Disposition, message: Planned) -> Disposition:
    """Its group hears of an alert all the same, to tell in the morning what fires still."""
    columns: dict[str, Any] = {"reason": Reason.QUIET_HOURS}
    if message.user_id is not None:
        columns["user_id"] = message.user_id
    speaks = disposition.holding is not None and disposition.holding.spoken is not None
    return Disposition(columns, disposition.holding if speaks else None)


def _quiet_holding(event: PendingEvent, columns: dict[str, Any], until: datetime) -> Holding:
    return Holding(
        kind=GroupKind.QUIET_HOURS,
        scope="endpoint",
        key="",
        terms=ONCE,
        due_at=until,
        title=title_of(event.body),
        spoken=spoken_of(event.body),
        failover=columns.get("failover"),
    )


def _holding(event: PendingEvent, message: Planned, columns: dict[str, Any], now: datetime) -> Holding | None:
    """A message that is silenced is not held; its group hears of the alert, to tell it when the silence is over."""
    grouping = message.grouping
    if grouping is None or message.is_missing:
        return None
    spoken = spoken_of(event.body)
    if spoken is None and "reason" in columns:
        return None
    return Holding(
        kind=GroupKind.GROUPING,
        scope=message.scope,
        rule_id=message.grouped_by,
        key=key_of(grouping, event.body, spoken, event.id),
        terms=grouping.terms,
        due_at=now + timedelta(seconds=grouping.terms.wait_seconds),
        title=title_of(event.body),
        labels=labels_of(grouping, event.body),
        grouped_by=_grouped_by(grouping, message.scope),
        spoken=spoken,
        template=message.template,
        failover=columns.get("failover"),
    )


def _grouped_by(grouping: Grouping, scope: str) -> list[Any]:
    return serialise.grouped_by(grouping) if scope == "rule" else group_terms.written(grouping)["group_by"]


def _muted(messages: Iterable[Message], surroundings: Surroundings) -> dict[Told, Mute]:
    """What keeps back what clients are told of events; each is asked once for all its messages."""
    asked = {(event.id, message.client_id): event for event, message in messages}
    return {
        told: mute
        for told, event in asked.items()
        if (muting := surroundings.muting.get(told[1])) and (mute := muting.of(event.body))
    }


def _columns(message: Planned, mute: Mute | None, now: datetime) -> dict[str, Any]:
    """What is ended goes nowhere else and holds no other back; nobody to send it to is what failover is for."""
    found: dict[str, Any] = {}
    if message.user_id is not None:
        found["user_id"] = message.user_id
    if message.is_missing:
        found["reason"] = Reason.NO_ENDPOINT
        if mute is not None:
            return found
    elif mute is not None:
        return {**found, **mute}
    if message.dedupe is not None:
        found["dedupe_key"], found["dedupe_seconds"] = message.dedupe
    if message.failover:
        found |= failover.columns(message.failover, since=now)
    return found
