"""What a group held when it was told ends, but for what stays: in one transaction as much as is soon done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from sentinel.ids import new_ids
from sentinel.models.status import Reason, Status
from sentinel.queries import flushing, group_endings, holding
from sentinel.queries.flushing import DueGroup
from sentinel.services.holding import muting
from sentinel.services.holding.due import Due
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies

MOST_ENDED = 5000
"""Held messages that one transaction ends: what a storm has left takes several."""


def end(uow: UnitOfWork, decided: Sequence[Due], told_by: Mapping[str, str]) -> dict[str, str | None]:
    """End what was held, but for what stays; that waits until the group is due again.

    Returns the groups of which the rest ends later, with the ids under which they go on, if they do.
    """
    apart: dict[str, str | None] = {}
    rest = {each.group.id: each for each in decided}
    while rest:
        groups = [_ending(each, told_by.get(key, each.group.last_notification_id)) for key, each in rest.items()]
        if _end_some(uow, groups, list(_endings(rest.values()))) < MOST_ENDED:
            break
        holding_still = group_endings.still_holding(uow.session, list(rest))
        rest = {key: each for key, each in rest.items() if key in holding_still}
        apart |= _end_later(uow, [each for each in rest.values() if _ends_whole(each)], told_by)
        rest = {key: each for key, each in rest.items() if key not in apart}
    _put_off(uow, decided)
    return apart


def end_rest(uow: UnitOfWork, told: Sequence[DueGroup]) -> None:
    """End some of what groups hold that were told; the last turn lets them go."""
    found = [orjson.loads(each.ending or "{}") for each in told]
    alerts = [alert for each in found for alert in each["alerts"]]
    if _end_some(uow, [each["group"] for each in found], alerts) < MOST_ENDED:
        group_endings.close(uow.session, [each.id for each in told])


def _end_some(uow: UnitOfWork, groups: Sequence[Mapping[str, Any]], endings: Sequence[Mapping[str, Any]]) -> int:
    ended = group_endings.end(uow.session, groups, endings, most=MOST_ENDED, now=uow.now)
    for rows in ended:
        tallies.count_ended(uow, rows.channel, Status.SUPPRESSED, rows.reason, rows.number)
    muting.count_held_back(uow, ended)
    return sum(rows.number for rows in ended)


def _ends_whole(due: Due) -> bool:
    """Nothing that it holds stays."""
    return due.restraint is None and not due.decision.stays


def _end_later(uow: UnitOfWork, whole: Sequence[Due], told_by: Mapping[str, str]) -> dict[str, str | None]:
    if not whole:
        return {}
    rows: list[dict[str, Any]] = [
        {
            "id": each.group.id,
            "fingerprint": each.group.fingerprint,
            "ending": {
                "group": _ending(each, told_by.get(each.group.id, each.group.last_notification_id)),
                "alerts": list(_endings([each])),
            },
            "apart_id": None if each.decision.next_at is None else apart_id,
        }
        for each, apart_id in zip(whole, new_ids(uow.now, len(whole)), strict=True)
    ]
    group_endings.end_later(uow.session, rows, now=uow.now)
    return {row["id"]: row["apart_id"] for row in rows}


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
            yield {"group_id": each.group.id, "alert_key": key, "reason": reason, **each.muted.get(key, {})}


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
