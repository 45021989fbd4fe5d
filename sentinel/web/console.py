"""The console: its screens behind one login, and what goes wrong there told as pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFError, CSRFProtect
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as AnyResponse

from sentinel.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from sentinel.logs import get_logger
from sentinel.services.access.login_throttle import LoginThrottle
from sentinel.settings import Settings
from sentinel.web import login, sessions
from sentinel.web.access import asks, check_access, may, visitor
from sentinel.web.addresses import BELOW, HOME, own_page, relative
from sentinel.web.forms import LoginForm, form_id
from sentinel.web.frame import MESSAGES, bare_problem, page, problem_page
from sentinel.web.headers import HEADERS
from sentinel.web.letters import place_of
from sentinel.web.navigation import navigation
from sentinel.web.paging import here
from sentinel.web.screens import SCREENS
from sentinel.web.words import install_words

log = get_logger(__name__)

STALE = (
    "This page was open for too long, or your browser keeps no cookies of it. Try again; "
    "it works on the address that PUBLIC_BASE_URL names."
)

OPEN = frozenset({"console.login", "console.check_login", "console.make_first_user", "console.static"})
"""What needs no login."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""What browsers and scripts ask by."""

FIXED = {HOME: {"GET"}, BELOW: set(), "/login": {"GET", "POST"}, "/logout": {"POST"}, "/first-user": {"POST"}}
"""Addresses that are not matched by what begins with the console's, and what their pages know."""

csrf = CSRFProtect()
blueprint = Blueprint(
    "console", __name__, template_folder="templates", static_folder="static", static_url_path="/console/assets"
)


def install_console(app: Flask, settings: Settings) -> None:
    """Add the console to the application."""
    # Only its own pages are guarded by tokens: the API takes no cookie, so nobody can ride on one there.
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    app.config["WTF_CSRF_HEADERS"] = ["X-CSRFToken", "X-XSRFToken"]  # the second is Flower's
    app.extensions["sentinel-logins"] = LoginThrottle(settings)
    sessions.install_sessions(app, settings)
    csrf.init_app(app)
    app.static_url_path = "/static"  # Bootstrap-Flask puts its own files below it
    Bootstrap5(app)
    app.add_template_filter(relative)
    install_words(app)
    app.jinja_env.globals.update(may=may, navigation=navigation, here=here, place_of=place_of, form_id=form_id)
    app.register_blueprint(blueprint)


@blueprint.before_request
def guard() -> AnyResponse | None:
    """Let in who may: everything that is not `OPEN` needs a login, and what changes something a token and a role."""
    endpoint = request.endpoint or ""
    if current_app.secret_key is None and endpoint != "console.static":  # no key, no sessions
        return page("console/no_key.html", HTTPStatus.SERVICE_UNAVAILABLE)
    if endpoint not in OPEN and visitor() is None:
        unauthorized: AnyResponse = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        return unauthorized
    csrf.protect()
    if endpoint not in OPEN:
        check_access(current_app.view_functions[endpoint])
    return None


@blueprint.after_request
def harden(response: Response) -> Response:
    """Say what a browser may do with these pages; a page that needs it otherwise has said so."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@blueprint.context_processor
def _known_to_all() -> dict[str, Any]:
    return {"visitor": visitor()}


blueprint.get("/login")(login.login)
blueprint.post("/login")(login.check_login)
blueprint.post("/first-user")(login.make_first_user)
blueprint.post("/logout")(asks(login.logout))

for screen in SCREENS:
    blueprint.register_blueprint(screen)


@asks
def missing(_page: str = "") -> AnyResponse:
    """Whatever else is asked of the console's addresses, answered by a page and not by JSON."""
    known = [method for method in METHODS if _is_known(method)]
    if not known:
        return problem_page(HTTPStatus.NOT_FOUND)
    response = problem_page(HTTPStatus.METHOD_NOT_ALLOWED)
    response.headers["Allow"] = ", ".join(known)
    return response


def _is_known(method: str) -> bool:
    """Whether a page has this address by another method."""
    try:
        endpoint, _ = current_app.url_map.bind_to_environ(request.environ).match(method=method)
    except RequestRedirect:  # only a slash is missing
        return True
    return current_app.view_functions[endpoint] is not missing


blueprint.add_url_rule(f"{BELOW}<path:_page>", view_func=missing, methods=METHODS)
for place, (address, own_methods) in enumerate(FIXED.items()):
    others = [method for method in METHODS if method not in own_methods]
    blueprint.add_url_rule(address, f"missing_{place}", missing, methods=others)


@blueprint.errorhandler(CSRFError)
def _without_token(error: CSRFError) -> AnyResponse:
    log.warning("csrf_refused", path=request.path, error=error.description)
    if request.endpoint == "console.check_login":
        form = LoginForm(formdata=None, next=own_page(request.form.get("next")))
        return login.login_page(form, problem=STALE, status=HTTPStatus.BAD_REQUEST)
    return problem_page(HTTPStatus.BAD_REQUEST)


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> AnyResponse:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    # What a view says of a refusal is said; what Werkzeug says of every such refusal only where we have no words.
    usual = default_exceptions[error.code].description if error.code in default_exceptions else None
    is_usual = error.description == usual and status.value in MESSAGES
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return problem_page(status, None if is_usual or is_ours else error.description)


@blueprint.errorhandler(NotFoundError)
def _not_found(error: NotFoundError) -> AnyResponse:
    return problem_page(HTTPStatus.NOT_FOUND, str(error))


@blueprint.errorhandler(ForbiddenError)
def _forbidden(error: ForbiddenError) -> AnyResponse:
    return problem_page(HTTPStatus.FORBIDDEN, str(error))


@blueprint.errorhandler(ConflictError)
def _conflict(error: ConflictError) -> AnyResponse:
    return problem_page(HTTPStatus.CONFLICT, str(error))


@blueprint.errorhandler(InvalidInputError)
def _invalid(error: InvalidInputError) -> AnyResponse:
    return problem_page(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


@blueprint.errorhandler(OperationalError)
@blueprint.errorhandler(InterfaceError)
@blueprint.errorhandler(PoolTimeoutError)
def _database_away(error: Exception) -> AnyResponse:
    log.error("database_unavailable", path=request.path, error=type(error).__name__)
    return bare_problem(HTTPStatus.SERVICE_UNAVAILABLE, retry_after="2")


@blueprint.errorhandler(RedisError)
def _redis_away(error: RedisError) -> AnyResponse:
    log.error("redis_unavailable", path=request.path, error=type(error).__name__)
    return problem_page(HTTPStatus.SERVICE_UNAVAILABLE, "Redis does not answer. Try again in a moment.")


@blueprint.errorhandler(Exception)
def _unexpected(error: Exception) -> AnyResponse:
    log.error("request_failed", path=request.path, exc_info=error)
    return bare_problem(HTTPStatus.INTERNAL_SERVER_ERROR)
