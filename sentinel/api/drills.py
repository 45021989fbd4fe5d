"""`/drills`: messages that test, at set times, whether people are reached."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.drill import DrillListQuery, DrillRequest, DrillRunListQuery, DrillRunView, DrillView
from sentinel.models import Drill, DrillRun
from sentinel.services.proving import drill_runs, drills
from sentinel.services.proving.drills import Written
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "drills:read", "drills:write"

NAME = {
    "in": "path",
    "name": "drill",
    "schema": {"type": "string", "maxLength": 100},
    "description": "the name of a drill: letters, digits and . _ : -",
}
COLUMNS = tuple(name for name in DrillView().fields if name != "client")
RUN_COLUMNS = tuple(name for name in DrillRunView().fields if name not in ("client", "drill"))

blueprint = StrictBlueprint("drills", __name__, url_prefix="/drills", description="Whether people are reached")
blueprint.before_request(require_credentials)


def view(row: Drill, client: str) -> dict[str, Any]:
    """Show a drill as `DrillView` has it."""
    return {name: getattr(row, name) for name in COLUMNS} | {"client": client}


def run_view(row: DrillRun, drill: str, client: str) -> dict[str, Any]:
    """Show a run as `DrillRunView` has it."""
    return {name: getattr(row, name) for name in RUN_COLUMNS} | {"client": client, "drill": drill}


@blueprint.route("")
class DrillList(MethodView):
    """The drills of a client."""

    @blueprint.arguments(DrillListQuery(), location="query")
    @blueprint.response(200, DrillView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List drills by name.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = drills.page(uow, caller.client_id, after=query.get("cursor"), size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


@blueprint.route("/<string:drill>", parameters=[NAME])
class DrillItem(MethodView):
    """One drill."""

    @blueprint.response(200, DrillView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, drill: str) -> Response:
        """Show a drill."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = drills.get(uow, caller.client_id, drill)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(DrillRequest())
    @blueprint.response(200, DrillView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: Written, drill: str) -> Response:
        """Define a drill, or define it anew: one begins with each interval of its schedule."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = drills.put(uow, caller.client_id, drill, body)
        return json_response(view(found, caller.client_name))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, drill: str) -> Response:
        """Remove a drill with its history."""
        with unit_of_work() as uow:
            drills.delete(uow, current_caller(uow, WRITE).client_id, drill)
        return Response(status=204)


@blueprint.route("/<string:drill>/run", parameters=[NAME])
class DrillStart(MethodView):
    """A drill that is held now."""

    @blueprint.response(202, DrillRunView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, drill: str) -> Response:
        """Hold a drill now: each target gets one message marked [TEST]. It is judged at `due_at`."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            run = drill_runs.run_now(uow, caller, drill)
            shown = run_view(run, drill, caller.client_name)
        return json_response(shown, 202)


@blueprint.route("/<string:drill>/runs", parameters=[NAME])
class DrillHistory(MethodView):
    """A drill as it was held before."""

    @blueprint.arguments(DrillRunListQuery(), location="query")
    @blueprint.response(200, DrillRunView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any], drill: str) -> Response:
        """List the runs of a drill, newest first: who was reached in time, and who was not.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        cursor = query.get("cursor")
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            before = str(cursor) if cursor else None
            rows, following = drill_runs.history(uow, caller.client_id, drill, before=before, size=query["limit"])
        shown = [run_view(row, drill, caller.client_name) for row in rows]
        return paged(shown, size=query["limit"], following=following)
