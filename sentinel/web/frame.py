"""What every page of the console is made with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from sentinel.web.addresses import own_page

LIVE_HEADER = "X-Live"
"""Sent by our script when a part of a page is fetched again: nobody clicked."""

MESSAGES = {
    400: "The request did not come from a page of this console.",
    403: "Your role does not allow that.",
    404: "There is no such page.",
    405: "That cannot be done here.",
    413: "That is too large.",
    429: "Too many tries.",
    503: "The database does not answer. Try again in a moment.",
}
UNEXPECTED = "Something went wrong on our side; the log of this process says what."


def page(template: str, status: HTTPStatus | int = HTTPStatus.OK, **values: Any) -> Response:
    """Answer with a page, or with a part of one."""
    return make_response(render_template(template, **values), status)


def see_other(endpoint: str, **values: Any) -> Response:
    """Lead to a page after something was done, so that loading it again does not do it again."""
    return redirect(url_for(endpoint, **values), code=HTTPStatus.SEE_OTHER)


def back_or(endpoint: str, **values: Any) -> Response:
    """Lead to the page of this console that a form names as `next`, else to `endpoint`."""
    wanted = request.form.get("next")
    return redirect(own_page(wanted), HTTPStatus.SEE_OTHER) if wanted else see_other(endpoint, **values)


def not_done(message: str) -> None:
    """Say on the next page that something was not done, and why."""
    g.is_not_done = True
    flash(message, "warning")


def problem_page(status: HTTPStatus, message: str | None = None) -> Response:
    """Say what went wrong, as a page."""
    message = message or MESSAGES.get(status.value, UNEXPECTED)
    return page("console/problem.html", status, title=status.phrase, message=message)


def bare_problem(status: HTTPStatus, **headers: str) -> Response:
    """A page that asks neither the session nor the database: one of them may be what went wrong."""
    message = MESSAGES.get(status.value, UNEXPECTED)
    g.is_bare = True
    response = page("console/problem.html", status, title=status.phrase, message=message)
    response.headers.update({name.replace("_", "-").title(): value for name, value in headers.items()})
    return response
