"""Is it alive, is it ready, what time is it there."""

from __future__ import annotations

from typing import Any

from flask import Response

from sentinel.api.answers import json_response
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.health import AliveView, NotReadyView
from sentinel.clock import utc_now
from sentinel.services.watching import health

EVERYBODY: list[dict[str, list[str]]] = [{}]
"""No key is asked for."""

blueprint = StrictBlueprint("health", __name__, description="Probes for whoever starts and balances processes")


def _ok(**more: Any) -> Response:
    return json_response({"status": "ok", "time": utc_now()} | more)


@blueprint.get("/health", endpoint="short")
@blueprint.get("/health/live", endpoint="live")
@blueprint.get("/ping", endpoint="ping")
@blueprint.response(200, AliveView)
@blueprint.doc(security=EVERYBODY)
def live() -> Response:
    """Answer while the process works; touches nothing shared, so that a slow database restarts no process."""
    return _ok()


@blueprint.get("/health/ready", endpoint="ready")
@blueprint.get("/ready", endpoint="ready_shortly")
@blueprint.response(200, AliveView)
@blueprint.alt_response(503, schema=NotReadyView, description="Names the parts that are down")
@blueprint.doc(security=EVERYBODY)
def ready() -> Response:
    """Answer 503, naming the part, when requests could not be stored."""
    down = health.parts_down()
    if down:
        return json_response({"status": "unavailable", "time": utc_now(), "down": down}, 503)
    return _ok()
