"""How escalation policies and rotations are found, stored and replaced: by names that can stand anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError, shown
from sentinel.queries import named as queries
from sentinel.queries.named import Filter, Row
from sentinel.queries.unique import TakenError
from sentinel.services.editing import stale
from sentinel.services.unit_of_work import UnitOfWork

LONGEST_NAME = 100
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
"""They stand in addresses, in rules, and behind `rotation:`."""


def checked(name: str) -> str:
    """Return a name that can stand anywhere."""
    if not NAME.fullmatch(name):
        remedy = f"use up to {LONGEST_NAME} letters, digits, dots, dashes and underscores: primary, on-call.eu"
        raise InvalidInputError(FieldError("name", shown(name), "cannot be a name", remedy))
    return name


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """A kind of row: its table, what people call it, and the address under which it is found."""

    model: type[Row]
    word: str
    address: str

    def get(self, uow: UnitOfWork, name: str, *, client_id: int) -> Row:
        """Return the row of that name of the client."""
        found = queries.get(self.model, uow.session, name, client_id=client_id) if NAME.fullmatch(name) else None
        if found is None:
            listed = f"GET {self.address} lists those there are"
            raise NotFoundError(f"no {self.word} {name[:LONGEST_NAME]!r}; {listed}")
        return found

    def page(self, uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Row, str]], int | None]:
        """Return a page of (row, client's name) in the order they were made, and the cursor of the next, if any."""
        rows = queries.page(self.model, uow.session, wanted, size=size + 1)
        return rows[:size], rows[size - 1][0].id if len(rows) > size else None

    def store(self, uow: UnitOfWork, client_id: int, values: dict[str, Any]) -> Row:
        """Store a new row. Raises `TakenError`."""
        made = {"client_id": client_id, "version": 1, "created_at": uow.now, "updated_at": uow.now}
        return queries.add(self.model, uow.session, values | made)

    def replace(self, uow: UnitOfWork, found: Row, values: dict[str, Any], *, version: int) -> Row:
        """Put values in the place of a row that still has `version`. Raises `TakenError`."""
        written = values | {"updated_at": uow.now}
        changed = queries.change(self.model, uow.session, found.id, version=version, values=written)
        if changed is None:
            uow.session.refresh(found)
            raise stale(f"{self.word} {found.name}", now=found.version, read=version)
        return changed

    def put(
        self, uow: UnitOfWork, client_id: int, name: str, values: dict[str, Any], why_taken: Callable[[], ConflictError]
    ) -> Row:
        """Store a row, new or in the place of the one of its name."""
        found = queries.get(self.model, uow.session, name, client_id=client_id)
        try:
            if found is None:
                return self.store(uow, client_id, values)
            return self.replace(uow, found, values, version=found.version)
        except TakenError:
            raise why_taken() from None
