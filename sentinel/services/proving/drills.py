"""Drills as people define them: who is to be reached, and when that is tried."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentinel.errors import SHOWN, ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.models import Drill
from sentinel.queries import drills as queries
from sentinel.queries import endpoints
from sentinel.queries.unique import TakenError
from sentinel.schedules.reading import read, written
from sentinel.services.proving.heartbeats import NAME, checked_name
from sentinel.services.unit_of_work import UnitOfWork

MOST_TARGETS = 50
USUAL_WITHIN, LONGEST_WITHIN = 300, 86_400


@dataclass(frozen=True, slots=True)
class Written:
    """A drill as somebody wants it; `schedule` as JSON, `targets` names of endpoints."""

    targets: tuple[str, ...]
    schedule: dict[str, Any] | None = None
    text: str | None = None
    within_seconds: int = USUAL_WITHIN
    severity: str | None = "high"
    is_enabled: bool = True


def get(uow: UnitOfWork, client_id: int, name: str, *, is_locked: bool = False) -> Drill:
    """Return a drill of the client."""
    found = queries.get(uow.session, client_id, name, is_locked=is_locked) if NAME.fullmatch(name) else None
    if found is None:
        raise NotFoundError(f'no drill "{name[:SHOWN]}"; GET /drills lists those there are')
    return found


def page(
    uow: UnitOfWork, client_id: int | None, *, after: str | None, size: int
) -> tuple[list[tuple[Drill, str]], str | None]:
    """Return a page of drills with their clients' names, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, client_id, after=after, size=size + 1)
    return rows[:size], rows[size - 1][0].name if len(rows) > size else None


def put(uow: UnitOfWork, client_id: int, name: str, wanted: Written) -> Drill:
    """Define a drill, or define it anew; its history stays."""
    _check_targets(uow, client_id, wanted.targets)
    values = _columns(wanted, now=uow.now)
    found = queries.get(uow.session, client_id, checked_name(name), is_locked=True)
    if found is None:
        return _add(uow, client_id, name, values)
    for column, value in (values | {"updated_at": uow.now}).items():
        setattr(found, column, value)
    return found


def delete(uow: UnitOfWork, client_id: int, name: str) -> None:
    """Remove a drill with its history."""
    queries.remove(uow.session, get(uow, client_id, name, is_locked=True).id)


def _check_targets(uow: UnitOfWork, client_id: int, names: tuple[str, ...]) -> None:
    known = endpoints.named(uow.session, {(client_id, name) for name in names}).get(client_id, {})
    remedy = "make it first, with POST /endpoints, or enable it"
    errors = [
        FieldError(f"targets.{number}", name, "is no enabled endpoint of this client", remedy)
        for number, name in enumerate(names)
        if name not in known
    ]
    if errors:
        raise InvalidInputError(*errors)


def _columns(wanted: Written, *, now: datetime) -> dict[str, Any]:
    schedule = None if wanted.schedule is None else read(wanted.schedule, "schedule")
    next_at = None if schedule is None else schedule.next_start(now)
    if schedule is not None and next_at is None:
        remedy = "name times that are still to come, or leave it out: then it is held when somebody asks"
        raise InvalidInputError(FieldError("schedule", "(schedule)", "never begins", remedy))
    return {
        "targets": list(dict.fromkeys(wanted.targets)),
        "schedule": None if schedule is None else written(schedule),
        "text": wanted.text,
        "within_seconds": wanted.within_seconds,
        "severity": wanted.severity,
        "is_enabled": wanted.is_enabled,
        "next_at": next_at if wanted.is_enabled else None,
    }


def _add(uow: UnitOfWork, client_id: int, name: str, values: dict[str, Any]) -> Drill:
    row = {
        "id": str(uuid.UUID(bytes=secrets.token_bytes(16))),
        "client_id": client_id,
        "name": name,
        "created_at": uow.now,
        "updated_at": uow.now,
    }
    try:
        return queries.add(uow.session, row | values)
    except TakenError:
        raise ConflictError(f'drill "{name}" was defined at this very moment; repeat the request') from None
