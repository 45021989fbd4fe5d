"""Whose rows a list shows: one client's, or those of all."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from sentinel.models.client import DEFAULT_CLIENT
from sentinel.services.access import clients
from sentinel.services.unit_of_work import UnitOfWork

MOST_NAMES = 200
"""Most names that a field offers; any other may be written."""
NOBODY = 0
"""No client has this id."""


@dataclass(frozen=True, slots=True)
class ClientChoice:
    """The client that was asked for (id None: all), and the names that are offered."""

    names: list[str]
    name: str = ""
    id: int | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether a name was asked for that no client has."""
        return self.id == NOBODY


def client_choice(uow: UnitOfWork) -> ClientChoice:
    """Return what `?client=` asks for; a name that is not known finds nothing."""
    rows, _ = clients.page(uow, after=0, size=MOST_NAMES)
    name = request.args.get("client", "").strip()
    return ClientChoice([each.name for each in rows], name, _id_of(uow, name) if name else None)


def usual_client(choice: ClientChoice) -> str:
    """The client that a new row is made for, unless somebody says otherwise."""
    return choice.name or (DEFAULT_CLIENT if DEFAULT_CLIENT in choice.names else choice.names[0])


def _id_of(uow: UnitOfWork, name: str) -> int:
    return clients.id_of(uow, name) or NOBODY
