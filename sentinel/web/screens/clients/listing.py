"""The list of clients, and new ones."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import client_overview
from sentinel.web.access import acts, needs, note_action
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import page, see_other
from sentinel.web.paging import number_cursor, page_size, paged


def index() -> Response:
    """List clients with what they have, oldest first."""
    words = request.args.get("q", "").replace("\0", "").strip()
    with unit_of_work() as uow:
        rows, following = clients.page(uow, after=number_cursor(), size=page_size(), words=words or None)
        overviews = client_overview.of(uow, rows)
    return page("console/clients/index.html", page=paged(rows, following), overviews=overviews, words=words)


@needs("admin")
def new() -> Response:
    """Show the form of a new client."""
    return page("console/clients/new.html", name="", errors={}, problem=None)


@acts("admin")
def create() -> Response:
    """Make a client."""
    name = text("name")
    try:
        with unit_of_work() as uow:
            made = clients.create(uow, name)
            note_action(uow, "client.create", f"client {made.id}", client=name)
    except InvalidInputError as error:
        errors = errors_of(error)
        return page("console/clients/new.html", HTTPStatus.UNPROCESSABLE_ENTITY, name=name, errors=errors, problem=None)
    except ConflictError as error:
        return page("console/clients/new.html", HTTPStatus.CONFLICT, name=name, errors={}, problem=str(error))
    flash(f"Client {name} is made. It needs an API key to send.")
    return see_other("console.clients.keys", client_id=made.id)
