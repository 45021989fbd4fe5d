"""Groups that are due are told: alone as they are, or together in one message. What has moved is one transaction.

Several flushes at once share the groups between them; one that dies has moved nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.ids import new_ids
from sentinel.logs import get_logger, log_each
from sentinel.models.group import GroupKind
from sentinel.queries import flushing, group_endings, matching, notifications, sweeping
from sentinel.queries.flushing import DueGroup
from sentinel.queries.matching import ConcernedClient
from sentinel.services.holding import digest, endings
from sentinel.services.holding.due import Due, decided_of
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import tallies
from sentinel.settings import get_settings

log = get_logger(__name__)

AT_ONCE = 100
"""Groups of one transaction."""

MOST_TURNS = 20
"""Transactions of one sweep: the next one follows in a second."""


CANCELLED_STATEMENT = "57014"
"""A statement that takes too long is its group's fault, and not that of the database."""


def sweep() -> int:
    """Flush the groups that are due; returns how many were."""
    count = 0
    for _ in range(MOST_TURNS):
        found = _flush_surely()
        count += found
        if not found:
            break
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, "flush_groups", count, now=uow.now)
    return count


def _flush_surely() -> int:
    """Flush groups that are due together; if that cannot be done one by one, so that only the bad one waits."""
    try:
        with unit_of_work() as uow:
            found = flushing.take_due(uow.session, most=AT_ONCE, now=uow.now)
            _turn(uow, found)
        return len(found)
    except Exception as error:
        if _is_away(error):
            raise
        log.exception("flush_bug")
    with unit_of_work() as uow:
        ids = flushing.due_ids(uow.session, most=AT_ONCE, now=uow.now)
    return sum(_flush_alone(each) for each in ids)


def _flush_alone(group_id: str) -> int:
    """Flush a group in a transaction of its own; our own mistake must hold up one group, visibly, and no others."""
    try:
        with unit_of_work() as uow:
            found = flushing.take_due_one(uow.session, group_id, now=uow.now)
            _turn(uow, found)
        return len(found)
    except Exception as error:
        if _is_away(error):
            raise
        log.exception("group_bug", group_id=group_id)
    with unit_of_work() as uow:
        flushing.put_aside(uow.session, group_id, now=uow.now)
    return 1


def _turn(uow: UnitOfWork, due: Sequence[DueGroup]) -> None:
    flush(uow, [each for each in due if each.ending is None])
    told = [each for each in due if each.ending is not None]
    if told:
        endings.end_rest(uow, told)


def _is_away(error: Exception) -> bool:
    """Whether the database could not be asked: that is nobody's fault, and all come again."""
    if isinstance(error, OperationalError):
        return getattr(error.orig, "pgcode", None) != CANCELLED_STATEMENT
    return isinstance(error, PoolTimeout)


def flush(uow: UnitOfWork, due: Sequence[DueGroup], *, is_hurried: bool = False) -> dict[str, str]:
    """Tell these groups, which this transaction holds; returns which message tells each that had something to say."""
    if not due:
        return {}
    clients = matching.clients(uow.session, sorted({each.client_id for each in due}), now=uow.now)
    decided = decided_of(uow, due, clients, is_hurried=is_hurried)
    telling = [each for each in decided if each.decision.tells]
    told_by = _release(uow, telling)
    told_by |= _tell_together(uow, [each for each in telling if each.group.id not in told_by], clients)
    apart = endings.end(uow, decided, told_by)
    _settle(uow, decided, told_by, apart)
    _measure(uow, decided, told_by)
    return told_by


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


def _settle(
    uow: UnitOfWork, decided: Sequence[Due], told_by: Mapping[str, str], apart: Mapping[str, str | None]
) -> None:
    """Write down what is believed now, and when each group is due again; what has nothing left to say is gone."""
    over = [each.group.id for each in decided if each.decision.next_at is None and each.group.id not in apart]
    going = {apart.get(each.group.id) or each.group.id: each for each in decided if each.decision.next_at is not None}
    if going:
        flushing.believe(uow.session, list(going), list(_beliefs(going)))
        # What waits for another reason than to be grouped is told whole, of alerts that are over as well.
        grouped = [each for each, due in going.items() if due.group.kind == GroupKind.GROUPING]
        if grouped:
            flushing.forget(uow.session, grouped, now=uow.now)
        rows = [_going_on(uow, each, due, told_by.get(due.group.id)) for each, due in going.items()]
        flushing.go_on(uow.session, rows)
    if over:
        group_endings.close(uow.session, over)


def _beliefs(going: Mapping[str, Due]) -> Iterable[dict[str, str]]:
    """What is believed of alerts, where it is not what is so."""
    for group_id, each in going.items():
        for key, believed in each.decision.beliefs.items():
            yield {"group_id": group_id, "alert_key": key, "told": believed.value}


def _going_on(uow: UnitOfWork, group_id: str, due: Due, told_by: str | None) -> dict[str, Any]:
    group, told = due.group, due.decision
    return {
        "id": group_id,
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
