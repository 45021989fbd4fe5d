"""`/metrics` for Prometheus: whatever all processes have counted, and how things stand."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, current_app, g, request
from prometheus_client.exposition import choose_encoder

from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.exposition import Exposition
from sentinel.services.access.clients import ADMIN
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import gauges
from sentinel.settings import Settings

blueprint = Blueprint("metrics", __name__)
blueprint.before_request(require_credentials)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with every metric, in the format that the reader asks for."""
    settings: Settings = current_app.config["SENTINEL"]
    if "Authorization" in request.headers and not _has_token(settings):
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)  # they tell of all clients
    counted, redis_up = gauges.counters()
    exposition = Exposition(counted, gauges.get_gauges().read() | redis_up, by_client=settings.metrics_by_client)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(exposition), content_type=content_type)


def _has_token(settings: Settings) -> bool:
    """Whether the reader shows SENTINEL_METRICS_TOKEN, which works while the database is away."""
    if settings.metrics_token is None:
        return False
    expected = f"Bearer {settings.metrics_token.get_secret_value()}"
    g.has_valid_key = hmac.compare_digest(request.headers["Authorization"].encode(), expected.encode())
    return bool(g.has_valid_key)
