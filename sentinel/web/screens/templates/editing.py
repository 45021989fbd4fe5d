"""Templates made, changed and removed, with their preview beside them."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError
from sentinel.models import Template
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries.templates import User
from sentinel.rendering import VARIABLES
from sentinel.services import templates
from sentinel.services.access import clients
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web import conflicts
from sentinel.web.access import acting, acts, asks, caller_for, needs, note_action
from sentinel.web.asked_parts import is_part
from sentinel.web.chosen_client import chosen_client
from sentinel.web.forms import errors_of
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.numbers import whole
from sentinel.web.screens.templates import form
from sentinel.web.screens.templates.form import Values
from sentinel.web.screens.templates.previewing import shown_of
from sentinel.web.slack_markup import html_of

MOST_USERS = 20


@needs("admin")
def new() -> Response:
    """Show the form of a new template."""
    with unit_of_work() as uow:
        choice = chosen_client(uow)
    return _editor(form.new_values(choice.name or DEFAULT_CLIENT))


@acts("admin")
def create() -> Response:
    """Make a template."""
    values = form.values_sent()
    try:
        written = form.written_of(values)
        with unit_of_work() as uow:
            caller = caller_for(uow, values["client"])
            made = templates.create(uow, caller.client_id, written)
            note_action(uow, "template.create", f"template {made.id}", client=caller.client_name, name=made.name)
    except InvalidInputError as error:
        return _editor(values, errors=errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotFoundError as error:
        return _editor(values, errors={"client": str(error)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ConflictError as error:
        return _editor(values, problem=str(error), status=HTTPStatus.CONFLICT)
    flash(f"Template {made.name} is made.")
    return see_other("console.templates.show", template_id=made.id)


def show(template_id: int) -> Response:
    """Show a template in its editor."""
    with unit_of_work() as uow:
        found, client = _found(uow, template_id)
    return _editor(form.values_of(found, client), found=found)


@acts("admin")
def change(template_id: int) -> Response:
    """Put what the form says in the place of what there is, if that is still what its writer has read."""
    values = form.values_sent()
    try:
        with unit_of_work() as uow:
            found, client = _found(uow, template_id)
    except NotFoundError:
        return _editor(values, problem=conflicts.GONE, status=HTTPStatus.CONFLICT)
    values["client"] = client
    read = conflicts.version_read(values)
    try:
        with acting("template.change", f"template {template_id}", client=client, version=found.version) as uow:
            templates.replace(uow, found.client_id, template_id, form.written_of(values), version=read)
    except InvalidInputError as error:
        return _editor(values, found=found, errors=errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotFoundError:
        return _editor(values, problem=conflicts.GONE, status=HTTPStatus.CONFLICT)
    except ConflictError as error:
        return _conflict(values, found, client, str(error))
    flash("Saved. Messages that are made from now on are worded like this.")
    return see_other("console.templates.show", template_id=template_id)


@asks
def preview() -> Response:
    """Show what the form makes of its event: a part of the editor, or where no script asks, all of it."""
    values = form.values_sent()
    with unit_of_work() as uow:
        if is_part():
            return page("console/templates/preview.html", shown=shown_of(uow, values), as_slack=html_of)
        found = _found(uow, whole(values["template_id"]))[0] if values["template_id"] else None
    return _editor(values, found=found)


@acts("admin")
def delete(template_id: int) -> Response:
    """Remove a template; one that is still asked for only by force."""
    is_forced = request.form.get("force") == "yes"
    with unit_of_work() as uow:
        found, client = _found(uow, template_id)
    try:
        with acting("template.delete", f"template {template_id}", client=client, is_forced=is_forced) as uow:
            templates.delete(uow, found.client_id, template_id, force=is_forced)
    except ConflictError as error:
        not_done(str(error))
        return see_other("console.templates.show", template_id=template_id, refused="delete")
    flash(f"Template {found.name} is removed.")
    return see_other("console.templates.index")


def _found(uow: UnitOfWork, template_id: int) -> tuple[Template, str]:
    found = templates.get(uow, template_id, client_id=None)
    return found, clients.get(uow, found.client_id).name


def _conflict(values: Values, found: Template, client: str, problem: str) -> Response:
    """Show what was written beside what is there now; who saves again has seen it."""
    if values["version"] == str(found.version):
        return _editor(values, found=found, problem=problem, status=HTTPStatus.CONFLICT)
    now = conflicts.differing(form.values_of(found, client), values)
    values["version"] = str(found.version)
    return _editor(values, found=found, problem=conflicts.MEANWHILE, differing=now, status=HTTPStatus.CONFLICT)


def _editor(
    values: Values,
    *,
    found: Template | None = None,
    errors: dict[str, str] | None = None,
    problem: str | None = None,
    differing: Values | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    with unit_of_work() as uow:
        client_id = clients.id_of(uow, values["client"])
        recent = form.recent_events(uow, client_id) if client_id else []
        users: list[User] = templates.users_of(uow, found, most=MOST_USERS) if found else []
        shown = shown_of(uow, values)
        names = chosen_client(uow).names
    return page(
        "console/templates/editor.html",
        status,
        values=values,
        found=found,
        errors=errors or {},
        problem=problem,
        differing=differing or {},
        recent=recent,
        users=users,
        shown=shown,
        as_slack=html_of,
        names=names,
        channels=CHANNELS,
        variables=VARIABLES,
        form=form,
    )
