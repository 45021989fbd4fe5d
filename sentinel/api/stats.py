"""`/stats`: how many tickets there are of each severity."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.ticket import ClientQuery, StatsView
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import stats

blueprint = StrictBlueprint("stats", __name__, url_prefix="/stats", description="Tickets by severity")
blueprint.before_request(require_credentials)


@blueprint.route("")
class Stats(MethodView):
    """Four numbers."""

    @blueprint.arguments(ClientQuery(), location="query")
    @blueprint.response(200, StatsView)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, _: dict[str, Any]) -> Response:
        """Count a client's tickets by severity, whatever their status."""
        with unit_of_work() as uow:
            caller = current_caller(uow, "tickets:read")
            found = stats.tickets_by_severity(uow, caller.client_id)
        return json_response(found)
