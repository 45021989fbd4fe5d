"""The pages behind links in messages. To look at one does nothing: scanners of mail follow every link."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from sentinel.logs import get_logger
from sentinel.services.escalating import acting
from sentinel.services.escalating.acting import SNOOZES_MINUTES, Action, Seen, Trouble
from sentinel.services.escalating.links import PATH
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.addresses import relative
from sentinel.web.headers import HEADERS as CONSOLE_HEADERS

log = get_logger(__name__)

# The address is what lets one act, so it is told to nobody: neither to files of this page nor to search engines.
HEADERS = CONSOLE_HEADERS | {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}

MESSAGES = {
    HTTPStatus.NOT_FOUND: "This link is not complete, or it does not come from here. Copy all of it from the message.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer. Nothing was done; try again in a moment.",
}
NOT_DONE = "That could not be done. Nothing has changed; go back and try again."

STATUS_OF = {Trouble.USED: HTTPStatus.GONE, Trouble.EXPIRED: HTTPStatus.GONE, Trouble.SUPERSEDED: HTTPStatus.GONE}

NAME = "ticket-links"

blueprint = Blueprint(NAME, __name__, template_folder="templates", url_prefix=PATH)


@blueprint.after_request
def harden(response: Response) -> Response:
    """Say what a browser may do with these pages."""
    response.headers.update(HEADERS)
    return response


@blueprint.get("/<string:token>")
def show(token: str) -> AnyResponse:
    """Show the ticket of a link, and the buttons that still do something."""
    with unit_of_work() as uow:
        seen = acting.look(uow, token)
        return _problem(HTTPStatus.NOT_FOUND) if seen is None else _shown(seen, token)


@blueprint.post("/<string:token>")
def act(token: str) -> AnyResponse:
    """Do what a button says, once; the page then says how the ticket stands."""
    action, minutes = request.form.get("action", ""), request.form.get("minutes", str(SNOOZES_MINUTES[0]))
    if action not in set(Action) or minutes not in map(str, SNOOZES_MINUTES):
        return _problem(HTTPStatus.BAD_REQUEST)
    with unit_of_work() as uow:
        is_done = acting.act(uow, token, Action(action), minutes=int(minutes))
    log.info("ticket_link_used", action=action, is_done=is_done)
    return redirect(relative(url_for(f"{NAME}.show", token=token)), code=HTTPStatus.SEE_OTHER)


def _shown(seen: Seen, token: str) -> AnyResponse:
    status = STATUS_OF.get(seen.trouble, HTTPStatus.OK) if seen.trouble else HTTPStatus.OK
    return _page("console/ticket_link.html", status, seen=seen, token=token, snoozes=SNOOZES_MINUTES)


def _problem(status: HTTPStatus) -> AnyResponse:
    return _page("console/link_problem.html", status, title=status.phrase, message=MESSAGES.get(status, NOT_DONE))


def _page(template: str, status: HTTPStatus, **values: Any) -> AnyResponse:
    return make_response(render_template(template, visitor=None, **values), status)


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> AnyResponse:
    return _problem(HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR))


@blueprint.errorhandler(OperationalError)
@blueprint.errorhandler(InterfaceError)
@blueprint.errorhandler(PoolTimeoutError)
def _database_away(error: Exception) -> AnyResponse:
    log.error("database_unavailable", path=str(request.url_rule), error=type(error).__name__)
    response = _problem(HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = "2"
    return response


@blueprint.errorhandler(Exception)
def _unexpected(error: Exception) -> AnyResponse:
    log.error("request_failed", path=str(request.url_rule), exc_info=error)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)
