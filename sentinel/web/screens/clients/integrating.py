"""Integrations of a client: addresses to which other systems send."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.integrations import KINDS
from sentinel.queries.integrations import Filter
from sentinel.sealing import unseal
from sentinel.services import integrations
from sentinel.services.access import clients
from sentinel.services.integrations import Written
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acting, acts, caller_for, note_action
from sentinel.web.forms import errors_of, is_sent_again, keep_sent, text
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.paging import cursor, page_size, paged


def index(client_id: int) -> Response:
    """List a client's integrations by name."""
    return _listed(client_id)


@acts("admin")
def make(client_id: int) -> Response:
    """Make an integration; a secret is shown this once."""
    if is_sent_again():
        return see_other("console.clients.integrations", client_id=client_id)
    written = Written(text("kind"), text("name"), topic_arn=text("topic_arn") or None)
    with unit_of_work() as uow:
        client = clients.get(uow, client_id).name
    try:
        with unit_of_work() as uow:
            made = integrations.create(uow, caller_for(uow, client), written)
            subject = f"integration {made.id}"
            note_action(uow, "integration.create", subject, client=client, kind=written.kind, name=written.name)
    except InvalidInputError as error:
        return _listed(client_id, errors=errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ConflictError as error:
        return _listed(client_id, errors={"name": str(error)}, status=HTTPStatus.CONFLICT)
    keep_sent()
    return page(
        "console/clients/new_integration.html",
        client_id=client_id,
        client=client,
        integration=made,
        address=integrations.address_of(made),
        secret=made.secret and unseal(made.secret),
    )


@acts("admin")
def switch(client_id: int, integration_id: UUID) -> Response:
    """Switch an integration on or off: one that is off is not there for who sends."""
    is_on = request.form.get("to") == "on"
    with unit_of_work() as uow:
        client = clients.get(uow, client_id).name
        found = integrations.get(uow, str(integration_id), client_id=client_id)
    if found.is_enabled == is_on:
        not_done(f"{found.name} is {'on' if is_on else 'off'} already.")
        return see_other("console.clients.integrations", client_id=client_id)
    action = "integration.enable" if is_on else "integration.disable"
    with acting(action, f"integration {integration_id}", client=client) as uow:
        changed = integrations.change(uow, client_id, str(integration_id), {"is_enabled": is_on})
    flash(f"{changed.name} is {'on' if is_on else 'off'}.")
    return see_other("console.clients.integrations", client_id=client_id)


@acts("admin")
def delete(client_id: int, integration_id: UUID) -> Response:
    """Remove an integration; its address is gone with the next request."""
    with unit_of_work() as uow:
        client = clients.get(uow, client_id).name
        name = integrations.get(uow, str(integration_id), client_id=client_id).name
    with acting("integration.delete", f"integration {integration_id}", client=client, name=name) as uow:
        gone = integrations.delete(uow, str(integration_id), client_id=client_id)
    flash(f"{gone.name} is removed, and its address with it.")
    return see_other("console.clients.integrations", client_id=client_id)


def _listed(client_id: int, *, errors: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    with unit_of_work() as uow:
        client = clients.get(uow, client_id)
        rows, following = integrations.page(uow, Filter(client_id, after=cursor()), size=page_size())
    return page(
        "console/clients/integrations.html",
        status,
        client=client,
        page=paged([row for row, _ in rows], following),
        addresses={row.id: integrations.address_of(row) for row, _ in rows},
        kinds=KINDS,
        errors=errors or {},
        sent=request.form,
    )
