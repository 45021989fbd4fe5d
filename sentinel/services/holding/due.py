"""Groups that are due: what is known of them, and what each of them does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sentinel.models.group import GroupKind
from sentinel.queries import flushing
from sentinel.queries.flushing import AlertRow, DueGroup, Singles
from sentinel.queries.matching import ConcernedClient
from sentinel.rules.grouping import Terms
from sentinel.services.holding import muting
from sentinel.services.holding.decision import Alert, Belief, Circumstances, Decision, Group, Quiet, decide, tell_all
from sentinel.services.holding.digest import Telling
from sentinel.services.holding.restraint import Restraint, restraint_of
from sentinel.services.muting.mutes import Mute
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Known:
    """A group that is due, and all that is held in it."""

    group: DueGroup
    alerts: Mapping[str, AlertRow]
    singles: Sequence[Singles]
    muted: Mapping[str, Mute]


@dataclass(frozen=True, slots=True)
class Due:
    """A group that is due, what is known of it, and what it does."""

    group: DueGroup
    alerts: Mapping[str, AlertRow]
    singles: Sequence[Singles]
    muted: Mapping[str, Mute]
    decision: Decision
    restraint: Restraint | None = None

    @property
    def is_last(self) -> bool:
        """Nobody comes to this group any more."""
        return self.group.is_last

    @property
    def passing(self) -> list[str] | None:
        """The severities of single messages that may be told now; None: all."""
        return None if self.restraint is None else self.restraint.passing

    @property
    def telling(self) -> Telling:
        """What the group says, if it says anything."""
        told = self.decision
        severities = Counter(self.alerts[key].severity for key in (*told.firing, *told.resolved, *told.flapping))
        for each in self.singles:
            severities[each.severity] += each.number
        number = sum(each.number for each in self.singles)
        return Telling(
            self.group,
            told.firing,
            told.resolved,
            told.flapping,
            number,
            self.passing,
            severities,
            told.is_repeated,
            self._expires_at(),
        )

    def _expires_at(self) -> datetime | None:
        """When the last of what it says is too old, if all of it is some time."""
        told = self.decision
        ends = [each.expires_at for each in self.singles if each.expires_at is not None]
        has_lasting = told.firing or told.resolved or told.flapping or len(ends) < len(self.singles)
        return None if has_lasting else max(ends, default=None)


def decided_of(
    uow: UnitOfWork, due: Sequence[DueGroup], clients: Mapping[int, ConcernedClient], *, is_hurried: bool
) -> list[Due]:
    """Read what is held in these groups and known of it, and decide what each does."""
    ids = [each.id for each in due]
    alerts: dict[str, dict[str, AlertRow]] = defaultdict(dict)
    for row in flushing.alerts_of(uow.session, ids):
        alerts[row.group_id][row.key] = row
    singles: dict[str, list[Singles]] = defaultdict(list)
    for each in flushing.singles_of(uow.session, ids, now=uow.now):
        singles[each.group_id].append(each)
    muted = muting.muted(uow, due, clients)
    known = [Known(each, alerts[each.id], singles[each.id], muted.get(each.id, {})) for each in due]
    return _unless_over([_due(uow, each, is_hurried=is_hurried) for each in known], known, uow, is_hurried=is_hurried)


def _unless_over(found: Sequence[Due], known: Sequence[Known], uow: UnitOfWork, *, is_hurried: bool) -> list[Due]:
    """Ask what is known of alerts before it is said again that they fire, and before a group is told no more.

    The end of an alert need not come to the group of its beginning: rules and endpoints change.
    """
    doubtful = [each.group.id for each in found if each.decision.firing and (each.decision.is_repeated or each.is_last)]
    over: dict[str, dict[str, AlertRow]] = defaultdict(dict)
    for row in flushing.end_alerts(uow.session, doubtful, now=uow.now) if doubtful else ():
        over[row.group_id][row.key] = row
    return [
        _due(uow, replace(each, alerts={**each.alerts, **over[each.group.id]}), is_hurried=is_hurried)
        if each.group.id in over
        else decided
        for each, decided in zip(known, found, strict=True)
    ]


def _due(uow: UnitOfWork, known: Known, *, is_hurried: bool) -> Due:
    restraint = None if is_hurried else restraint_of(known.group, now=uow.now)
    passing = [each for each in known.singles if restraint is None or restraint.lets_pass(each.severity)]
    now = Circumstances(
        uow.now,
        sum(each.number for each in passing),
        {key: each["reason"] for key, each in known.muted.items()},
        quiet=_quiet(restraint, known, has_singles=len(passing) < len(known.singles)),
        is_hurried=is_hurried,
        is_last=known.group.is_last,
    )
    alerts = [_alert(each) for each in known.alerts.values()]
    is_grouped = known.group.kind == GroupKind.GROUPING
    decision = decide(_group(known.group), alerts, now) if is_grouped else tell_all(alerts, now)
    return Due(known.group, known.alerts, passing, known.muted, decision, restraint)


def _quiet(restraint: Restraint | None, known: Known, *, has_singles: bool) -> Quiet | None:
    return None if restraint is None else restraint.quiet(known.alerts.values(), has_singles=has_singles)


def _group(row: DueGroup) -> Group:
    terms = Terms(
        row.wait_seconds,
        row.interval_seconds,
        row.repeat_seconds,
        row.pause_seconds,
        row.says_resolved,
        row.flap_changes,
        row.flap_seconds,
    )
    return Group(terms, row.began_at, row.last_told_at)


def _alert(row: AlertRow) -> Alert:
    return Alert(row.key, row.is_firing, row.since, Belief(row.told), row.changes)
