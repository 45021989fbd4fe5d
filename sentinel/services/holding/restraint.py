"""A group that is due while its endpoint wants to be left alone: what may be told all the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sentinel.models.group import GroupKind
from sentinel.queries.flushing import AlertRow, DueGroup
from sentinel.rules.syntax import SEVERITIES
from sentinel.services import quiet_hours
from sentinel.services.holding.decision import Quiet


@dataclass(frozen=True, slots=True)
class Restraint:
    """Until when only the `passing` severities are told, and whether the rest is not told then either."""

    until: datetime
    passing: list[str]
    drops: bool = False

    def lets_pass(self, severity: str | None) -> bool:
        """Whether a message is told now."""
        return severity in self.passing

    def quiet(self, alerts: Iterable[AlertRow], *, has_singles: bool) -> Quiet:
        """The same as a decision takes it; `has_singles`: messages that speak of no alert are held and wait."""
        waiting = frozenset(each.key for each in alerts if not self.lets_pass(each.severity))
        return Quiet(self.until, waiting, has_singles=has_singles and not self.drops, drops=self.drops)


def restraint_of(group: DueGroup, *, now: datetime) -> Restraint | None:
    """Ask the quiet hours that the group's endpoint has by now.

    What a limit has stopped was on its way already. What is held because it was quiet has not passed, and is not
    dropped: it waits until it is quiet no more.
    """
    hours = quiet_hours.stored(group.quiet_hours)
    until = None if hours is None or group.kind == GroupKind.LIMIT else hours.until(now)
    if hours is None or until is None:
        return None
    if group.kind == GroupKind.QUIET_HOURS:
        return Restraint(until, [])
    return Restraint(until, [each for each in SEVERITIES if hours.lets_pass(each)], drops=hours.drops)
