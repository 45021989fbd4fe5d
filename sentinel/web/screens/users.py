"""Users of the console, for admins; and oneself, for everybody."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.models import User
from sentinel.origins import origin_of
from sentinel.services.access import administering, users
from sentinel.services.access.users import ROLES
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web import login, sessions
from sentinel.web.access import acting, acts, needs, visitor
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.sessions import Visitor

MAY = {
    "viewer": "looks at everything but users",
    "operator": "also acts: tickets, silences, retries, providers, tests",
    "admin": "also changes what is set up: rules, endpoints, clients, keys, users",
}

blueprint = Blueprint("users", __name__, url_prefix="/console")


@blueprint.get("/users")
@needs("admin")
def index() -> Response:
    """Show everybody, and a form for one more."""
    return _list()


@blueprint.post("/users")
@acts("admin")
def create() -> Response:
    """Make a user."""
    name, role = text("name"), text("role", ROLES[0])
    try:
        administering.check_role(role)
        with acting("user.create", f"user {users.own_spelling(name)}", role=role) as uow:
            made = users.create(uow, name, request.form.get("password", ""), role=role)
    except InvalidInputError as error:
        return _list(HTTPStatus.UNPROCESSABLE_ENTITY, name=name, role=role, errors=errors_of(error))
    except ConflictError as error:
        return _list(HTTPStatus.CONFLICT, name=name, role=role, errors={"name": str(error)})
    flash(f"{made.name} may log in as {made.role}.")
    return see_other("console.users.index")


@blueprint.get("/users/<user_name>")
@needs("admin")
def show(user_name: str) -> Response:
    """Show a user, and what can be done to one."""
    return _one(user_name)


@blueprint.post("/users/<user_name>/role")
@acts("admin")
def give_role(user_name: str) -> Response:
    """Give a user another role."""
    found, role = _found(user_name), text("role")
    if found.role == role:
        return _is_so(found, f"{found.name} is of role {role} already.")
    try:
        with acting("user.role", f"user {found.name}", role=role, before=found.role) as uow:
            administering.give_role(uow, found.name, role, by=_me().name)
    except ConflictError as error:
        return _is_so(found, str(error))
    flash(f"{found.name} is of role {role} from the next click on.")
    return see_other("console.users.show", user_name=found.name)


@blueprint.post("/users/<user_name>/disable")
@acts("admin")
def disable(user_name: str) -> Response:
    """Refuse a user's logins, and end the sessions there are."""
    found = _found(user_name)
    if not found.is_active:
        return _is_so(found, f"{found.name} is disabled already.")
    try:
        with acting("user.disable", f"user {found.name}") as uow:
            administering.shut_out(uow, found.name, by=_me().name)
    except ConflictError as error:
        return _is_so(found, str(error))
    flash(f"{found.name} is disabled; all sessions have ended.")
    return see_other("console.users.show", user_name=found.name)


@blueprint.post("/users/<user_name>/enable")
@acts("admin")
def enable(user_name: str) -> Response:
    """Let a user log in again."""
    found = _found(user_name)
    if found.is_active:
        return _is_so(found, f"{found.name} may log in already.")
    with acting("user.enable", f"user {found.name}") as uow:
        users.enable(uow, found.name)
    flash(f"{found.name} may log in again.")
    return see_other("console.users.show", user_name=found.name)


@blueprint.post("/users/<user_name>/password")
@acts("admin")
def reset_password(user_name: str) -> Response:
    """Give a user a new password."""
    found = _found(user_name)
    if found.name == _me().name:
        not_done("Your own password is changed here, with the one you have.")
        return see_other("console.users.me")
    try:
        with acting("user.password", f"user {found.name}") as uow:
            users.set_password(uow, found.name, request.form.get("password", ""))
    except InvalidInputError as error:
        return _one(found.name, HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors_of(error))
    flash(f"{found.name} has a new password; older sessions have ended.")
    return see_other("console.users.show", user_name=found.name)


@blueprint.post("/users/<user_name>/sessions")
@acts("admin")
def end_sessions(user_name: str) -> Response:
    """Log a user out everywhere."""
    found = _found(user_name)
    with acting("user.log_out", f"user {found.name}") as uow:
        administering.end_sessions(uow, found.name)
    flash(f"{found.name} is logged out everywhere.")
    return see_other("console.users.show", user_name=found.name)


@blueprint.get("/me")
def me() -> Response:
    """Show who one is, and what one may do."""
    return _own_page()


@blueprint.post("/me")
@acts("viewer")
def change_own_password() -> Response:
    """Change one's own password; this browser stays logged in, all others do not."""
    person = _me()
    if request.form.get("password") != request.form.get("again"):
        errors = {"again": "is not the same as the new one: write it twice alike"}
        return _own_page(HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
    held_up = login.held_up(person.name)
    if held_up is not None:
        return held_up
    try:
        with acting("user.password", f"user {person.name}") as uow:
            old, new = request.form.get("old_password", ""), request.form.get("password", "")
            changed = administering.change_own_password(uow, person.name, old=old, new=new)
    except InvalidInputError as error:
        errors = errors_of(error)
        if administering.OLD_PASSWORD in errors:
            with unit_of_work() as uow:
                users.note_refused(uow, person.name, person.role, origin=origin_of(request.remote_addr))
        else:
            login.forgive(person.name)
        return _own_page(HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
    login.forgive(person.name)
    sessions.begin(changed)
    flash("Your password is changed; all other sessions of yours have ended.")
    return see_other("console.users.me")


def _me() -> Visitor:
    person = visitor()
    if person is None:
        abort(HTTPStatus.FORBIDDEN)
    return person


def _found(name: str) -> User:
    """The user of the address, however that writes the name: what follows goes by the name that is stored."""
    with unit_of_work() as uow:
        return administering.find(uow, name)


def _is_so(found: User, message: str) -> Response:
    not_done(message)
    return see_other("console.users.show", user_name=found.name)


def _list(
    status: HTTPStatus = HTTPStatus.OK, *, name: str = "", role: str = ROLES[0], errors: dict[str, str] | None = None
) -> Response:
    with unit_of_work() as uow:
        found = users.everybody(uow)
    written = {"name": name, "role": role}
    return page("console/users/index.html", status, users=found, roles=MAY, written=written, errors=errors or {})


def _one(name: str, status: HTTPStatus = HTTPStatus.OK, *, errors: dict[str, str] | None = None) -> Response:
    found = _found(name)
    is_me = found.name == _me().name
    return page("console/users/show.html", status, user=found, is_me=is_me, roles=MAY, errors=errors or {})


def _own_page(status: HTTPStatus = HTTPStatus.OK, *, errors: dict[str, str] | None = None) -> Response:
    found = _found(_me().name)
    return page("console/users/me.html", status, user=found, roles=MAY, errors=errors or {})
