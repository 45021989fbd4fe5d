"""Bodies of whoever: a stranger that sends one byte and then nothing must not hold all threads of the server.

The server reads a body when the application asks for it, in one of its few threads and without any limit of time
(https://github.com/emmett-framework/granian/issues/728). Callers with a key are known before that (`api/auth.py`). All
others together have half of the threads.
"""

from __future__ import annotations

import threading
from http import HTTPStatus

from flask import Flask, Response, g, request

from sentinel.api.blueprints import outermost
from sentinel.api.errors import error_response
from sentinel.api.parsing import BODY_METHODS, CALLBACKS, CONSOLE, SENDERS, TICKET_LINKS
from sentinel.settings import Settings

FOR_STRANGERS = frozenset({CALLBACKS, CONSOLE, TICKET_LINKS}) | SENDERS
"""Blueprints that must read a body to know who sends it: it is signed, or has a key or a password in it."""


class Strangers:
    """The places that requests of unknown origin have in one process."""

    def __init__(self, settings: Settings) -> None:
        self._places = threading.BoundedSemaphore(max(1, settings.api_threads // 2))

    def install(self, app: Flask) -> None:
        """Take a place before the body is read, give it back when the request is over."""
        app.before_request(self._enter)
        app.teardown_request(self._leave)

    def _enter(self) -> Response | None:
        if outermost() not in FOR_STRANGERS or request.method not in BODY_METHODS:
            return None
        g.has_place = self._places.acquire(blocking=False)
        if g.has_place:
            return None
        message = "Too many requests of unknown origin bring their bodies at this moment; repeat this one."
        response = error_response(HTTPStatus.SERVICE_UNAVAILABLE, message)
        response.headers["Retry-After"] = "1"
        return response

    def _leave(self, _error: BaseException | None) -> None:
        if g.pop("has_place", False):
            self._places.release()
