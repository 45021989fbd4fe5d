"""Silences: messages about events that match are not sent for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.ids import is_id, new_id
from sentinel.models import Silence
from sentinel.models.silence import EndReason, SilenceState
from sentinel.queries import endpoints
from sentinel.queries import silences as queries
from sentinel.queries.silences import Filter
from sentinel.schedules.reading import written as written_schedule
from sentinel.services.muting.holding import windows_of
from sentinel.services.muting.matchers import SHOWN, read_all
from sentinel.services.muting.matchers import as_stored as stored_matcher
from sentinel.services.muting.silence_checks import Manners, Wanted, check
from sentinel.services.unit_of_work import UnitOfWork


def add(uow: UnitOfWork, client_id: int, wanted: Wanted) -> Silence:
    """Store a new silence, from now on at the earliest."""
    check(wanted, now=uow.now)
    manners = wanted.manners or Manners()
    _check_endpoint(uow, client_id, manners)
    row = Silence(
        id=new_id(uow.now),
        client_id=client_id,
        matchers=[stored_matcher(each) for each in wanted.matchers],
        starts_at=max(wanted.starts_at or uow.now, uow.now),
        ends_at=wanted.ends_at,
        created_by=wanted.created_by,
        comment=wanted.comment,
        created_at=uow.now,
        updated_at=uow.now,
        matched=0,
        **_columns(manners, now=uow.now),
    )
    uow.session.add(row)
    return row


def _columns(manners: Manners, *, now: datetime) -> dict[str, Any]:
    """What the row keeps of its manners; who has any is looked at by the sweeper."""
    return {
        "windows": None if manners.windows is None else written_schedule(manners.windows),
        "ends_when_resolved": manners.ends_when_resolved,
        "ends_after_quiet_seconds": manners.ends_after_quiet_seconds,
        "remind_before_seconds": manners.remind_before_seconds,
        "remind": manners.remind,
        "next_look_at": None if replace(manners, windows=None) == Manners() else now,
    }


def _check_endpoint(uow: UnitOfWork, client_id: int, manners: Manners) -> None:
    if manners.remind is not None and endpoints.one_named(uow.session, client_id, manners.remind) is None:
        remedy = "name an enabled endpoint for messages; GET /endpoints lists those there are"
        raise InvalidInputError(
            FieldError("remind", manners.remind, f'"{manners.remind}" is no endpoint of this client', remedy)
        )


def change(uow: UnitOfWork, silence_id: str, client_id: int, wanted: Wanted) -> Silence:
    """Change a silence; what would rewrite its past ends it and makes a new one, as Alertmanager does."""
    found, _ = get(uow, silence_id, client_id=client_id, is_locked=True)
    starts_at = wanted.starts_at or found.starts_at
    check(replace(wanted, starts_at=starts_at), now=uow.now)
    if wanted.manners is not None:
        _check_endpoint(uow, client_id, wanted.manners)
    wanted = replace(wanted, manners=wanted.manners or manners_of(found))
    state = found.state(uow.now)
    if not _can_be_changed(found, wanted, starts_at, now=uow.now):
        if state is not SilenceState.EXPIRED:
            _end(found, now=uow.now)
        return add(uow, client_id, wanted)
    if state is SilenceState.PENDING:
        found.starts_at = starts_at
    _change(found, wanted, now=uow.now)
    return found


def _change(found: Silence, wanted: Wanted, *, now: datetime) -> None:
    if wanted.ends_at != found.ends_at:
        found.reminded_at = None  # of this end nobody was told
    found.ends_at, found.comment, found.created_by = wanted.ends_at, wanted.comment, wanted.created_by
    for name, value in _columns(wanted.manners or Manners(), now=now).items():
        setattr(found, name, value)
    found.updated_at = now


def manners_of(row: Silence) -> Manners:
    """Return the manners of a silence."""
    return Manners(
        windows_of(row),
        row.ends_when_resolved,
        row.ends_after_quiet_seconds,
        row.remind_before_seconds,
        row.remind,
    )


def _can_be_changed(found: Silence, wanted: Wanted, starts_at: datetime, *, now: datetime) -> bool:
    """Whether what was silenced until now, and what was not, stays as it was."""
    if read_all(found.matchers) != wanted.matchers:
        return False
    if wanted.manners is not None and wanted.manners.windows != windows_of(found):
        return False
    state = found.state(now)
    if state is SilenceState.ACTIVE:  # clients of Alertmanager give its start back without fractions of a second
        return int(starts_at.timestamp()) == int(found.starts_at.timestamp())
    return state is SilenceState.PENDING and starts_at >= now


def get(uow: UnitOfWork, silence_id: str, *, client_id: int | None, is_locked: bool = False) -> tuple[Silence, str]:
    """Return one silence of the client (None: of any, for operators), and the client's name."""
    known = is_id(silence_id)
    found = queries.get(uow.session, silence_id, client_id=client_id, is_locked=is_locked) if known else None
    if found is None:
        raise NotFoundError(f"no silence {silence_id[:SHOWN]}; GET /silences lists those there are")
    return found


def expire(uow: UnitOfWork, silence_id: str, *, client_id: int | None) -> Silence:
    """End a silence now; it is kept as long as notifications are."""
    found = _unended(uow, silence_id, client_id)
    _end(found, now=uow.now)
    return found


def extend(uow: UnitOfWork, silence_id: str, longer: timedelta, *, client_id: int | None) -> Silence:
    """Let a silence that is not over end so much later; who is reminded of its end hears of the new one."""
    found = _unended(uow, silence_id, client_id)
    wanted = Wanted(
        read_all(found.matchers),
        found.starts_at,
        found.ends_at + longer,
        found.created_by,
        found.comment,
        manners_of(found),
    )
    check(wanted, now=uow.now)
    _change(found, wanted, now=uow.now)
    return found


def _unended(uow: UnitOfWork, silence_id: str, client_id: int | None) -> Silence:
    found, _ = get(uow, silence_id, client_id=client_id, is_locked=True)
    if found.state(uow.now) is SilenceState.EXPIRED:
        raise ConflictError(f"silence {found.id} has been over since {found.ends_at:%Y-%m-%d %H:%M:%SZ}")
    return found


def _end(found: Silence, *, now: datetime) -> None:
    found.starts_at, found.ends_at, found.updated_at = min(found.starts_at, now), now, now
    found.next_look_at, found.ended_reason = None, EndReason.PERSON


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Silence, str]], str | None]:
    """Return a page of (silence, client's name), newest first, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, wanted, now=uow.now, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return rows[:size], following


def since(uow: UnitOfWork, client_id: int, moment: datetime) -> Sequence[Silence]:
    """Return the silences of a client that ended after a moment, or have not ended yet."""
    return queries.every(uow.session, Filter(client_id=client_id, ends_after=moment), now=uow.now)
