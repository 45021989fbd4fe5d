"""Is it alive, is it ready, what time is it there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from sentinel.api.answers import json_response
from sentinel.clock import utc_now
from sentinel.services import health

blueprint = Blueprint("health", __name__)


def _ok(**more: Any) -> Response:
    return json_response({"status": "ok", "time": utc_now()} | more)


@blueprint.get("/health")
@blueprint.get("/health/live")
@blueprint.get("/ping")
def live() -> Response:
    """Answer while the process works; touches nothing shared, so that a slow database restarts no process."""
    return _ok()


@blueprint.get("/health/ready")
@blueprint.get("/ready")
def ready() -> Response:
    """Answer 503, naming the part, when requests could not be stored."""
    down = health.parts_down()
    if down:
        return json_response({"status": "unavailable", "time": utc_now(), "down": down}, 503)
    return _ok()
