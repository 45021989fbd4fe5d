"""One endpoint: its health, what it is, and what can be done with it."""

from __future__ import annotations

from typing import Any

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError
from sentinel.models import Endpoint
from sentinel.sealing import unseal
from sentinel.services import endpoints, quiet_hours
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import endpoint_health
from sentinel.web.access import acting, acts
from sentinel.web.forms import is_sent_again, keep_sent
from sentinel.web.frame import back_or, not_done, page, see_other
from sentinel.web.screens.endpoints.finding import found_with_client
from sentinel.web.screens.endpoints.trying import test_values

MOST_TRIES = 12
"""Most tries that are listed."""


def show(endpoint_id: int) -> Response:
    """Show one endpoint."""
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
        values = _health_values(uow, found) | test_values(uow, found, request.args.get("test"))
        quiet_until = quiet_hours.end_of(found.quiet_hours, uow.now)
    return page("console/endpoints/show.html", endpoint=found, client=client, quiet_until=quiet_until, **values)


def health(endpoint_id: int) -> Response:
    """Show how it fares, for the page that stays open."""
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
        values = _health_values(uow, found)
    return page("console/endpoints/health.html", endpoint=found, client=client, **values)


def _health_values(uow: UnitOfWork, found: Endpoint) -> dict[str, Any]:
    judged = endpoint_health.of(uow, found)
    hours = endpoint_health.by_hour(judged.tries, now=uow.now, cut_at=judged.cut_at)
    return {"health": judged, "hours": hours, "tries": judged.tries[:MOST_TRIES]}


@acts("admin")
def switch(endpoint_id: int) -> Response:
    """Switch an endpoint on or off."""
    is_on = request.form.get("to") == "on"
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
    action = "endpoint.enable" if is_on else "endpoint.disable"
    with acting(action, f"endpoint {endpoint_id}", client=client) as uow:
        endpoints.switch(uow, found.client_id, endpoint_id, is_enabled=is_on)
    flash(f"{found.name or found.target} is {'on' if is_on else 'off'}.")
    return back_or("console.endpoints.show", endpoint_id=endpoint_id)


@acts("admin")
def delete(endpoint_id: int) -> Response:
    """Remove an endpoint; one that is still named only by force."""
    is_forced = request.form.get("force") == "yes"
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
    try:
        with acting("endpoint.delete", f"endpoint {endpoint_id}", client=client, is_forced=is_forced) as uow:
            endpoints.delete(uow, found.client_id, endpoint_id, force=is_forced)
    except ConflictError as error:
        not_done(str(error))
        return see_other("console.endpoints.show", endpoint_id=endpoint_id, refused="delete")
    flash(f"{found.name or found.target} is removed.")
    return see_other("console.endpoints.index")


@acts("admin")
def rotate_secret(endpoint_id: int) -> Response:
    """Give a webhook a new secret, which is shown this once."""
    if is_sent_again():
        return see_other("console.endpoints.show", endpoint_id=endpoint_id)
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
    with acting("endpoint.rotate_secret", f"endpoint {endpoint_id}", client=client) as uow:
        changed = endpoints.rotate_secret(uow, found.client_id, endpoint_id)
    keep_sent()
    secret = changed.secret and unseal(changed.secret)
    return page("console/endpoints/secret.html", endpoint=changed, client=client, secret=secret, is_rotated=True)
