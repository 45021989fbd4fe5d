"""In and out."""

from __future__ import annotations

from http import HTTPStatus

from flask import current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from sentinel import metrics
from sentinel.durations import MINUTE, told
from sentinel.errors import InvalidInputError
from sentinel.logs import get_logger
from sentinel.openness import is_open_to
from sentinel.origins import origin_of
from sentinel.services.access import actions, users
from sentinel.services.access.actions import Actor
from sentinel.services.access.login_throttle import LoginThrottle
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web import sessions
from sentinel.web.addresses import own_page
from sentinel.web.forms import LoginForm, errors_of, text
from sentinel.web.frame import page, problem_page, see_other

log = get_logger(__name__)

WRONG = "Name or password is wrong."


def login() -> Response:
    """Ask who it is."""
    wanted = own_page(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(wanted, code=303)
    return login_page(LoginForm(next=wanted))


def check_login() -> Response:
    """Let somebody in who knows the password."""
    form = LoginForm()
    if not form.validate():
        return login_page(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    origin, name = origin_of(request.remote_addr), users.own_spelling(form.name.data)
    refusal = held_up(name)
    if refusal is not None:
        return refusal
    with unit_of_work() as uow:
        found = users.log_in(uow, name, form.password.data, origin=origin)
    if found is None:
        return login_page(form, problem=WRONG, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    forgive(name)
    sessions.begin(found)
    return redirect(own_page(form.next.data), code=303)


def held_up(name: str) -> Response | None:
    """Count a try of a password for `name`; the answer to one too many."""
    origin = origin_of(request.remote_addr)
    wait_seconds = _throttle().seconds_to_wait(name, origin)
    if not wait_seconds:
        return None
    if _throttle().is_news(origin):
        with unit_of_work() as uow:
            users.note_throttled(uow, origin=origin)
    return _too_many(wait_seconds, origin)


def forgive(name: str) -> None:
    """Forget the tries of somebody who knew the password in the end."""
    _throttle().forgive(name, origin_of(request.remote_addr))


def make_first_user() -> Response:
    """Make the first user and log it in: in open mode, for whoever sits at this machine."""
    if not is_open_to(request, current_app.config["SENTINEL"]):
        message = "The first user is made in open mode on the machine itself, or by `sentinel users create`."
        return problem_page(HTTPStatus.FORBIDDEN, message)
    name, origin = text("name"), origin_of(request.remote_addr)
    try:
        with unit_of_work() as uow:
            made = users.create_first(uow, name, request.form.get("password", ""))
            actor = Actor(made.name, made.role, origin)
            actions.note(uow, actor, "user.create", f"user {made.name}", client=None, detail={"role": made.role})
    except InvalidInputError as error:
        values = {"name": name, "errors": errors_of(error)}
        return page("console/first_user.html", HTTPStatus.UNPROCESSABLE_ENTITY, **values)
    sessions.begin(made)
    return see_other("console.dashboard.index")


def logout() -> Response:
    """End the session."""
    sessions.end(current_user, origin=origin_of(request.remote_addr))
    return redirect(url_for("console.login"), code=303)


def login_page(form: LoginForm, *, problem: str | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The form, and what was wrong with what it sent."""
    with unit_of_work() as uow:
        has_users = users.is_there_any(uow)
    if not has_users and is_open_to(request, current_app.config["SENTINEL"]):
        return page("console/first_user.html", status, name="", errors={})
    return page("console/login.html", status, form=form, problem=problem, has_users=has_users)


def _throttle() -> LoginThrottle:
    throttle: LoginThrottle = current_app.extensions["sentinel-logins"]
    return throttle


def _too_many(wait_seconds: int, origin: str) -> Response:
    log.warning("login_throttled", origin=origin, wait_seconds=wait_seconds)
    metrics.count("logins_total", result="throttled")
    whole_minutes = -(-wait_seconds // MINUTE) * MINUTE  # nobody is asked to come too early
    response = problem_page(HTTPStatus.TOO_MANY_REQUESTS, f"Too many tries. Try again in {told(whole_minutes)}.")
    response.headers["Retry-After"] = str(wait_seconds)
    return response
