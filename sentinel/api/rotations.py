"""`/rotations`: who is on call, and who stands in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.fields import RemovalQuery
from sentinel.api.schemas.rotation import (
    DutyView,
    OnCallQuery,
    OverrideRequest,
    OverrideView,
    RotationListQuery,
    RotationReplacement,
    RotationRequest,
    RotationView,
    clock_of,
)
from sentinel.durations import parse_until
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.models import Rotation, RotationOverride
from sentinel.queries.named import Filter
from sentinel.schedules.rotation import Override
from sentinel.services.escalating import rotations
from sentinel.services.escalating.rotations import Written
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "endpoints:read", "endpoints:write"
"""Who may say where a client's messages go, may say whose turn it is."""

NAME = {"in": "path", "name": "rotation_name", "schema": {"type": "string"}, "description": "`name` of a rotation"}
OVERRIDE_ID = {
    "in": "path",
    "name": "override_id",
    "schema": {"type": "integer"},
    "description": "`id` of an override",
}
COLUMNS = tuple(name for name in RotationView().fields if name not in ("client", "handover"))
OVERRIDE_COLUMNS = tuple(OverrideView().fields)

blueprint = StrictBlueprint(
    "rotations", __name__, url_prefix="/rotations", description="Who is on call, and who stands in"
)
blueprint.before_request(require_credentials)


def view(row: Rotation, client: str) -> dict[str, Any]:
    """Show a rotation as `RotationView` has it."""
    return {name: getattr(row, name) for name in COLUMNS} | {"client": client, "handover": clock_of(row.handover)}


def override_view(row: RotationOverride) -> dict[str, Any]:
    """Show who stands in, as `OverrideView` has it."""
    return {name: getattr(row, name) for name in OVERRIDE_COLUMNS}


@blueprint.route("")
class RotationList(MethodView):
    """The rotations of a client."""

    @blueprint.arguments(RotationRequest())
    @blueprint.response(201, RotationView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Let members take turns. Days are counted on the local calendar, so a clock change moves no handover."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = rotations.create(uow, caller.client_id, body)
        response = json_response(view(made, caller.client_name), 201)
        response.headers["Location"] = url_for("rotations.RotationItem", rotation_name=made.name)
        return response

    @blueprint.arguments(RotationListQuery(), location="query")
    @blueprint.response(200, RotationView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List rotations in the order they were made.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            wanted = Filter(current_caller(uow, READ).client_id, query.get("name"), query.get("cursor", 0))
            rows, following = rotations.ROTATIONS.page(uow, wanted, size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


@blueprint.route("/<string:rotation_name>", parameters=[NAME])
class RotationItem(MethodView):
    """One rotation."""

    @blueprint.response(200, RotationView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, rotation_name: str) -> Response:
        """Show a rotation."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = rotations.ROTATIONS.get(uow, rotation_name, client_id=caller.client_id)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(RotationReplacement())
    @blueprint.response(200, RotationView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: tuple[Written, int], rotation_name: str) -> Response:
        """Replace a rotation; it holds from the next step on. 409 if it has changed since `version` was read."""
        written, version = body
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            changed = rotations.replace(uow, caller.client_id, rotation_name, written, version=version)
        return json_response(view(changed, caller.client_name))

    @blueprint.arguments(RemovalQuery(), location="query")
    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 409, 422, 503)
    def delete(self, query: dict[str, Any], rotation_name: str) -> Response:
        """Remove a rotation; 409 while escalation policies tell it, unless `force` is true."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            rotations.delete(uow, caller.client_id, rotation_name, force=query["force"])
        return Response(status=204)


@blueprint.route("/<string:rotation_name>/on-call", parameters=[NAME])
class OnCall(MethodView):
    """Whose turn it is."""

    @blueprint.arguments(OnCallQuery(), location="query")
    @blueprint.response(200, DutyView)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any], rotation_name: str) -> Response:
        """Say who is on call, now or `at` another time."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            at = _moment(query["at"], now=uow.now) if "at" in query else uow.now
            duty = rotations.on_call(uow, caller.client_id, rotation_name, at)
        return json_response(asdict(duty))


def _moment(text: str, *, now: datetime) -> datetime:
    try:
        return parse_until(text, now=now)
    except ValueError as error:
        remedy = 'write how long from now ("2d"), or a time with its offset ("2026-12-24T18:00:00Z")'
        raise InvalidInputError(FieldError("at", shown(text), str(error), remedy)) from None


@blueprint.route("/<string:rotation_name>/overrides", parameters=[NAME])
class OverrideList(MethodView):
    """Who stands in."""

    @blueprint.arguments(OverrideRequest())
    @blueprint.response(201, OverrideView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Override, rotation_name: str) -> Response:
        """Let somebody stand in, from now on unless `starts_at` says later. Of several, the one made last counts."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = rotations.override(uow, caller.client_id, rotation_name, body, by=caller.label)
        return json_response(override_view(made), 201)

    @blueprint.response(200, OverrideView(many=True))
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, rotation_name: str) -> Response:
        """List who stands in, now or later; what is over is not shown."""
        with unit_of_work() as uow:
            found = rotations.overrides(uow, current_caller(uow, READ).client_id, rotation_name)
        return json_response([override_view(each) for each in found])


@blueprint.route("/<string:rotation_name>/overrides/<int:override_id>", parameters=[NAME, OVERRIDE_ID])
class OverrideItem(MethodView):
    """One of those who stand in."""

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, rotation_name: str, override_id: int) -> Response:
        """Take back that somebody stands in."""
        with unit_of_work() as uow:
            rotations.delete_override(uow, current_caller(uow, WRITE).client_id, rotation_name, override_id)
        return Response(status=204)
