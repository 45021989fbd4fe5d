"""Each request has an id, its caller's or a new one: it is in the answer, and in every line logged meanwhile."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, request

from sentinel.logs import say_with

HEADER = "X-Request-Id"
FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
"""What others use as ids; anything else is not repeated in logs and answers."""


def install(app: Flask) -> None:
    """Stand before everything else that looks at a request."""
    app.before_request(_begin)
    app.after_request(_answer)
    app.teardown_request(_end)


def _begin() -> None:
    given = request.environ.get("HTTP_X_REQUEST_ID")  # Flask's headers would be an object made for this one look
    request_id = given if given and FORM.fullmatch(given) else secrets.token_hex(16)
    g.request_id, g.forget_id = request_id, say_with(request_id=request_id)


def _answer(response: Response) -> Response:
    response.headers.add(HEADER, g.request_id)
    return response


def _end(_: BaseException | None) -> None:
    if forget := g.pop("forget_id", None):
        forget()
