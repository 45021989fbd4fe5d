"""Answers: JSON by orjson, and the original one again for a repeated request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from flask import Response, request
from werkzeug.datastructures import Headers

from sentinel.security import request_hash
from sentinel.services.access.clients import Caller
from sentinel.services.idempotency import Answer, Repeatable
from sentinel.services.unit_of_work import UnitOfWork

JSON = "application/json"


class Data(Response):
    """JSON of ours. Its headers are complete and ASCII as they were set, so they are not gone through once more."""

    def get_wsgi_headers(self, environ: dict[str, Any]) -> Headers:
        """Hand out the headers as they are."""
        del environ
        return self.headers


def dumps(value: Any) -> bytes:
    """Write JSON; times as RFC 3339 with `Z`."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def json_response(value: Any, status: int = 200) -> Response:
    """Answer with `value` as JSON."""
    return Data(dumps(value), status=status, content_type=JSON)


def once(uow: UnitOfWork, caller: Caller, read: Callable[[], Any], make: Callable[[], Answer]) -> Response:
    """Answer a request; under an Idempotency-Key seen before, with the original answer and without doing it again.

    `read` returns what was asked for; it is called only to tell two requests under one key apart.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return answered(make())
    meaning = orjson.dumps(read(), default=str, option=orjson.OPT_SORT_KEYS)
    hashed = request_hash(request.method.encode(), request.path.encode(), meaning)
    repeatable = Repeatable(caller.client_id, key, hashed)
    original = repeatable.original(uow)
    if original is not None:
        response = answered(original)
        response.headers["Idempotent-Replayed"] = "true"
        return response
    answer = make()
    repeatable.remember(uow, answer)
    return answered(answer)


def answered(answer: Answer) -> Response:
    """Answer with a finished answer."""
    response = Data(answer.body, status=answer.status, content_type=JSON)
    if answer.location is not None:
        response.headers["Location"] = answer.location
    return response
