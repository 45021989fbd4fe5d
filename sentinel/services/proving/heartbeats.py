"""Heartbeats as people define them: expected how often, or at which times."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sentinel.errors import SHOWN, ConflictError, FieldError, InvalidInputError
from sentinel.models import Heartbeat
from sentinel.queries import heartbeats as queries
from sentinel.queries.heartbeats import Changed, Filter
from sentinel.queries.unique import TakenError
from sentinel.schedules.reading import read, written
from sentinel.schedules.rhythm import Rhythm
from sentinel.schedules.schedule import Schedule
from sentinel.services.access.clients import Caller
from sentinel.services.proving.heartbeat_events import DOWN
from sentinel.services.proving.signals import missed_at, tell, unknown
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

NAME = re.compile(r"[A-Za-z0-9][\w.:-]{0,99}", re.ASCII)
NAME_REMEDY = "use up to 100 letters, digits and . _ : - and begin with a letter or digit"

SHORTEST_EVERY, LONGEST_EVERY = 5, 366 * 86_400
USUAL_GRACE, LONGEST_GRACE = 60, 30 * 86_400


@dataclass(frozen=True, slots=True)
class Written:
    """A heartbeat as somebody wants it; `schedule` as JSON."""

    every_seconds: int | None = None
    schedule: dict[str, Any] | None = None
    grace_seconds: int = USUAL_GRACE
    severity: str | None = "high"
    labels: dict[str, str] = field(default_factory=dict)


def address_of(heartbeat_id: str) -> str:
    """Return the address to which a sender without a key signals."""
    settings = get_settings()
    base = settings.public_base_url or f"http://{settings.api_host}:{settings.api_port}"
    return f"{base}/ping/{heartbeat_id}"


def checked_name(name: str) -> str:
    """Refuse a name that does not fit into an address."""
    if not NAME.fullmatch(name):
        raise InvalidInputError(FieldError("name", name[:SHOWN], "is no name", NAME_REMEDY))
    return name


def get(uow: UnitOfWork, client_id: int, name: str, *, is_locked: bool = False) -> Heartbeat:
    """Return a heartbeat of the client."""
    known = NAME.fullmatch(name)
    found = queries.get(uow.session, client_id, name, is_locked=is_locked) if known else None
    if found is None:
        raise unknown(name)
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Heartbeat, str]], str | None]:
    """Return a page of heartbeats with their clients' names, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, wanted, now=uow.now, size=size + 1)
    return rows[:size], rows[size - 1][0].name if len(rows) > size else None


def put(uow: UnitOfWork, client_id: int, name: str, wanted: Written) -> Heartbeat:
    """Define a heartbeat. The clock begins with a new definition; the same one again changes nothing."""
    windows = None if wanted.schedule is None else read(wanted.schedule, "schedule")
    expected_at = _first_expected(Rhythm(wanted.every_seconds, windows), now=uow.now)
    values = _columns(wanted, windows)
    found = queries.get(uow.session, client_id, checked_name(name), is_locked=True)
    if found is None:
        return _add(uow, client_id, name, values | _expecting(expected_at, wanted.grace_seconds))
    is_same_rhythm = all(
        getattr(found, each) == values[each] for each in ("every_seconds", "schedule", "grace_seconds")
    )
    if not is_same_rhythm and not found.is_paused:
        values |= _expecting(expected_at, wanted.grace_seconds)
        if found.status == DOWN:
            values["due_at"] = None
    if any(getattr(found, column) != value for column, value in values.items()):
        _set(found, values | {"updated_at": uow.now})
    return found


def _first_expected(rhythm: Rhythm, *, now: datetime) -> datetime:
    if rhythm.every_seconds is None and rhythm.windows is None:
        remedy = "say how often (every_seconds), at which times (schedule), or both"
        raise InvalidInputError(FieldError("every_seconds", None, "Missing data for required field.", remedy))
    expected_at = rhythm.expected_after(now)
    if expected_at is None:
        remedy = "name windows that end and come again, or add every_seconds"
        raise InvalidInputError(FieldError("schedule", "(schedule)", "never expects a signal", remedy))
    return expected_at


def _columns(wanted: Written, windows: Schedule | None) -> dict[str, Any]:
    return {
        "every_seconds": wanted.every_seconds,
        "schedule": None if windows is None else written(windows),
        "grace_seconds": wanted.grace_seconds,
        "severity": wanted.severity,
        "labels": wanted.labels,
    }


def _expecting(expected_at: datetime | None, grace_seconds: int) -> dict[str, Any]:
    return {"expected_at": expected_at, "due_at": missed_at(expected_at, grace_seconds)}


def _add(uow: UnitOfWork, client_id: int, name: str, values: dict[str, Any]) -> Heartbeat:
    row = {
        "id": str(uuid.UUID(bytes=secrets.token_bytes(16))),  # no bit of it says when or where it was made
        "client_id": client_id,
        "name": name,
        "created_at": uow.now,
        "updated_at": uow.now,
    }
    try:
        return queries.add(uow.session, row | values)
    except TakenError:
        raise ConflictError(f'heartbeat "{name}" was defined at this very moment; repeat the request') from None


def _set(found: Heartbeat, values: dict[str, Any]) -> None:
    for column, value in values.items():
        setattr(found, column, value)


def pause(uow: UnitOfWork, caller: Caller, name: str, *, is_paused: bool) -> Heartbeat:
    """Wait for a heartbeat no longer, or again from now on; one that is down is resolved."""
    found = get(uow, caller.client_id, name, is_locked=True)
    if found.is_paused == is_paused:
        return found
    if is_paused:
        _resolve(uow, caller, found, why="paused")
        _set(found, {"is_paused": True, "expected_at": None, "due_at": None})
    else:
        rhythm = Rhythm(found.every_seconds, None if found.schedule is None else read(found.schedule, "schedule"))
        _set(found, {"is_paused": False} | _expecting(rhythm.expected_after(uow.now), found.grace_seconds))
    found.updated_at = uow.now
    return found


def delete(uow: UnitOfWork, caller: Caller, name: str) -> None:
    """Remove a heartbeat; one that is down is resolved, for nothing else would."""
    found = get(uow, caller.client_id, name, is_locked=True)
    _resolve(uow, caller, found, why="removed")
    queries.remove(uow.session, found.id)


def _resolve(uow: UnitOfWork, caller: Caller, found: Heartbeat, *, why: str) -> None:
    if found.status == DOWN:
        changed_at = _changed_at(found, uow.now)
        tell(uow, [_as_changed(found, caller, changed_at)], why_over=why)
        _set(found, {"status": "up", "reason": None, "changed_at": changed_at})


def _changed_at(found: Heartbeat, now: datetime) -> datetime:
    """When it changes: after the change before, as the statements of signals have it."""
    return now if found.changed_at is None else max(now, found.changed_at + timedelta(microseconds=1))


def _as_changed(found: Heartbeat, caller: Caller, changed_at: datetime) -> Changed:
    return Changed(
        id=found.id,
        client_id=found.client_id,
        client_name=caller.client_name,
        name=found.name,
        every_seconds=found.every_seconds,
        schedule=None,
        grace_seconds=found.grace_seconds,
        severity=found.severity,
        labels=found.labels,
        is_paused=found.is_paused,
        status=found.status,
        status_before=found.status,
        reason=found.reason,
        downs=found.downs,
        last_seen_at=found.last_seen_at,
        last_message=None,
        last_exit_code=None,
        expected_at=None,
        changed_at=changed_at,
    )
