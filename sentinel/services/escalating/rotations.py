"""Rotations of a client: written, listed, and who of them is on call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.models import Rotation, RotationOverride
from sentinel.queries import named
from sentinel.queries import rotations as queries
from sentinel.queries import rules as rule_queries
from sentinel.queries.unique import TakenError
from sentinel.schedules import rotation as turns
from sentinel.schedules.reading import zone_of
from sentinel.schedules.rotation import Duty, Override
from sentinel.services.escalating.named import Kind, checked
from sentinel.services.unit_of_work import UnitOfWork

MOST_MEMBERS = 50
LONGEST_SHIFT_DAYS = 366
LONGEST_OVERRIDE = timedelta(days=366)
FARTHEST = timedelta(days=3660)
"""How far from now anybody can be asked for: the calendar of a place beyond that is a guess."""

ROTATIONS = Kind(Rotation, "rotation", "/rotations")

Named = tuple[int, str]
"""A rotation by its client and its name."""


@dataclass(frozen=True, slots=True)
class Written:
    """A rotation as somebody wants it; `handover` in minutes since midnight."""

    name: str
    members: tuple[str, ...]
    zone: str
    starts_on: date
    handover: int
    shift_days: int


def create(uow: UnitOfWork, client_id: int, written: Written) -> Rotation:
    """Store a new rotation."""
    try:
        return ROTATIONS.store(uow, client_id, _checked(uow, client_id, written))
    except TakenError:
        raise _is_taken(written.name) from None


def replace(uow: UnitOfWork, client_id: int, name: str, written: Written, *, version: int) -> Rotation:
    """Put `written` in the place of a rotation that still has `version`."""
    found = ROTATIONS.get(uow, name, client_id=client_id)
    if written.name != found.name:
        _refuse_if_named(uow, found)
    try:
        return ROTATIONS.replace(uow, found, _checked(uow, client_id, written), version=version)
    except TakenError:
        raise _is_taken(written.name) from None


def put(uow: UnitOfWork, client_id: int, written: Written) -> Rotation:
    """Store a rotation, new or in the place of the one of its name."""
    values = _checked(uow, client_id, written)
    return ROTATIONS.put(uow, client_id, written.name, values, lambda: _is_taken(written.name))


def delete(uow: UnitOfWork, client_id: int, name: str, *, force: bool = False) -> None:
    """Remove a rotation; while policies tell it, only by force."""
    found = ROTATIONS.get(uow, name, client_id=client_id)
    if not force:
        _refuse_if_named(uow, found)
    named.delete(Rotation, uow.session, found.id)


def override(uow: UnitOfWork, client_id: int, name: str, wanted: Override, *, by: str) -> RotationOverride:
    """Let somebody stand in; of several who do at once, the one that was named last counts."""
    found = ROTATIONS.get(uow, name, client_id=client_id)
    _check_times(wanted, now=uow.now)
    _check_members(uow, client_id, [wanted.member], field="member")
    row = {"member": wanted.member, "starts_at": wanted.starts_at, "ends_at": wanted.ends_at}
    made = {"rotation_id": found.id, "created_by": by, "created_at": uow.now}
    return queries.add_override(uow.session, row | made)


def overrides(uow: UnitOfWork, client_id: int, name: str) -> Sequence[RotationOverride]:
    """Return who stands in now or later, in the order in which it was said."""
    found = ROTATIONS.get(uow, name, client_id=client_id)
    return queries.overrides(uow.session, [found.id], ending_after=uow.now)


def delete_override(uow: UnitOfWork, client_id: int, name: str, override_id: int) -> None:
    """Take back that somebody stands in."""
    found = ROTATIONS.get(uow, name, client_id=client_id)
    if not queries.delete_override(uow.session, override_id, rotation_id=found.id):
        raise NotFoundError(
            f"rotation {found.name} has no override {override_id}; GET …/overrides lists those there are"
        )


def on_call(uow: UnitOfWork, client_id: int, name: str, moment: datetime) -> Duty:
    """Say who of a rotation is on call at a moment."""
    if abs(moment - uow.now) > FARTHEST:
        message, remedy = "is too far away", f"choose a time within {FARTHEST.days} days"
        raise InvalidInputError(FieldError("at", moment.isoformat(), message, remedy))
    found = ROTATIONS.get(uow, name, client_id=client_id)
    duty = _duties(uow, [found], moment)[client_id, name]
    if duty is None:
        raise ConflictError(
            f'rotation "{name}" has the time zone "{found.zone}", which is none any more; '
            f"PUT /rotations/{name} gives it another"
        )
    return duty


def on_call_of(uow: UnitOfWork, wanted: Iterable[Named]) -> Mapping[Named, Duty | None]:
    """Say who is on call now, of many rotations; those that are gone are left out, None: its zone is none any more."""
    asked = sorted(set(wanted))
    return _duties(uow, queries.named(uow.session, asked), uow.now) if asked else {}


def _duties(uow: UnitOfWork, rows: Sequence[Rotation], moment: datetime) -> dict[Named, Duty | None]:
    found = standing_in(uow, rows, moment)
    return {(row.client_id, row.name): _duty(row, found[row.id], moment) for row in rows}


def _duty(row: Rotation, overrides: Sequence[RotationOverride], moment: datetime) -> Duty | None:
    rotation = turns_of(row)
    return None if rotation is None else turns.on_call(rotation, list(map(as_override, overrides)), moment)


def standing_in(
    uow: UnitOfWork, rows: Sequence[Rotation], moment: datetime
) -> Mapping[int, Sequence[RotationOverride]]:
    """Return who stands in at a moment or later, of rotations by their ids."""
    found = queries.overrides(uow.session, [row.id for row in rows], ending_after=moment) if rows else []
    return {row.id: [each for each in found if each.rotation_id == row.id] for row in rows}


def as_override(row: RotationOverride) -> Override:
    """Somebody who stands in, as turns are counted with."""
    return Override(row.member, row.starts_at, row.ends_at)


def turns_of(row: Rotation) -> turns.Rotation | None:
    """Whose turn it is, by a rotation as it is stored; None: its time zone is none any more."""
    try:
        zone = zone_of(row.zone, "zone")
    except InvalidInputError:  # the zones of this machine are not those of when it was written
        return None
    return turns.Rotation(tuple(row.members), zone, row.starts_on, row.handover, row.shift_days)


def _checked(uow: UnitOfWork, client_id: int, written: Written) -> dict[str, Any]:
    """The columns of a rotation, or what is wrong with it."""
    if not 0 < len(written.members) <= MOST_MEMBERS:
        remedy = f"name 1 to {MOST_MEMBERS} endpoints"
        raise InvalidInputError(FieldError("members", len(written.members), "has too few or too many", remedy))
    _check_members(uow, client_id, written.members, field="members")
    return {
        "name": checked(written.name),
        "members": list(written.members),
        "zone": zone_of(written.zone, "zone").key,
        "starts_on": written.starts_on,
        "handover": written.handover,
        "shift_days": written.shift_days,
    }


def _check_members(uow: UnitOfWork, client_id: int, members: Sequence[str], *, field: str) -> None:
    known = rule_queries.endpoint_names(uow.session, client_id, members)
    errors = [
        FieldError(
            field if field == "member" else f"{field}.{number}",
            member,
            "is no endpoint of this client",
            "name an endpoint; make it first, with POST /endpoints",
        )
        for number, member in enumerate(members)
        if member not in known
    ]
    if errors:
        raise InvalidInputError(*errors)


def _check_times(wanted: Override, *, now: datetime) -> None:
    shown = wanted.ends_at.isoformat()
    if wanted.ends_at <= max(wanted.starts_at, now):
        remedy = "choose a time to come, after starts_at"
        raise InvalidInputError(FieldError("ends_at", shown, "is over before it begins", remedy))
    if wanted.ends_at > now + LONGEST_OVERRIDE:
        remedy = f"choose a time within {LONGEST_OVERRIDE.days} days"
        raise InvalidInputError(FieldError("ends_at", shown, "is too far away", remedy))


def _refuse_if_named(uow: UnitOfWork, found: Rotation) -> None:
    policies = queries.policies_naming(uow.session, found.client_id, found.name)
    if policies:
        raise ConflictError(
            f'rotation "{found.name}" is told by the escalation policies {", ".join(policies)}; change them first, or '
            "remove it with ?force=true: then those steps tell nobody of it"
        )


def _is_taken(name: str) -> ConflictError:
    return ConflictError(f'there is a rotation "{name}" already; PUT /rotations/{name} changes it')
