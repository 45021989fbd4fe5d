"""Inhibitions of a client: while one alert fires, nothing is told of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.ids import is_id, new_id
from sentinel.models import Inhibition
from sentinel.queries import inhibitions as queries
from sentinel.queries.inhibitions import Filter
from sentinel.queries.unique import TakenError
from sentinel.rules.matchers import Matcher
from sentinel.services.muting.matchers import LONGEST_NAME, SHOWN, as_stored, errors_of
from sentinel.services.unit_of_work import UnitOfWork

MOST_INHIBITIONS = 200
"""Of one client: each is asked about each alert that fires, for every batch of events."""

MOST_EQUAL = 50


@dataclass(frozen=True, slots=True)
class Written:
    """An inhibition as somebody wants it."""

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


def check(written: Written) -> None:
    """Say what is wrong with what is wanted."""
    errors = [*errors_of(written.source, "source"), *errors_of(written.target, "target"), *_equal_errors(written)]
    if errors:
        raise InvalidInputError(*errors)


def _equal_errors(written: Written) -> Iterator[FieldError]:
    if len(written.equal) > MOST_EQUAL:
        yield FieldError("equal", len(written.equal), "are too many", f"name at most {MOST_EQUAL} labels")
    for number, name in enumerate(written.equal):
        if not 0 < len(name) <= LONGEST_NAME:
            remedy = f"name a label, with up to {LONGEST_NAME} characters"
            yield FieldError(f"equal.{number}", name[:SHOWN], "is no name of a label", remedy)


def _columns(written: Written) -> dict[str, Any]:
    return {
        "name": written.name,
        "source": [as_stored(each) for each in written.source],
        "target": [as_stored(each) for each in written.target],
        "equal": list(dict.fromkeys(written.equal)),
    }


def get(uow: UnitOfWork, inhibition_id: str, *, client_id: int) -> Inhibition:
    """Return one inhibition of the client."""
    found = queries.get(uow.session, inhibition_id, client_id=client_id) if is_id(inhibition_id) else None
    if found is None:
        raise NotFoundError(f"no inhibition {inhibition_id[:SHOWN]}; GET /inhibitions lists those there are")
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Inhibition, str]], str | None]:
    """Return a page of inhibitions by name with their clients' names, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, wanted, size=size + 1)
    return rows[:size], rows[size - 1][0].name if len(rows) > size else None


def create(uow: UnitOfWork, client_id: int, written: Written) -> Inhibition:
    """Store a new inhibition; it holds from the next batch of events on."""
    check(written)
    _check_room(uow, client_id)
    try:
        return queries.add(uow.session, _new(uow, client_id, written))
    except TakenError:
        raise _name_is_taken(written.name) from None


def put(uow: UnitOfWork, client_id: int, written: Written) -> Inhibition:
    """Store an inhibition, in the place of the one of its name if there is one."""
    check(written)
    if queries.named(uow.session, client_id, written.name) is None:
        _check_room(uow, client_id)
    changes = _columns(written) | {"updated_at": uow.now}
    return queries.put(uow.session, _new(uow, client_id, written), changes)


def _new(uow: UnitOfWork, client_id: int, written: Written) -> dict[str, Any]:
    own = {"id": new_id(uow.now), "client_id": client_id, "created_at": uow.now, "updated_at": uow.now}
    return own | _columns(written)


def change(uow: UnitOfWork, client_id: int, inhibition_id: str, written: Written) -> Inhibition:
    """Put `written` in the place of an inhibition."""
    check(written)
    found = get(uow, inhibition_id, client_id=client_id)
    try:
        changed = queries.change(uow.session, found.id, _columns(written) | {"updated_at": uow.now})
    except TakenError:
        raise _name_is_taken(written.name) from None
    return changed or get(uow, inhibition_id, client_id=client_id)


def delete(uow: UnitOfWork, client_id: int, inhibition_id: str) -> None:
    """Remove an inhibition: what it held back stays so, what comes now is told."""
    queries.delete(uow.session, get(uow, inhibition_id, client_id=client_id).id)


def remove(uow: UnitOfWork, client_id: int, name: str) -> None:
    """Remove the inhibition of a name."""
    found = queries.named(uow.session, client_id, name)
    if found is None:
        raise NotFoundError(f"no inhibition {name[:SHOWN]!r}; `sentinel inhibitions list` shows those there are")
    queries.delete(uow.session, found.id)


def _check_room(uow: UnitOfWork, client_id: int) -> None:
    if queries.count(uow.session, client_id) >= MOST_INHIBITIONS:
        raise ConflictError(f"this client has {MOST_INHIBITIONS} inhibitions, the most there may be; remove some first")


def _name_is_taken(name: str) -> ConflictError:
    return ConflictError(
        f'there is an inhibition "{name}" already; GET /inhibitions lists those there are, PUT changes one'
    )
