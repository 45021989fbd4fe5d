"""Groups that are due are told: alone as they are, or together in one message. What has moved is one transaction.

Several flushes at once share the groups between them; one that dies has moved nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sentinel.ids import new_ids
from sentinel.logs import get_logger, log_each
from sentinel.models.group import GroupKind
from sentinel.models.status import Reason, Status
from sentinel.queries import flushing, holding, matching, notifications, sweeping
from sentinel.queries.flushing import AlertRow, DueGroup, Singles
from sentinel.queries.matching import ConcernedClient
from sentinel.rules.grouping import Terms
from sentinel.services.holding import digest, muting
from sentinel.services.holding.decision import Alert, Belief, Circumstances, Decision, Group, Quiet, decide, tell_all
from sentinel.services.holding.digest import Telling
from sentinel.services.holding.muting import Muted
from sentinel.services.holding.restraint import Restraint, restraint_of
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import tallies
from sentinel.settings import get_settings

log = get_logger(__name__)

AT_ONCE = 100
"""Groups of one transaction."""

MOST_TURNS = 20
"""Transactions of one sweep: the next one follows in a second."""


@dataclass(frozen=True, slots=True)
class Known:
    """A group that is due, and all that is held in it."""

    group: DueGroup
    alerts: Mapping[str, AlertRow]
    singles: Sequence[Singles]
    muted: Mapping[str, Muted]


@dataclass(frozen=True, slots=True)
class Due:
    """A group that is due, what is known of it, and what it does."""

    group: DueGroup
    alerts: Mapping[str, AlertRow]
    singles: Sequence[Singles]
    muted: Mapping[str, Muted]
    decision: Decision
    restraint: Restraint | None = None

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
            self.group, told.firing, told.resolved, told.flapping, number, self.passing, severities, told.is_repeated
        )


def sweep() -> int:
    """Flush the groups that are due; returns how many were."""
    count = 0
    for _ in range(MOST_TURNS):
        with unit_of_work() as uow:
            found = flushing.take_due(uow.session, most=AT_ONCE, now=uow.now)
            flush(uow, found)
        count += len(found)
        if len(found) < AT_ONCE:
            break
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, "flush_groups", count, now=uow.now)
    return count


def flush(uow: UnitOfWork, due: Sequence[DueGroup], *, is_hurried: bool = False) -> dict[str, str]:
    """Tell these groups, which this transaction holds; returns which message tells each that had something to say."""
    if not due:
        return {}
    clients = matching.clients(uow.session, sorted({each.client_id for each in due}), now=uow.now)
    decided = _decided(uow, due, clients, is_hurried=is_hurried)
    telling = [each for each in decided if each.decision.tells]
    told_by = _release(uow, telling)
    told_by |= _tell_together(uow, [each for each in telling if each.group.id not in told_by], clients)
    _end(uow, decided, told_by)
    _settle(uow, decided, told_by)
    _measure(uow, decided, told_by)
    return told_by


def _decided(
    uow: UnitOfWork, due: Sequence[DueGroup], clients: Mapping[int, ConcernedClient], *, is_hurried: bool
) -> list[Due]:
    ids = [each.id for each in due]
    alerts: dict[str, dict[str, AlertRow]] = defaultdict(dict)
    for row in flushing.alerts_of(uow.session, ids):
        alerts[row.group_id][row.key] = row
    singles: dict[str, list[Singles]] = defaultdict(list)
    for each in flushing.singles_of(uow.session, ids):
        singles[each.group_id].append(each)
    muted = muting.muted(uow, due, clients)
    return [
        _due(uow, Known(each, alerts[each.id], singles[each.id], muted.get(each.id, {})), is_hurried=is_hurried)
        for each in due
    ]


def _due(uow: UnitOfWork, known: Known, *, is_hurried: bool) -> Due:
    restraint = None if is_hurried else restraint_of(known.group, now=uow.now)
    passing = [each for each in known.singles if restraint is None or restraint.lets_pass(each.severity)]
    now = Circumstances(
        uow.now,
        sum(each.number for each in passing),
        {key: each.reason for key, each in known.muted.items()},
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


def _release(uow: UnitOfWork, telling: Sequence[Due]) -> dict[str, str]:
    """Where a group says one thing, and a held message says it, that goes as it is."""
    alone = {group_id: own for each in telling if (own := _own_message(each)) for group_id in [each.group.id]}
    if not alone:
        return {}
    held = flushing.still_held(uow.session, list(alone.values()))
    alone = {group_id: own for group_id, own in alone.items() if own in held}
    queue_at = uow.now + timedelta(seconds=get_settings().hint_seconds)
    released = flushing.release(uow.session, list(alone.values()), queue_at=queue_at, now=uow.now)
    _dispatch(uow, released)
    return {group_id: own for group_id, own in alone.items() if own in released}


def _own_message(due: Due) -> str | None:
    """The message that says all that the group has to say."""
    told = due.decision
    number = due.telling.number
    if number != 1 or told.flapping or told.is_repeated:
        return None
    if due.singles:
        return due.singles[0].first_id
    return due.alerts[(*told.firing, *told.resolved)[0]].notification_id


def _tell_together(uow: UnitOfWork, telling: Sequence[Due], clients: Mapping[int, ConcernedClient]) -> dict[str, str]:
    """Store one message for each of these flushing."""
    if not telling:
        return {}
    ids = new_ids(uow.now, len(telling))
    rows = digest.rows_of(uow, {each: due.telling for each, due in zip(ids, telling, strict=True)}, clients)
    notifications.insert(uow.session, rows)
    tallies.count_accepted(uow, (row["channel"] for row in rows))
    _dispatch(uow, {row["id"]: row["channel"] for row in rows})
    return {due.group.id: each for each, due in zip(ids, telling, strict=True)}


def _dispatch(uow: UnitOfWork, channels: Mapping[str, str]) -> None:
    by_channel: dict[str, list[str]] = defaultdict(list)
    for notification_id, channel in channels.items():
        by_channel[channel].append(notification_id)
    for channel, ids in by_channel.items():
        uow.dispatch(channel, ids)


def _end(uow: UnitOfWork, decided: Sequence[Due], told_by: Mapping[str, str]) -> None:
    """End what was held, but for what stays; that waits until the group is due again."""
    ended = flushing.end(
        uow.session,
        [_ending(each, told_by.get(each.group.id, each.group.last_notification_id)) for each in decided],
        list(_endings(decided)),
        now=uow.now,
    )
    for rows in ended:
        tallies.count_ended(uow, rows.channel, Status.SUPPRESSED, rows.reason, rows.number)
    _put_off(uow, decided)


def _put_off(uow: UnitOfWork, decided: Sequence[Due]) -> None:
    """What stays waits until its group is due again; or until it is quiet no more, though others may be told before."""
    later = [
        {"id": each.group.id, "until": each.decision.next_at}
        for each in decided
        if each.decision.stays and each.restraint is None
    ]
    quiet = [
        {"id": each.group.id, "until": each.restraint.until}
        for each in decided
        if each.restraint is not None and each.decision.next_at is not None
    ]
    if later:
        flushing.put_off(uow.session, later)
    if quiet:
        holding.wait_for_quiet(uow.session, quiet, now=uow.now)


def _ending(due: Due, told_by: str | None) -> dict[str, Any]:
    drops = due.restraint is not None and due.restraint.drops
    return {
        "id": due.group.id,
        "told_by": told_by,
        "passing": due.passing,
        "unless_passing": Reason.QUIET_HOURS if drops else None,
    }


def _endings(decided: Iterable[Due]) -> Iterable[dict[str, Any]]:
    """The alerts whose messages stay, or end for a reason of their own."""
    for each in decided:
        for key in each.decision.stays:
            yield {"group_id": each.group.id, "alert_key": key, "stays": True}
        for key, reason in each.decision.reasons.items():
            ending = {"group_id": each.group.id, "alert_key": key, "reason": reason}
            yield ending | ({"silence_id": each.muted[key].silence_id} if key in each.muted else {})


def _settle(uow: UnitOfWork, decided: Sequence[Due], told_by: Mapping[str, str]) -> None:
    """Write down what is believed now, and when each group is due again; what has nothing left to say is gone."""
    over = [each.group.id for each in decided if each.decision.next_at is None]
    going = [each for each in decided if each.decision.next_at is not None]
    if going:
        ids = [each.group.id for each in going]
        flushing.believe(uow.session, ids, list(_beliefs(going)))
        flushing.forget(uow.session, ids, now=uow.now)
        flushing.go_on(uow.session, [_going_on(uow, each, told_by.get(each.group.id)) for each in going])
    if over:
        flushing.close(uow.session, over)


def _beliefs(going: Iterable[Due]) -> Iterable[dict[str, str]]:
    """What is believed of alerts, where it is not what is so."""
    for each in going:
        for key, believed in each.decision.beliefs.items():
            yield {"group_id": each.group.id, "alert_key": key, "told": believed.value}


def _going_on(uow: UnitOfWork, due: Due, told_by: str | None) -> dict[str, Any]:
    group, told = due.group, due.decision
    return {
        "id": group.id,
        "next_flush_at": told.next_at,
        "last_told_at": None if told.is_over else uow.now if told.tells else group.last_told_at,
        "last_notification_id": told_by or group.last_notification_id,
        "began_at": None if told.is_over else group.began_at,
    }


def _measure(uow: UnitOfWork, decided: Sequence[Due], told_by: Mapping[str, str]) -> None:
    for kind, found in _by_kind(decided).items():
        for result, number in Counter(_result(each, told_by.get(each.group.id)) for each in found).items():
            uow.count("group_flushes_total", number, kind=kind, result=result)
        delays = [(uow.now - each.group.next_flush_at).total_seconds() for each in found]
        uow.observe("group_delay_seconds", *(max(0.0, delay) for delay in delays), kind=kind)
    made = (
        {"group_id": each.group.id, "notification_id": told_by[each.group.id], "told": each.telling.number}
        for each in decided
        if each.group.id in told_by
    )
    log_each(log, "group_told", made)


def _by_kind(decided: Iterable[Due]) -> dict[str, list[Due]]:
    found: dict[str, list[Due]] = defaultdict(list)
    for each in decided:
        found[each.group.kind].append(each)
    return found


def _result(due: Due, told_by: str | None) -> str:
    if told_by is None:
        return "nothing"
    if due.decision.is_repeated:
        return "again"
    return "alone" if told_by == _own_message(due) else "together"
