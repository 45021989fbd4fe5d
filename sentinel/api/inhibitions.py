"""`/inhibitions`: which alerts keep messages about others back while they fire."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.inhibition import InhibitionListQuery, InhibitionRequest, InhibitionView
from sentinel.api.silences import READ, WRITE
from sentinel.models import Inhibition
from sentinel.queries.inhibitions import Filter
from sentinel.services.muting import inhibitions
from sentinel.services.muting.inhibitions import Written
from sentinel.services.muting.matchers import read_all
from sentinel.services.unit_of_work import unit_of_work

INHIBITION_ID = {
    "in": "path",
    "name": "inhibition_id",
    "schema": {"type": "string", "format": "uuid"},
    "description": "`id` of an inhibition",
}

COLUMNS = ("id", "name", "equal", "created_at", "updated_at")

blueprint = StrictBlueprint(
    "inhibitions", __name__, url_prefix="/inhibitions", description="Alerts that keep messages about others back"
)
blueprint.before_request(require_credentials)


def view(row: Inhibition, client: str) -> dict[str, Any]:
    """Show an inhibition as `InhibitionView` has it."""
    sides = {side: [asdict(each) for each in read_all(getattr(row, side))] for side in ("source", "target")}
    return {name: getattr(row, name) for name in COLUMNS} | sides | {"client": client}


@blueprint.route("")
class InhibitionList(MethodView):
    """The inhibitions of a client."""

    @blueprint.arguments(InhibitionRequest())
    @blueprint.response(201, InhibitionView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """While an alert fires that `source` matches, end messages about what `target` matches as `inhibited`.

        Source and target must have the labels in `equal` alike; a label that both lack is alike.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            row = inhibitions.create(uow, caller.client_id, body)
        response = json_response(view(row, caller.client_name), 201)
        response.headers["Location"] = url_for("inhibitions.InhibitionItem", inhibition_id=row.id)
        return response

    @blueprint.arguments(InhibitionListQuery(), location="query")
    @blueprint.response(200, InhibitionView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List inhibitions by name.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            wanted = Filter(caller.client_id, query.get("cursor"))
            rows, following = inhibitions.page(uow, wanted, size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


@blueprint.route("/<string:inhibition_id>", parameters=[INHIBITION_ID])
class InhibitionItem(MethodView):
    """One inhibition."""

    @blueprint.response(200, InhibitionView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, inhibition_id: str) -> Response:
        """Show an inhibition."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            row = inhibitions.get(uow, inhibition_id, client_id=caller.client_id)
        return json_response(view(row, caller.client_name))

    @blueprint.arguments(InhibitionRequest())
    @blueprint.response(200, InhibitionView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: Written, inhibition_id: str) -> Response:
        """Replace an inhibition; it holds from the next batch of events on."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            row = inhibitions.change(uow, caller.client_id, inhibition_id, body)
        return json_response(view(row, caller.client_name))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, inhibition_id: str) -> Response:
        """Remove an inhibition. What it held back stays so; what comes now is told."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            inhibitions.delete(uow, caller.client_id, inhibition_id)
        return Response(status=204)
