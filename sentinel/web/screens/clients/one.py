"""One client at a glance, renamed, switched on and off, and removed."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import client_overview
from sentinel.web.access import acting, acts
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import not_done, page, see_other


def show(client_id: int) -> Response:
    """Show one client."""
    return _shown(client_id)


@acts("admin")
def rename(client_id: int) -> Response:
    """Give a client another name; keys and addresses stay as they are."""
    name = text("name")
    with unit_of_work() as uow:
        old = clients.get(uow, client_id).name
    if name == old:
        not_done(f"The client is called {name} already.")
        return see_other("console.clients.show", client_id=client_id)
    try:
        with acting("client.rename", f"client {client_id}", client=old, name=name) as uow:
            clients.change(uow, client_id, name=name)
    except InvalidInputError as error:
        return _shown(client_id, name=name, errors=errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ConflictError as error:
        return _shown(client_id, name=name, errors={"name": str(error)}, status=HTTPStatus.CONFLICT)
    flash(f"The client is called {name} now.")
    return see_other("console.clients.show", client_id=client_id)


@acts("admin")
def switch(client_id: int) -> Response:
    """Switch a client on or off."""
    is_on = request.form.get("to") == "on"
    with unit_of_work() as uow:
        found = clients.get(uow, client_id)
    if found.is_active == is_on:
        not_done(f"{found.name} is {'on' if is_on else 'off'} already.")
        return see_other("console.clients.show", client_id=client_id)
    with acting("client.enable" if is_on else "client.disable", f"client {client_id}", client=found.name) as uow:
        clients.change(uow, client_id, is_active=is_on)
    flash(f"{found.name} is {'on' if is_on else 'off'}.")
    return see_other("console.clients.show", client_id=client_id)


@acts("admin")
def delete(client_id: int) -> Response:
    """Remove a client that has no records any more."""
    with unit_of_work() as uow:
        name = clients.get(uow, client_id).name
    try:
        with acting("client.delete", f"client {client_id}", client=name) as uow:
            clients.delete(uow, client_id)
    except ConflictError as error:
        not_done(str(error))
        return see_other("console.clients.show", client_id=client_id)
    flash(f"Client {name} is removed, with all that was its own.")
    return see_other("console.clients.index")


def _shown(
    client_id: int,
    *,
    name: str | None = None,
    errors: dict[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    with unit_of_work() as uow:
        client = clients.get(uow, client_id)
        overview = client_overview.of(uow, [client])[client_id]
    return page(
        "console/clients/show.html",
        status,
        client=client,
        overview=overview,
        is_default=client.name == DEFAULT_CLIENT,
        name=client.name if name is None else name,
        errors=errors or {},
    )
