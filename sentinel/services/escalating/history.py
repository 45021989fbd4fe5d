"""What happened to a ticket: noted as it happens, told in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.models import Ticket
from sentinel.queries import escalations
from sentinel.services.notifications import TimelineItem
from sentinel.services.unit_of_work import UnitOfWork


def entry(ticket_id: int, kind: str, **detail: Any) -> dict[str, Any]:
    """One thing that happened; what is None goes without saying."""
    said = {name: value for name, value in detail.items() if value is not None}
    return {"ticket_id": ticket_id, "kind": kind, "detail": said}


def note(uow: UnitOfWork, *entries: Mapping[str, Any]) -> None:
    """Write into the history of tickets."""
    if entries:
        escalations.note(uow.session, entries, now=uow.now)


def timeline(uow: UnitOfWork, found: Ticket) -> list[TimelineItem]:
    """Tell what happened to a ticket, oldest first; of its messages where they stand now."""
    statuses = escalations.statuses_of(uow.session, found.id)
    opened = TimelineItem(found.created_at, "opened", {"severity": found.severity, "title": found.title})
    told = [
        TimelineItem(each.at, each.kind, _with_statuses(each.detail, statuses))
        for each in escalations.entries_of(uow.session, found.id)
    ]
    return [opened, *told]


def _with_statuses(detail: dict[str, Any], statuses: Mapping[str, tuple[str, str | None]]) -> dict[str, Any]:
    if "told" not in detail:
        return detail
    return detail | {"told": [each | _status(each["notification_id"], statuses) for each in detail["told"]]}


def _status(notification_id: str, statuses: Mapping[str, tuple[str, str | None]]) -> dict[str, Any]:
    """Where a notification stands; None: it was deleted after its retention."""
    status, reason = statuses.get(notification_id, (None, None))
    return {"status": status, "reason": reason}
