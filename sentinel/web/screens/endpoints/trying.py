"""A message that tests an endpoint, on the way that all messages go, and what becomes of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from werkzeug.wrappers import Response

from sentinel.errors import NotFoundError
from sentinel.models import Endpoint
from sentinel.models.status import IN_FLIGHT
from sentinel.services import endpoints, notifications
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import acting, acts, caller_for
from sentinel.web.frame import page, see_other
from sentinel.web.screens.endpoints.finding import found_with_client


@acts("operator")
def send_test(endpoint_id: int) -> Response:
    """Send a message marked [TEST] to an endpoint, enabled or not."""
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
    with acting("endpoint.test", f"endpoint {endpoint_id}", client=client, channel=found.channel) as uow:
        row = endpoints.try_out(uow, caller_for(uow, client), endpoint_id)
    return see_other("console.endpoints.show", endpoint_id=endpoint_id, test=row["id"], _anchor="test")


def result(endpoint_id: int, notification_id: UUID) -> Response:
    """Show what has become of a test so far, for the page that stays open."""
    with unit_of_work() as uow:
        found = endpoints.get(uow, endpoint_id, client_id=None)
        values = test_values(uow, found, str(notification_id))
    if values["test"] is None:
        raise NotFoundError(f"no test {notification_id} of this endpoint")
    return page("console/endpoints/test.html", endpoint=found, **values)


def test_values(uow: UnitOfWork, found: Endpoint, notification_id: str | None) -> dict[str, Any]:
    """What a page shows of a test; nothing where it asks for none, or for another endpoint's message."""
    try:
        test = notifications.get(uow, notification_id or "", client_id=found.client_id)
    except NotFoundError:
        return {"test": None}
    if test.endpoint_id != found.id:
        return {"test": None}
    told = notifications.timeline(uow, test.id, client_id=found.client_id)
    return {"test": test, "test_timeline": told, "is_test_over": test.status not in IN_FLIGHT}
