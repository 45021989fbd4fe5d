"""Why an event was told, or was not: each rule of a client with what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sentinel.models import Notification, Rule
from sentinel.queries import notifications as notification_queries
from sentinel.queries import rules as rule_queries
from sentinel.queries.notifications import Filter
from sentinel.rules.explain import Explanation, explain, reach
from sentinel.rules.syntax import RuleSyntax
from sentinel.services import events
from sentinel.services.events import SeenEvent
from sentinel.services.ruling import rules
from sentinel.services.ruling.rule_trial import needs
from sentinel.services.unit_of_work import UnitOfWork

MOST_RULES = 500
MOST_NOTIFICATIONS = 200


class Fate(StrEnum):
    """What became of a rule when the event met it."""

    SPOKE = "spoke"
    """It had its say: its actions were carried out."""
    SILENCED = "silenced"
    """It matched, but a rule of higher priority said `stop`, or suppressed the event."""
    THROTTLED = "throttled"
    """It matched, but had spoken a moment before."""
    WAITING = "waiting"
    """It matched, but its window was not reached, or it had not been true for long enough."""
    NOT_ASKED = "not_asked"
    """It matches as it is now, but was not there, or otherwise, when the event was evaluated; or the event waits."""
    DISABLED = "disabled"
    """Disabled rules are not asked."""
    FAILED = "failed"
    """A condition did not hold: `failed` says which, and the value it saw."""


UNHEARD = {each.value: each for each in (Fate.SILENCED, Fate.THROTTLED, Fate.WAITING)}


@dataclass(frozen=True, slots=True)
class RuleFate:
    """A rule, what became of it, and why. `has_changed`: since the event came, so it may have been otherwise then."""

    rule: Rule
    fate: Fate
    explanation: Explanation
    needs: list[str]
    has_changed: bool


@dataclass(frozen=True, slots=True)
class EventExplanation:
    """An event, how many rules it met, the most interesting of them, and what was sent of it."""

    seen: SeenEvent
    considered: int
    fates: list[RuleFate]
    notifications: Sequence[Notification]


def why(uow: UnitOfWork, event_id: str, client_id: int, *, rule_id: int | None, most: int) -> EventExplanation:
    """Ask each rule of the client, as it is now, about an event: those that matched first, then the near misses."""
    seen = events.get(uow, event_id, client_id)
    asked = [rules.get(uow, rule_id, client_id=client_id)] if rule_id is not None else None
    met = _nearest_first(asked or rule_queries.enabled(uow.session, client_id), seen)
    wanted = Filter(client_id=client_id, event_id=seen.event.id)
    told = notification_queries.page(uow.session, wanted, size=MOST_NOTIFICATIONS)
    fates = [_fate(rule, syntax, seen) for rule, syntax in met[:most]]
    return EventExplanation(seen, len(met), fates, [row for row, _ in told])


def _nearest_first(asked: Iterable[Rule], seen: SeenEvent) -> list[tuple[Rule, RuleSyntax]]:
    """Rules that match, then those that failed latest. A client may have thousands, of which few are explained."""
    shared: dict[Any, Any] = {}
    met = [(rule, rules.syntax_of(rule, shared)) for rule in asked]
    reached = {rule.id: reach(syntax.condition, seen.event.body) for rule, syntax in met}
    return sorted(met, key=lambda each: (*(-part for part in reached[each[0].id]), each[0].id))


def _fate(rule: Rule, syntax: RuleSyntax, seen: SeenEvent) -> RuleFate:
    explanation = explain(syntax.condition, seen.event.body)
    has_changed = rule.updated_at > seen.event.created_at
    return RuleFate(rule, _became(rule, seen, explanation), explanation, needs(syntax), has_changed)


def _became(rule: Rule, seen: SeenEvent, explanation: Explanation) -> Fate:
    if rule.id in seen.rule_ids:
        return Fate.SPOKE
    for reason, fate in UNHEARD.items():
        if rule.id in seen.unheard.get(reason, ()):
            return fate
    if not explanation.matched:
        return Fate.FAILED
    return Fate.NOT_ASKED if rule.is_enabled else Fate.DISABLED
