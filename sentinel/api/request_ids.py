"""Each request has an id, its caller's or a new one: it is in the answer, and in every line logged meanwhile."""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack

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
    given = request.headers.get(HEADER)
    g.request_id = given if given and FORM.fullmatch(given) else secrets.token_hex(16)
    g.around = ExitStack()
    g.around.callback(say_with(request_id=g.request_id))


def _answer(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    return response


def _end(_: BaseException | None) -> None:
    if "around" in g:
        g.around.close()
