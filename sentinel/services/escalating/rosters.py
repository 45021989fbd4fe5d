"""Who is on call: of each rotation who it is now, who is next, and the week that begins today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.models import Rotation, RotationOverride
from sentinel.queries import endpoints
from sentinel.queries.named import Filter
from sentinel.schedules import rotation as turns
from sentinel.schedules.intervals import moment_of
from sentinel.schedules.rotation import Duty
from sentinel.services.escalating import rotations
from sentinel.services.unit_of_work import UnitOfWork

DAYS = 7
EARLIER = timedelta(days=2)
"""A week begins less long ago than this, wherever it is."""


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days of the calendar of a rotation's place, from the midnight on that was the last one."""

    midnights: Sequence[datetime]
    """The beginning of each day, and the end of the last one."""
    duties: Sequence[Duty]


@dataclass(frozen=True, slots=True)
class Roster:
    """A rotation, and who is on call; `duty` and `week` are None where its time zone is none any more.

    `absent`: members behind whom there is no enabled endpoint; a step that means one of them tells nobody.
    """

    rotation: Rotation
    client: str
    overrides: Sequence[RotationOverride]
    absent: AbstractSet[str]
    duty: Duty | None = None
    following: Duty | None = None
    week: Week | None = None


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[Roster], int | None]:
    """Return a page of rotations in the order they were made, and the cursor of the next page, if any."""
    rows, following = rotations.ROTATIONS.page(uow, wanted, size=size)
    overrides = rotations.standing_in(uow, [row for row, _ in rows], uow.now - EARLIER)
    known = _known(uow, rows, overrides)
    return [_roster(uow, each, overrides[each[0].id], known) for each in rows], following


def _roster(
    uow: UnitOfWork,
    shown: tuple[Rotation, str],
    overrides: Sequence[RotationOverride],
    known: Mapping[int, set[str]],
) -> Roster:
    row, client = shown
    coming = [each for each in overrides if each.ends_at > uow.now]
    absent = _members(row, coming) - known.get(row.client_id, set())
    rotation = rotations.turns_of(row)
    if rotation is None:
        return Roster(row, client, coming, absent)
    standing_in = list(map(rotations.as_override, overrides))
    duty = turns.on_call(rotation, standing_in, uow.now)
    following = turns.next_duty(rotation, standing_in, uow.now)
    return Roster(row, client, coming, absent, duty, following, week(rotation, standing_in, uow.now))


def week(rotation: turns.Rotation, overrides: Sequence[turns.Override], now: datetime) -> Week:
    """Say who is on call through the week that begins with this day of a rotation's place."""
    today = now.astimezone(rotation.zone).date()
    midnights = [
        moment_of(today + timedelta(days=number), 0, rotation.zone, is_last=False) for number in range(DAYS + 1)
    ]
    return Week(midnights, list(turns.duties(rotation, overrides, midnights[0], midnights[-1])))


def _members(row: Rotation, overrides: Iterable[RotationOverride]) -> set[str]:
    return {*row.members, *(each.member for each in overrides)}


def _known(
    uow: UnitOfWork, rows: Sequence[tuple[Rotation, str]], overrides: Mapping[int, Sequence[RotationOverride]]
) -> dict[int, set[str]]:
    """Which of the members are enabled endpoints, by client."""
    asked = {(row.client_id, member) for row, _ in rows for member in _members(row, overrides[row.id])}
    found = endpoints.named(uow.session, sorted(asked)) if asked else {}
    return {client_id: set(named) for client_id, named in found.items()}
