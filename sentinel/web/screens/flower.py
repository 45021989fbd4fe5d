"""Flower behind this login: operators look at tasks one by one; what admins do to workers there is written down."""

from __future__ import annotations

import base64
import hashlib
import string
from http import HTTPStatus
from urllib.parse import quote, urlencode

from flask import Blueprint, current_app, request
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge
from werkzeug.wrappers import Response

from sentinel.json_bounds import is_storable
from sentinel.logs import get_logger
from sentinel.settings import Settings, get_settings
from sentinel.web import flower_relay
from sentinel.web.access import acting, acts, asks, needs
from sentinel.web.flower_relay import PREFIX, Answer, FlowerAwayError, FlowerSilentError, PageTooLargeError, Question
from sentinel.web.frame import problem_page
from sentinel.web.headers import HEADERS

log = get_logger(__name__)

TOKEN_COOKIE = "_xsrf"  # noqa: S105 - a name
"""What Flower's script sends back in X-XSRFToken with each POST: our own token, so that our guard knows the page."""

OWN_LINES = tuple(f"\nvar autorefresh = {is_on};\n" for is_on in (0, 1))
"""The only script that stands in a page of Flower itself."""

QUOTED = string.punctuation
"""What stands in the arguments of an address as it is; `%` too, for what was quoted stays so."""

LARGEST_FORM = 64 * 1024
LONGEST_VALUE = 100

API = "/api/"

ACTIONS = (
    "worker/shutdown",
    "worker/pool/restart",
    "worker/pool/grow",
    "worker/pool/shrink",
    "worker/pool/autoscale",
    "worker/queue/add-consumer",
    "worker/queue/cancel-consumer",
    "task/timeout",
    "task/rate-limit",
    "task/revoke",
)
"""What Flower's own buttons do. It could also start tasks of any name: nobody needs that from here."""

blueprint = Blueprint("flower", __name__, url_prefix=PREFIX)


def _policy() -> str:
    """Flower sets styles in its tables, and one variable in a page; nothing else than that may run there."""
    hashes = (base64.b64encode(hashlib.sha256(line.encode()).digest()).decode() for line in OWN_LINES)
    scripts = " ".join(f"'sha256-{each}'" for each in hashes)
    ours = HEADERS["Content-Security-Policy"]
    return ours.replace("script-src 'self'", f"script-src 'self' {scripts}").replace(
        "style-src 'self'", "style-src 'self' 'unsafe-inline'"
    )


POLICY = _policy()


class RefusedError(Exception):
    """Flower did not do it; its answer says why."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@blueprint.get("/")
@needs("operator")
def home() -> Response:
    """Show Flower's first page."""
    return _relayed("/")


@blueprint.get("/<path:path>")
@needs("operator")
def show(path: str) -> Response:
    """Show any other page of Flower, and what belongs to it."""
    return _relayed(f"/{path}")


@blueprint.post("/tasks/datatable")
@asks
@needs("operator")
def list_tasks() -> Response:
    """Answer the table of tasks, which asks by POST."""
    return _relayed("/tasks/datatable")


@blueprint.post("/api/<path:path>")
@acts("admin")
def act(path: str) -> Response:
    """Do what one of Flower's buttons says."""
    action = next((each for each in ACTIONS if path.startswith(f"{each}/")), None)
    if action is None:
        raise NotFound
    _check_what_is_told(path)
    subject = f"{action.partition('/')[0]} {path.removeprefix(f'{action}/')}"
    told = {name: value[:LONGEST_VALUE] for name, value in request.form.items() if name != "csrf_token"}
    verb = f"flower.{action.replace('/', '_').replace('-', '_')}"
    try:
        with acting(verb, subject, **told):
            response = _relayed(f"{API}{path}")
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                raise RefusedError(response)  # noqa: TRY301 - so that nothing is written down
    except RefusedError as refusal:
        response = refusal.response
    except FlowerSilentError as error:
        with acting(verb, subject, **told | {"answer": "none"}):
            response = _away(error)
    return response


def _check_what_is_told(path: str) -> None:
    """Refuse what the trail could not tell: what stands in the address beside the form, and what no row can keep."""
    if request.query_string:
        raise BadRequest("An action says what it is about in its form, and nothing behind the address.")
    if not all(map(is_storable, (path, *(text for pair in request.form.items(multi=True) for text in pair)))):
        raise BadRequest("A name or value has characters that cannot be stored, for example NUL.")


def _relayed(path: str) -> Response:
    settings: Settings = current_app.config["SENTINEL"]
    try:
        answer = flower_relay.ask(_question(path), settings)
    except FlowerSilentError as error:
        if request.method == "POST" and path.startswith(API):  # it may be done: who acts writes that down
            raise
        return _away(error)
    except FlowerAwayError as error:
        return _away(error)
    except PageTooLargeError as error:
        return problem_page(HTTPStatus.BAD_GATEWAY, f"{error}.")
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    if answer.status == HTTPStatus.UNAUTHORIZED and is_page:
        message = "Flower does not let the console in: give the API the SENTINEL_FLOWER_BASIC_AUTH that Flower has."
        return problem_page(HTTPStatus.BAD_GATEWAY, message)
    return _response(answer, is_page=is_page)


def _away(error: FlowerAwayError) -> Response:
    log.warning("flower_away", error=str(error))
    remedy = "Run `sentinel flower`, or say with SENTINEL_FLOWER_URL where it is. Everything else works without it."
    return problem_page(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}. {remedy}")


def _question(path: str) -> Question:
    if (request.content_length or 0) > LARGEST_FORM:
        raise RequestEntityTooLarge
    # Browsers quote most of what is not ASCII, but not all of them all of it: a request has no place for raw bytes.
    arguments = quote(request.query_string, safe=QUOTED)
    address = quote(path, safe="/@:~") + (f"?{arguments}" if arguments else "")
    # The guard has read the form to look for our token, so it is written again.
    body = urlencode(list(request.form.items(multi=True))).encode() if request.method == "POST" else None
    return Question(request.method, address, dict(request.headers), body)


def _response(answer: Answer, *, is_page: bool) -> Response:
    response = Response(answer.body, answer.status)
    response.headers.update({name: value for name, value in answer.headers.items() if not (is_page and name == "ETag")})
    if answer.location:
        response.headers["Location"] = answer.location
    response.headers["Content-Security-Policy"] = POLICY
    if is_page:
        is_https = get_settings().public_base_url.startswith("https://")
        response.set_cookie(TOKEN_COOKIE, generate_csrf(), path=PREFIX, samesite="Strict", secure=is_https)
    return response
