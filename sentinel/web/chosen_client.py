"""The client that a list is narrowed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request

from sentinel.queries import clients
from sentinel.services.unit_of_work import UnitOfWork

MOST_NAMES = 200
"""Names of clients that a field offers; others may be written."""

NOBODY = 0
"""An id that no client has."""


@dataclass(frozen=True, slots=True)
class ChosenClient:
    """A client by the name that was asked for; without one, all of them. `names` are offered."""

    name: str
    id: int | None
    names: Sequence[str]

    @property
    def is_unknown(self) -> bool:
        """Whether there is no client of that name; then there is nothing to show, either."""
        return self.id == NOBODY


def chosen_client(uow: UnitOfWork) -> ChosenClient:
    """The client that `?client=` names."""
    name = request.args.get("client", "").strip()
    names = client_names(uow)
    if not name:
        return ChosenClient("", None, names)
    found = None if "\0" in name else clients.caller_by_name(uow.session, name)
    return ChosenClient(name, NOBODY if found is None else found[0], names)


def client_names(uow: UnitOfWork) -> list[str]:
    """The first clients, for a field to offer."""
    return [each.name for each in clients.page(uow.session, after=0, size=MOST_NAMES)]
