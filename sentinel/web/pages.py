"""The console's pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request, url_for
from flask_bootstrap import Bootstrap5
from flask_login import current_user, login_required
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from sentinel import metrics
from sentinel.channels.registry import CHANNELS
from sentinel.logs import get_logger
from sentinel.models.status import IN_FLIGHT, Status
from sentinel.origins import origin_of
from sentinel.services.access import users
from sentinel.services.access.login_throttle import LoginThrottle
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.gauges import Values, get_gauges
from sentinel.settings import Settings
from sentinel.web import sessions
from sentinel.web.addresses import relative
from sentinel.web.forms import LoginForm, own_page

log = get_logger(__name__)

# Stricter than the API's, whose documentation pages need a few inline lines: here everything is a file of our own.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

STATUSES = [status.value for status in Status if status in IN_FLIGHT]
IN_FLIGHT_GAUGE = "notifications_in_flight"

WRONG = "Name or password is wrong."
STALE = (
    "This page was open for too long, or your browser keeps no cookies of it. Try again; "
    "it works on the address that PUBLIC_BASE_URL names."
)

MESSAGES = {
    400: "The request did not come from a page of this console.",
    404: "There is no such page.",
    405: "That cannot be done here.",
    429: "Too many tries.",
    503: "The database does not answer. Try again in a moment.",
}
UNEXPECTED = "Something went wrong on our side; the log of this process says what."

csrf = CSRFProtect()
blueprint = Blueprint(
    "console", __name__, template_folder="templates", static_folder="static", static_url_path="/console/assets"
)


def install_console(app: Flask, settings: Settings) -> None:
    """Add the console to the application."""
    # Only its own pages are guarded by tokens: the API takes no cookie, so nobody can ride on one there.
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    app.extensions["sentinel-logins"] = LoginThrottle(settings)
    sessions.install_sessions(app, settings)
    csrf.init_app(app)
    app.static_url_path = "/static"  # Bootstrap-Flask puts its own files below it
    Bootstrap5(app)
    app.add_template_filter(relative)
    app.register_blueprint(blueprint)


@blueprint.before_request
def guard() -> AnyResponse | None:
    """Refuse what another site's page sends; without keys there are no sessions, and nothing to show."""
    if current_app.secret_key is None and request.endpoint != "console.static":
        return _page("console/no_key.html", HTTPStatus.SERVICE_UNAVAILABLE)
    csrf.protect()
    return None


@blueprint.after_request
def harden(response: Response) -> Response:
    """Say what a browser may do with these pages."""
    response.headers.update(HEADERS)
    return response


@blueprint.get("/login")
def login() -> AnyResponse:
    """Ask who it is."""
    wanted = own_page(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(wanted, code=303)
    return _login_page(LoginForm(next=wanted))


@blueprint.post("/login")
def check_login() -> AnyResponse:
    """Let somebody in who knows the password."""
    form = LoginForm()
    if not form.validate():
        return _login_page(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    origin, name = origin_of(request.remote_addr), users.own_spelling(form.name.data)
    throttle: LoginThrottle = current_app.extensions["sentinel-logins"]
    wait_seconds = throttle.seconds_to_wait(name, origin)
    if wait_seconds:
        return _too_many(wait_seconds, origin)
    with unit_of_work() as uow:
        found = users.log_in(uow, name, form.password.data, origin=origin)
    if found is None:
        return _login_page(form, problem=WRONG, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    throttle.forgive(name, origin)
    sessions.begin(found)
    return redirect(own_page(form.next.data), code=303)


@blueprint.post("/logout")
@login_required
def logout() -> AnyResponse:
    """End the session."""
    sessions.end(current_user)
    return redirect(url_for("console.login"), code=303)


@blueprint.get("/console")
@login_required
def home() -> AnyResponse:
    """Show who is here, what is under way, and where the rest is."""
    settings: Settings = current_app.config["SENTINEL"]
    values = get_gauges().read()
    flower = f"http://{settings.flower_host}:{settings.flower_port}"
    return _page(
        "console/home.html", statuses=STATUSES, in_flight=_in_flight(values), parts=_parts(values), flower_url=flower
    )


@blueprint.get("/console/<path:page>")
@login_required
def missing(page: str) -> AnyResponse:
    """Any other address below the console, said as a page and not as JSON."""
    del page
    return _problem_page(HTTPStatus.NOT_FOUND)


def _in_flight(values: Values) -> dict[str, list[int]]:
    """What is under way by channel, in the order of `STATUSES`; nothing when the database could not tell."""
    known = {labels[0] for name, *labels in values if name == IN_FLIGHT_GAUGE}
    return {
        channel: [int(values.get((IN_FLIGHT_GAUGE, channel, status), 0)) for status in STATUSES]
        for channel in CHANNELS
        if channel in known
    }


def _parts(values: Values) -> dict[str, bool]:
    """Whether the servers that everything needs are up."""
    return {labels[0]: bool(value) for (name, *labels), value in values.items() if name == "part_up"}


def _login_page(form: LoginForm, *, problem: str | None = None, status: HTTPStatus = HTTPStatus.OK) -> AnyResponse:
    with unit_of_work() as uow:
        has_users = users.is_there_any(uow)
    return _page("console/login.html", status, form=form, problem=problem, has_users=has_users)


def _too_many(wait_seconds: int, origin: str) -> AnyResponse:
    log.warning("login_throttled", origin=origin, wait_seconds=wait_seconds)
    metrics.count("logins_total", result="throttled")
    minutes = max(1, round(wait_seconds / 60))
    response = _problem_page(HTTPStatus.TOO_MANY_REQUESTS, f"Too many tries. Try again in {minutes} min.")
    response.headers["Retry-After"] = str(wait_seconds)
    return response


def _problem_page(status: HTTPStatus, message: str | None = None) -> AnyResponse:
    message = message or MESSAGES.get(status.value, UNEXPECTED)
    return _page("console/problem.html", status, title=status.phrase, message=message)


def _page(template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> AnyResponse:
    visitor = current_user if current_app.secret_key and current_user.is_authenticated else None
    return make_response(render_template(template, visitor=visitor, **values), status)


@blueprint.errorhandler(CSRFError)
def _without_token(error: CSRFError) -> AnyResponse:
    log.warning("csrf_refused", path=request.path, error=error.description)
    if request.endpoint == "console.check_login":
        form = LoginForm(formdata=None, next=own_page(request.form.get("next")))
        return _login_page(form, problem=STALE, status=HTTPStatus.BAD_REQUEST)
    return _problem_page(HTTPStatus.BAD_REQUEST)


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> AnyResponse:
    return _problem_page(HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR))


@blueprint.errorhandler(OperationalError)
@blueprint.errorhandler(InterfaceError)
@blueprint.errorhandler(PoolTimeoutError)
def _database_away(error: Exception) -> AnyResponse:
    log.error("database_unavailable", path=request.path, error=type(error).__name__)
    return _bare_problem(HTTPStatus.SERVICE_UNAVAILABLE, retry_after="2")


@blueprint.errorhandler(Exception)
def _unexpected(error: Exception) -> AnyResponse:
    log.error("request_failed", path=request.path, exc_info=error)
    return _bare_problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def _bare_problem(status: HTTPStatus, **headers: str) -> AnyResponse:
    """A page that asks neither the session nor the database: one of them may be what went wrong."""
    message = MESSAGES.get(status.value, UNEXPECTED)
    page = render_template("console/problem.html", visitor=None, title=status.phrase, message=message)
    response = make_response(page, status)
    response.headers.update({name.replace("_", "-").title(): value for name, value in headers.items()})
    return response
