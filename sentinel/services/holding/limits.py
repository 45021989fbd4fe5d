"""Messages above a limit join the group that tells them, in one message, when there is room again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sentinel.models.group import GroupKind
from sentinel.models.status import Reason
from sentinel.queries import holding, pipeline
from sentinel.queries.holding import Stopped
from sentinel.rules.grouping import ONCE
from sentinel.services.holding.hold import Holding, join
from sentinel.services.unit_of_work import UnitOfWork


def hold_stopped(uow: UnitOfWork, opens: Mapping[str, datetime]) -> None:
    """Hold waiting messages, by id, until there is room for one that tells them; some can only wait."""
    stopped = holding.stopped(uow.session, list(opens))
    telling = [each for each in stopped if _may_be_told_by_another(each, opens[each.id])]
    told = {each.id for each in telling}
    alone = [{"id": each.id, "until": opens[each.id]} for each in stopped if each.id not in told]
    if alone:
        pipeline.defer(uow.session, alone, Reason.RATE_LIMITED, now=uow.now)
    if telling:
        _hold(uow, telling, opens)


def _may_be_told_by_another(message: Stopped, opens_at: datetime) -> bool:
    """Not one that must come by itself, that tells others, was tried already, or is too old by then to be told."""
    is_fresh = message.expires_at is None or message.expires_at > opens_at
    return is_fresh and not message.is_digest and not message.is_apart and not message.attempts


def _hold(uow: UnitOfWork, messages: Sequence[Stopped], opens: Mapping[str, datetime]) -> None:
    found = join(uow, [(asdict(each), _holding(each, opens[each.id])) for each in messages])
    rows = [
        {"id": each.id, "group_id": group.id, "until": group.due_at}
        for each, group in zip(messages, found, strict=True)
    ]
    holding.hold(uow.session, rows, Reason.RATE_LIMITED, now=uow.now)


def _holding(message: Stopped, opens_at: datetime) -> Holding:
    return Holding(
        kind=GroupKind.LIMIT,
        scope="target",
        key="",
        terms=ONCE,
        due_at=opens_at,
        title="",
        failover=message.failover,
    )
