"""Clients as forms offer them."""

from __future__ import annotations

from sentinel.services.access import clients
from sentinel.services.unit_of_work import UnitOfWork

MOST_OFFERED = 200


def client_names(uow: UnitOfWork) -> list[str]:
    """Return names to choose from; of more clients than these the name is written."""
    rows, _ = clients.page(uow, after=0, size=MOST_OFFERED)
    return [each.name for each in rows]
