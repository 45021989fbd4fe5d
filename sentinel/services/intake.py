"""Requests of this process that arrive at the same moment are stored by one statement and one commit.

Each is answered after that commit. Who calls is proven by the statement itself, so a request that has been seen before
costs no look-up of its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sentinel.queries import notifications as stored_notifications
from sentinel.services import notifications
from sentinel.services.access.clients import Caller
from sentinel.services.access.remembered import credentials
from sentinel.services.grouping import Group
from sentinel.services.notifications import CheckedRequest
from sentinel.services.unit_of_work import single_statements

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
    return row if _arrivals.do(Arrival(caller, row)) else None


def _store(arrivals: list[Arrival]) -> list[bool]:
    """Store what is of proven callers; tells of each, in order, whether it was."""
    numbers = {caller: number for number, caller in enumerate({each.caller: None for each in arrivals})}
    rows = [each.row | {"caller": numbers[each.caller]} for each in arrivals]
    callers = [credentials(caller) for caller in numbers]
    with single_statements() as uow:
        stored = stored_notifications.insert_for(uow.session, rows, callers, now=uow.now)
        if stored:
            notifications.announce(uow, [each.row for each in arrivals if each.row["id"] in stored])
    return [each.row["id"] in stored for each in arrivals]


_arrivals = Group(_store, most=MOST, of_all=OF_ALL)
