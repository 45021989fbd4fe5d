"""Requests of this process that arrive at the same moment are stored by one statement and one commit.

Each is answered after that commit. Who calls is proven by the statement itself, so a request that has been seen before
costs no look-up of its key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sentinel import tracing
from sentinel.logs import get_logger, log_each
from sentinel.queries import events as stored_events
from sentinel.queries import notifications as stored_notifications
from sentinel.queries.clients import Credentials
from sentinel.services import events, notifications
from sentinel.services.access.clients import Caller
from sentinel.services.access.remembered import credentials
from sentinel.services.events import CheckedEvent, Ingested
from sentinel.services.grouping import Group
from sentinel.services.notifications import CheckedRequest
from sentinel.services.unit_of_work import single_statements
from sentinel.tracing import FIELD

log = get_logger(__name__)

MOST = 500
"""Most rows of one statement."""

OF_ALL = (OperationalError, InterfaceError, PoolTimeoutError)
"""The database is away or busy: what was sent may be stored, and to ask again would take as long."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A new row, and the remembered caller that it is stored for if that one is proven."""

    caller: Caller
    row: dict[str, Any]


def accept(caller: Caller, request: CheckedRequest, *, now: datetime) -> dict[str, Any] | None:
    """Store a request as `notifications.accept` does, committed; None if the caller is no longer what it was."""
    row = notifications.new_rows(caller.client_id, [request], now=now)[0]
    if not _notifications.do(Arrival(caller, row)):
        return None
    log_each(log, "notification_accepted", [{"notification_id": row["id"]}])
    return row


def take_in(caller: Caller, event: CheckedEvent, *, is_broadcast: bool, now: datetime) -> Ingested | None:
    """Store an event as `events.ingest` does, committed; None also if its `event_id` was used before."""
    row = events.new_row(caller, event, is_broadcast=is_broadcast, now=now)
    if not _events.do(Arrival(caller, row)):
        return None
    log_each(log, "event_accepted", [{"event_id": row["id"]}])
    return Ingested(row["id"], event.event_id or row["id"], is_new=True)


def _store_notifications(arrivals: list[Arrival]) -> list[bool]:
    """Store what is of proven callers; tells of each, in order, whether it was."""
    rows, callers = _with_callers(arrivals)
    with _together("store notifications", arrivals), single_statements() as uow:
        stored = stored_notifications.insert_for(uow.session, rows, callers, now=uow.now)
        if stored:
            notifications.announce(uow, [each.row for each in arrivals if each.row["id"] in stored])
    return [each.row["id"] in stored for each in arrivals]


def _store_events(arrivals: list[Arrival]) -> list[bool]:
    """Store what is new and of proven callers; tells of each, in order, whether it was.

    Sorted as `events.ingest` does: two processes with the same events must not wait for each other.
    """
    rows, callers = _with_callers(arrivals)
    rows.sort(key=lambda row: (row["client_id"], row["event_id"] or row["id"]))
    with _together("store events", arrivals), single_statements() as uow:
        stored = stored_events.insert_for(uow.session, rows, callers, now=uow.now)
        for caller in {each.caller for each in arrivals}:
            ids = [each.row["id"] for each in arrivals if each.caller == caller and each.row["id"] in stored]
            if ids:
                events.announce(uow, caller, ids)
    return [each.row["id"] in stored for each in arrivals]


def _with_callers(arrivals: list[Arrival]) -> tuple[list[dict[str, Any]], list[Credentials]]:
    """Return the rows, each with the place of its caller in the list of callers."""
    numbers = {caller: number for number, caller in enumerate({each.caller: None for each in arrivals})}
    rows = [each.row | {"caller": numbers[each.caller]} for each in arrivals]
    return rows, [credentials(caller) for caller in numbers]


@contextmanager
def _together(name: str, arrivals: list[Arrival]) -> Iterator[None]:
    """Store in a span of the request that does it for all, linked to the others."""
    with tracing.within(name, {"sentinel.batch_size": len(arrivals)}):
        tracing.link(each.row[FIELD] for each in arrivals if FIELD in each.row)
        yield


_notifications = Group(_store_notifications, most=MOST, of_all=OF_ALL)
_events = Group(_store_events, most=MOST, of_all=OF_ALL)
