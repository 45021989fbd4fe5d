"""Groups as people look at them, and tell them before their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.errors import NotFoundError
from sentinel.ids import is_id
from sentinel.models import GroupAlert, MessageGroup
from sentinel.queries import flushing, group_endings, group_lists
from sentinel.queries.flushing import DueGroup
from sentinel.queries.group_lists import Counts, Filter
from sentinel.services.holding import flush
from sentinel.services.unit_of_work import UnitOfWork

MOST_SHOWN = 100
"""Alerts and messages that are shown of one group."""

LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """A group, its client's name, and how much is in it."""

    group: MessageGroup
    client: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class OpenedGroup:
    """A group, with the first of its alerts and of the messages that it holds."""

    seen: SeenGroup
    alerts: Sequence[GroupAlert]
    held: Sequence[str]


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[SeenGroup], str | None]:
    """Return a page of groups that have something to say, newest first, and the cursor of the next page, if any."""
    rows = group_lists.page(uow.session, wanted, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    found = group_lists.counts(uow.session, [group.id for group, _ in rows[:size]])
    return [SeenGroup(group, client, found[group.id]) for group, client in rows[:size]], following


def get(uow: UnitOfWork, group_id: str, *, client_id: int | None) -> OpenedGroup:
    """Return one group of the client (None: of any, for operators)."""
    found = group_lists.get(uow.session, group_id, client_id=client_id) if is_id(group_id) else None
    if found is None:
        raise _not_found(group_id)
    group, client = found
    seen = SeenGroup(group, client, group_lists.counts(uow.session, [group.id])[group.id])
    return OpenedGroup(
        seen,
        group_lists.alerts(uow.session, group.id, most=MOST_SHOWN),
        group_lists.held(uow.session, group.id, most=MOST_SHOWN),
    )


def flush_now(uow: UnitOfWork, group_id: str, *, client_id: int | None) -> str | None:
    """Tell a group whatever it waits for; returns the message that tells it, None if it had nothing to say."""
    found = _taken(uow, group_id, client_id=client_id)
    return flush.flush(uow, [found], is_hurried=True).get(found.id)


def drop(uow: UnitOfWork, group_id: str, *, client_id: int | None) -> int:
    """Forget a group and its alerts; what it holds is cancelled. Returns how many messages were."""
    found = _taken(uow, group_id, client_id=client_id)
    cancelled = group_endings.cancel(uow.session, found.id, now=uow.now)
    group_endings.close(uow.session, [found.id])
    if cancelled:
        uow.count("notifications_cancelled_total", cancelled, channel=found.channel)
    return cancelled


def _taken(uow: UnitOfWork, group_id: str, *, client_id: int | None) -> DueGroup:
    found = flushing.take(uow.session, group_id, client_id=client_id) if is_id(group_id) else None
    if found is None:
        raise _not_found(group_id)
    return found


def _not_found(group_id: str) -> NotFoundError:
    return NotFoundError(
        f"no group {group_id[:LONGEST_ID]}; GET /groups lists those that are open. One that has said all is gone"
    )
