"""Dead letters: what ended FAILED or UNDELIVERED, why, and how it starts over, mended where that is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from sentinel.errors import ConflictError
from sentinel.models import Attempt, Notification
from sentinel.models.status import RETRYABLE
from sentinel.queries import dead_letters
from sentinel.queries import notifications as queries
from sentinel.queries.dead_letters import Group
from sentinel.queries.notifications import Filter, Pace
from sentinel.queries.unique import TakenError
from sentinel.services import notifications
from sentinel.services.notifications import Request
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

SLICE = 1000
"""Letters that one transaction starts over."""

EDITABLE = ("recipient", "subject", "body")


@dataclass(frozen=True, slots=True)
class Cause:
    """A group of letters and what we know of its cause, from the last try of its newest."""

    group: Group
    hint: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, whose it is, and its last try, if there was one."""

    notification: Notification
    client: str
    last_try: Attempt | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of some letters: taken up, started over, of these queued at once; the broker refused `unqueued`."""

    seen: int = 0
    replayed: int = 0
    at_once: int = 0
    unqueued: int = 0
    last_at: datetime | None = None
    """When the last of them has its turn; None: now."""

    def __add__(self, other: Replayed) -> Replayed:
        """Add up what was done so far; `other` came later."""
        return Replayed(
            self.seen + other.seen,
            self.replayed + other.replayed,
            self.at_once + other.at_once,
            self.unqueued + other.unqueued,
            other.last_at or self.last_at,
        )


def narrowed(wanted: Filter) -> Filter:
    """Narrow a filter to letters: what can be started over, and what nobody has taken over for."""
    statuses = wanted.statuses or tuple(sorted(RETRYABLE))
    return replace(wanted, statuses=tuple(each for each in statuses if each in RETRYABLE), is_unheard=True)


def causes(uow: UnitOfWork, wanted: Filter) -> list[Cause]:
    """Return the groups of letters, the largest first."""
    groups = dead_letters.groups(uow.session, narrowed(wanted))
    tries = dead_letters.last_tries(uow.session, [group.example_id for group in groups])
    return [Cause(group, _hint(tries.get(group.example_id))) for group in groups]


def count(uow: UnitOfWork, wanted: Filter) -> int:
    """Return how many letters there are."""
    return dead_letters.count(uow.session, narrowed(wanted))


def _hint(last: Attempt | None) -> str | None:
    return None if last is None else last.hint or last.detail


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[Letter], str | None]:
    """Return a page of letters, newest first, and the cursor of the next page, if any."""
    rows, following = notifications.page(uow, narrowed(wanted), size=size)
    tries = dead_letters.last_tries(uow.session, [row.id for row, _ in rows])
    return [Letter(row, client, tries.get(row.id)) for row, client in rows], following


def replay_slices(wanted: Filter, *, most: int, rate: float) -> Iterator[Replayed]:
    """Start up to `most` letters over, newest first, `rate` a second; each slice is committed before the next.

    The pace is written into the rows, so nothing has to stay running. Ids only fall: a notification that fails again
    meanwhile is not met twice, so this comes to an end.
    """
    seen, began_at, left = 0, None, narrowed(wanted)
    while seen < most:
        with unit_of_work() as uow:
            began_at = began_at or uow.now
            ids = queries.ids(uow.session, left, size=min(SLICE, most - seen))
            done = notifications.retry_many(uow, ids, Pace(rate, began_at, seen)) if ids else []
        if not ids:
            return
        seen += len(ids)
        left = replace(left, before=ids[-1])
        later = [each.due_at for each in done if each.due_at is not None]
        yield Replayed(len(ids), len(done), len(done) - len(later), uow.unqueued, max(later, default=None))


def replay(wanted: Filter, *, most: int, rate: float) -> Replayed:
    """Start up to `most` letters over, newest first, `rate` a second."""
    done = Replayed()
    for part in replay_slices(wanted, most=most, rate=rate):
        done += part
    return done


def duration(count: int, rate: float) -> timedelta:
    """How long `count` letters take at `rate` a second; the first second's worth goes at once."""
    return timedelta(seconds=max(0.0, (count - 1) / rate) if count > rate else 0.0)


def edit_and_replay(
    uow: UnitOfWork, notification_id: str, changes: Mapping[str, Any], *, client_id: int | None, by: str
) -> Notification:
    """Start one letter over with another recipient, subject or body, checked like a new notification."""
    found = notifications.get(uow, notification_id, client_id=client_id)
    given = {name: getattr(found, name) for name in EDITABLE} | dict(changes)
    request = notifications.check(Request(channel=found.channel, **given), now=uow.now)
    changed = {name: new for name in EDITABLE if (new := getattr(request, name)) != getattr(found, name)}
    if changed and found.status in RETRYABLE:
        _edit(uow, found, changed, by=by)
    return notifications.retry(uow, found.id, client_id=client_id)


def _edit(uow: UnitOfWork, found: Notification, changed: Mapping[str, Any], *, by: str) -> None:
    detail = {"by": by, "changed": sorted(changed)}
    # The body is not repeated: it may be long, and was changed for a reason.
    detail |= {f"{name}_was": getattr(found, name) for name in ("recipient", "subject") if name in changed}
    try:
        is_changed = dead_letters.edit(uow.session, found.id, changed, now=uow.now) is not None
    except TakenError:
        message = f"event {found.event_id} was told to {changed['recipient']} already, by another notification"
        raise ConflictError(f"{message}; nobody is told twice of one event") from None
    if is_changed:
        queries.note(uow.session, [found.id], "edited", now=uow.now, detail=orjson.dumps(detail).decode())


def recipients_of(row: Notification, items: Sequence[notifications.TimelineItem]) -> list[str]:
    """Return the recipient of a notification and those it had before it was edited."""
    before = [item.detail["recipient_was"] for item in items if "recipient_was" in item.detail]
    return [row.recipient, *before]
