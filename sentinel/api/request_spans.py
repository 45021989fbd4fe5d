"""Each request as a span that continues its caller's trace. Installed only where traces are recorded.

OpenTelemetry's own instrumentation of Flask would write down paths and queries, with the addresses of people in them.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, g, request

from sentinel import tracing
from sentinel.tracing import FIELD

UNSEEN = frozenset({"health", "metrics"})
"""Blueprints that are asked every few seconds, and say nothing of a message."""


def install(app: Flask) -> None:
    """Stand behind the ids of requests, and before everything else."""
    app.before_request(_begin)
    app.after_request(_note)
    app.teardown_request(_end)


def _begin() -> None:
    if request.blueprint in UNSEEN:
        return
    known = {"http.request.method": request.method}
    if request.url_rule is not None:
        known["http.route"] = request.url_rule.rule
    name = " ".join(known.values())
    g.span = tracing.continued(name, request.headers.get(FIELD), kind="server", attributes=known)
    g.span.__enter__()


def _note(response: Response) -> Response:
    if request.blueprint not in UNSEEN:
        is_ours = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        failure = str(response.status_code) if is_ours else None
        tracing.note({"http.response.status_code": response.status_code}, failure=failure)
    return response


def _end(_: BaseException | None) -> None:
    if span := g.pop("span", None):
        span.__exit__(None, None, None)
