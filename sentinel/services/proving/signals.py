"""Signals of heartbeats: they are written down, and the one that does not come is noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sentinel.errors import SHOWN, FieldError, InvalidInputError, NotFoundError, shown
from sentinel.ids import is_id
from sentinel.logs import get_logger
from sentinel.models.heartbeat import HeartbeatState
from sentinel.queries import heartbeats, sweeping
from sentinel.queries.heartbeats import Changed, Signal
from sentinel.schedules.reading import stored
from sentinel.schedules.rhythm import Rhythm
from sentinel.services import events
from sentinel.services.access.clients import Caller
from sentinel.services.proving.heartbeat_events import DOWN, event_of
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

log = get_logger(__name__)

MOST = 5000
"""Most heartbeats that one sweep finds missing."""

LONGEST_MESSAGE = 1000
LARGEST_CODE = 2**31 - 1
OK, FAIL = "ok", "fail"


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a signal."""

    name: str
    state: HeartbeatState
    expected_at: datetime | None


def read(body: Any) -> Signal:
    """Read what a sender says: `{"status": "fail", "exit_code": 3, "message": "disk full"}`, or nothing."""
    if not isinstance(body, Mapping):
        raise InvalidInputError(
            FieldError("request", shown(body), "is not an object", "send a JSON object, or nothing")
        )
    errors = [*_unknown(body), *_status_errors(body), *_code_errors(body), *_message_errors(body)]
    if errors:
        raise InvalidInputError(*errors)
    code = body.get("exit_code")
    return Signal(body.get("status") == FAIL or bool(code), message_of(body.get("message")), code)


def message_of(text: str | None) -> str | None:
    """What is kept of a text: its end, where programs say what went wrong."""
    return (text or "").replace("\0", "").strip()[-LONGEST_MESSAGE:] or None


def _unknown(body: Mapping[str, Any]) -> Iterable[FieldError]:
    known = ("status", "exit_code", "message")
    remedy = f"use only: {', '.join(known)}"
    return (FieldError(name, shown(body[name]), "Unknown field.", remedy) for name in body if name not in known)


def _status_errors(body: Mapping[str, Any]) -> Iterable[FieldError]:
    if body.get("status") not in (None, OK, FAIL):
        yield FieldError("status", shown(body["status"]), "is not understood", f'use "{OK}" or "{FAIL}"')


def _code_errors(body: Mapping[str, Any]) -> Iterable[FieldError]:
    code = body.get("exit_code")
    if code is not None and (type(code) is not int or abs(code) > LARGEST_CODE):
        yield FieldError("exit_code", shown(code), "is not a whole number", "send the program's exit code; 0 is well")
    elif code and body.get("status") == OK:
        yield FieldError("exit_code", code, 'contradicts status "ok"', "leave one of the two out")


def _message_errors(body: Mapping[str, Any]) -> Iterable[FieldError]:
    text = body.get("message")
    if text is not None and type(text) is not str:
        yield FieldError("message", shown(text), "is not a text", "send it as text, or leave it out")


def take(uow: UnitOfWork, client_id: int, name: str, said: Signal) -> Heard:
    """Write down a signal of a client's heartbeat; what it changes is an event."""
    found = None if "\0" in name else heartbeats.signal(uow.session, client_id, name, said, now=uow.now)
    if found is None:
        raise unknown(name)
    return _heard(uow, found)


def take_at(uow: UnitOfWork, heartbeat_id: str, said: Signal) -> Heard:
    """Write down a signal that came to the address of a heartbeat."""
    found = heartbeats.signal_at(uow.session, heartbeat_id, said, now=uow.now) if is_id(heartbeat_id) else None
    if found is None:
        raise NotFoundError("there is no heartbeat at this address; GET /heartbeats shows the addresses there are")
    return _heard(uow, found)


def unknown(name: str) -> NotFoundError:
    """Say that there is no heartbeat of a name."""
    shown_name = name[:SHOWN]
    return NotFoundError(
        f'no heartbeat "{shown_name}"; define it with PUT /heartbeats/{shown_name} {{"every_seconds": 3600}}, '
        "GET /heartbeats lists those there are"
    )


def _heard(uow: UnitOfWork, found: Changed) -> Heard:
    expected_at = _expect(uow, found)
    if (found.status == DOWN) != (found.status_before == DOWN):
        tell(uow, [found])
    uow.count("heartbeats_total", result=FAIL if found.reason else OK)
    if found.is_paused:
        return Heard(found.name, HeartbeatState.PAUSED, None)
    return Heard(found.name, HeartbeatState(found.status), expected_at)


def _expect(uow: UnitOfWork, found: Changed) -> datetime | None:
    """Where there are windows, say when the next signal should be there: the statement could not."""
    if found.schedule is None or found.is_paused:
        return found.expected_at
    expected_at = Rhythm(found.every_seconds, stored(found.schedule)).expected_after(uow.now)
    due_at = None if found.status == DOWN else missed_at(expected_at, found.grace_seconds)
    heartbeats.expect(uow.session, found.id, expected_at=expected_at, due_at=due_at)
    return expected_at


def missed_at(expected_at: datetime | None, grace_seconds: int) -> datetime | None:
    """When a signal that should be there is missed."""
    return None if expected_at is None else expected_at + timedelta(seconds=grace_seconds)


def tell(uow: UnitOfWork, changed: Iterable[Changed], *, why_over: str | None = None) -> None:
    """Store the events of heartbeats that went down or came up; they are matched after the commit."""
    in_order = sorted(changed, key=attrgetter("client_id"))
    for (client_id, name), found in groupby(in_order, key=attrgetter("client_id", "client_name")):
        told = [event_of(each, why_over=why_over) for each in found]
        events.ingest(uow, Caller(client_id, name, frozenset()), told)


def sweep() -> int:
    """Notice the signals that did not come; returns how many."""
    with unit_of_work() as uow:
        missed = heartbeats.miss(uow.session, now=uow.now, most=MOST)
        tell(uow, missed)
        uow.count("heartbeats_total", len(missed), result="missed")
        sweeping.record_run(uow.session, "sweep_heartbeats", len(missed), now=uow.now)
    if missed:
        log.info("sweep_heartbeats", rows=len(missed))
    return len(missed)
