"""An endpoint of any client."""

from __future__ import annotations

from sentinel.models import Endpoint
from sentinel.services import endpoints
from sentinel.services.access import clients
from sentinel.services.unit_of_work import UnitOfWork


def found_with_client(uow: UnitOfWork, endpoint_id: int) -> tuple[Endpoint, str]:
    """Return an endpoint and its client's name."""
    found = endpoints.get(uow, endpoint_id, client_id=None)
    return found, clients.get(uow, found.client_id).name
