"""Endpoints made and changed by their form."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError
from sentinel.models import Endpoint
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.sealing import unseal
from sentinel.services import endpoints
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web import conflicts, failover_rows
from sentinel.web.access import acting, acts, caller_for, needs, note_action
from sentinel.web.chosen_client import chosen_client
from sentinel.web.forms import is_sent_again, keep_sent
from sentinel.web.frame import page, see_other
from sentinel.web.screens.endpoints import form
from sentinel.web.screens.endpoints.finding import found_with_client
from sentinel.web.screens.endpoints.form import Values

FORM = "console/endpoints/form.html"


@needs("admin")
def new() -> Response:
    """Show an empty form."""
    with unit_of_work() as uow:
        choice = chosen_client(uow)
    return _form(form.new_values(choice.name or DEFAULT_CLIENT))


@acts("admin")
def create() -> Response:
    """Make an endpoint; a webhook's secret is shown this once."""
    if is_sent_again():
        return see_other("console.endpoints.index")
    values = form.values_sent()
    client = values.get("client", "")
    try:
        written = form.written_of(values)
        with unit_of_work() as uow:
            made = endpoints.create(uow, caller_for(uow, client).client_id, written)
            note_action(uow, "endpoint.create", f"endpoint {made.id}", client=client, channel=made.channel)
    except InvalidInputError as error:
        return _form(values, errors=form.errors_at_fields(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotFoundError as error:
        return _form(values, errors={"client": str(error)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ConflictError as error:
        return _form(values, problem=str(error), status=HTTPStatus.CONFLICT)
    if made.secret is not None:
        keep_sent()
        return page("console/endpoints/secret.html", endpoint=made, client=client, secret=unseal(made.secret))
    flash(f"Endpoint {made.name or made.target} is made. Send a test to see whether messages arrive.")
    return see_other("console.endpoints.show", endpoint_id=made.id)


@needs("admin")
def edit(endpoint_id: int) -> Response:
    """Show the form of an endpoint."""
    with unit_of_work() as uow:
        found, client = found_with_client(uow, endpoint_id)
    return _form(form.values_of(found, client), found=found)


@acts("admin")
def change(endpoint_id: int) -> Response:
    """Put what the form says in the place of what there is, if that is still what its writer has read."""
    values = form.values_sent()
    try:
        with unit_of_work() as uow:
            found, client = found_with_client(uow, endpoint_id)
    except NotFoundError:
        return _form(values, problem=conflicts.GONE, status=HTTPStatus.CONFLICT)
    values["client"] = client
    try:
        written = form.written_of(values)
        with acting("endpoint.change", f"endpoint {endpoint_id}", client=client, version=found.version) as uow:
            read = conflicts.version_read(values)
            endpoints.change(uow, found.client_id, endpoint_id, written, version=read)
    except InvalidInputError as error:
        return _form(values, found=found, errors=form.errors_at_fields(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotFoundError:
        return _form(values, problem=conflicts.GONE, status=HTTPStatus.CONFLICT)
    except ConflictError as error:
        return _conflict(values, found, client, str(error))
    flash("Saved. Messages that are made from now on follow it.")
    return see_other("console.endpoints.show", endpoint_id=endpoint_id)


def _conflict(values: Values, found: Endpoint, client: str, problem: str) -> Response:
    """Show what was written beside what is there now; who saves again has seen it."""
    if values.get("version") == str(found.version):
        return _form(values, found=found, problem=problem, status=HTTPStatus.CONFLICT)
    now = conflicts.differing(form.values_of(found, client), values)
    values["version"] = str(found.version)
    return _form(values, found=found, problem=conflicts.MEANWHILE, differing=now, status=HTTPStatus.CONFLICT)


def _form(
    values: Values,
    *,
    found: Endpoint | None = None,
    errors: dict[str, str] | None = None,
    problem: str | None = None,
    differing: Values | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    with unit_of_work() as uow:
        names = chosen_client(uow).names
    return page(
        FORM,
        status,
        values=values,
        found=found,
        errors=errors or {},
        problem=problem,
        differing=differing or {},
        names=names,
        channels=CHANNELS,
        form=form,
        rows=failover_rows.rows_of(values),
        places=failover_rows.PLACES,
    )
