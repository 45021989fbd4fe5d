"""Dead letters: what ended FAILED or UNDELIVERED, why, and how it starts over, mended where that is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from sentinel.errors import ConflictError, FieldError, InvalidInputError, shown
from sentinel.models import Attempt, Notification
from sentinel.models.status import RETRYABLE
from sentinel.queries import dead_letters
from sentinel.queries import notifications as queries
from sentinel.queries.dead_letters import Group
from sentinel.queries.notifications import Filter
from sentinel.queries.unique import TakenError
from sentinel.services import notifications
from sentinel.services.notifications import Request
from sentinel.services.unit_of_work import UnitOfWork

LONGEST_SUBJECT = 998
"""Characters; a line of a mail has no more."""

EDITABLE = ("recipient", "subject", "body")


@dataclass(frozen=True, slots=True)
class Cause:
    """A group of letters and what we know of its cause: the last try of its newest, if there was one."""

    group: Group
    last_try: Attempt | None

    @property
    def hint(self) -> str | None:
        """What to do about it, or what the provider said."""
        return None if self.last_try is None else self.last_try.hint or self.last_try.detail


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, whose it is, and its last try, if there was one."""

    notification: Notification
    client: str
    last_try: Attempt | None


def narrowed(wanted: Filter) -> Filter:
    """Narrow a filter to letters: what can be started over, and what nobody has taken over for."""
    statuses = wanted.statuses or tuple(sorted(RETRYABLE))
    return replace(wanted, statuses=tuple(each for each in statuses if each in RETRYABLE), is_unheard=True)


def causes(uow: UnitOfWork, wanted: Filter) -> list[Cause]:
    """Return the groups of letters, the largest first."""
    groups = dead_letters.groups(uow.session, narrowed(wanted))
    tries = dead_letters.last_tries(uow.session, [group.example_id for group in groups])
    return [Cause(group, tries.get(group.example_id)) for group in groups]


def count(uow: UnitOfWork, wanted: Filter) -> int:
    """Return how many letters there are."""
    return dead_letters.count(uow.session, narrowed(wanted))


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[Letter], str | None]:
    """Return a page of letters, newest first, and the cursor of the next page, if any."""
    rows, following = notifications.page(uow, narrowed(wanted), size=size)
    tries = dead_letters.last_tries(uow.session, [row.id for row, _ in rows])
    return [Letter(row, client, tries.get(row.id)) for row, client in rows], following


def duration(count: int, rate: float) -> timedelta:
    """How long `count` letters take at `rate` a second; the first second's worth goes at once."""
    return timedelta(seconds=max(0.0, (count - 1) / rate) if count > rate else 0.0)


def edit_and_replay(
    uow: UnitOfWork, notification_id: str, changes: Mapping[str, Any], *, client_id: int | None, by: str
) -> Notification:
    """Start one letter over with another recipient, subject or body, checked like a new notification."""
    found = notifications.get(uow, notification_id, client_id=client_id)
    given = {name: getattr(found, name) for name in EDITABLE} | dict(changes)
    _check_texts(given)
    request = notifications.check(Request(channel=found.channel, **given), now=uow.now)
    changed = {name: new for name in EDITABLE if (new := getattr(request, name)) != getattr(found, name)}
    if changed and found.status in RETRYABLE:
        _edit(uow, found, changed, by=by)
    return notifications.retry(uow, found.id, client_id=client_id)


def _check_texts(given: Mapping[str, Any]) -> None:
    errors = [
        FieldError(name, shown(value), "contains a NUL character, which cannot be stored", "remove it")
        for name, value in given.items()
        if value is not None and "\0" in value
    ]
    if not given["body"]:
        errors.append(FieldError("body", "", "is empty", "write what is to be said"))
    subject = given["subject"]
    if subject is not None and (len(subject) > LONGEST_SUBJECT or len(subject.splitlines()) > 1):
        remedy = f"keep it to one line of up to {LONGEST_SUBJECT} characters"
        errors.append(FieldError("subject", shown(subject), "is no subject of a message", remedy))
    if errors:
        raise InvalidInputError(*errors)


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
