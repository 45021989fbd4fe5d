"""`/endpoints`: where clients, their rules and their users want messages."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api import notifications
from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.endpoint import (
    EndpointListQuery,
    EndpointReplacement,
    EndpointRequest,
    EndpointSwitch,
    EndpointView,
    SecretEndpointView,
)
from sentinel.api.schemas.fields import RemovalQuery
from sentinel.api.schemas.notification import NotificationView
from sentinel.models import Endpoint
from sentinel.queries.endpoints import Filter
from sentinel.sealing import unseal
from sentinel.services import endpoints
from sentinel.services.endpoints import Written
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "endpoints:read", "endpoints:write"

ENDPOINT_ID = {
    "in": "path",
    "name": "endpoint_id",
    "schema": {"type": "integer"},
    "description": "`id` of an endpoint",
}

VIEW_NAMES = tuple(name for name in EndpointView().fields if name not in ("client", "has_secret"))

blueprint = StrictBlueprint(
    "endpoints", __name__, url_prefix="/endpoints", description="Where clients, rules and users want messages"
)
blueprint.before_request(require_credentials)


def view(endpoint: Endpoint, client: str) -> dict[str, Any]:
    """Show an endpoint as `EndpointView` has it."""
    shown = {name: getattr(endpoint, name) for name in VIEW_NAMES}
    return shown | {"client": client, "has_secret": endpoint.secret is not None}


def secret_view(endpoint: Endpoint, client: str) -> dict[str, Any]:
    """Show an endpoint with its secret, which is told once."""
    return view(endpoint, client) | {"secret": endpoint.secret and unseal(endpoint.secret)}


@blueprint.route("")
class EndpointList(MethodView):
    """The endpoints of a client."""

    @blueprint.arguments(EndpointRequest())
    @blueprint.response(201, SecretEndpointView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Make an endpoint. A webhook gets a secret that signs what is sent to it; this answer alone shows it."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = endpoints.create(uow, caller.client_id, body)
        response = json_response(secret_view(made, caller.client_name), 201)
        response.headers["Location"] = url_for("endpoints.EndpointItem", endpoint_id=made.id)
        return response

    @blueprint.arguments(EndpointListQuery(), location="query")
    @blueprint.response(200, EndpointView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List endpoints in the order they were made.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            names = ("rule_id", "user_id", "name", "channel", "is_enabled")
            narrowed = {name: query[name] for name in names if name in query}
            wanted = Filter(caller.client_id, after=query.get("cursor", 0), **narrowed)
            rows, following = endpoints.page(uow, wanted, size=query["limit"])
        return paged([view(row, caller.client_name) for row in rows], size=query["limit"], following=following)


@blueprint.route("/<int:endpoint_id>", parameters=[ENDPOINT_ID])
class EndpointItem(MethodView):
    """One endpoint."""

    @blueprint.response(200, EndpointView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, endpoint_id: int) -> Response:
        """Show an endpoint; its secret is not shown again."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = endpoints.get(uow, endpoint_id, client_id=caller.client_id)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(EndpointReplacement())
    @blueprint.response(200, EndpointView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: tuple[Written, int], endpoint_id: int) -> Response:
        """Replace an endpoint. 409 if it has changed since `version` was read. A webhook keeps its secret."""
        written, version = body
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            changed = endpoints.change(uow, caller.client_id, endpoint_id, written, version=version)
        return json_response(view(changed, caller.client_name))

    @blueprint.arguments(EndpointSwitch())
    @blueprint.response(200, EndpointView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def patch(self, body: dict[str, Any], endpoint_id: int) -> Response:
        """Enable or disable an endpoint; with `version`, only if it has not changed since."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            changed = endpoints.switch(uow, caller.client_id, endpoint_id, **body)
        return json_response(view(changed, caller.client_name))

    @blueprint.arguments(RemovalQuery(), location="query")
    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 409, 422, 503)
    def delete(self, query: dict[str, Any], endpoint_id: int) -> Response:
        """Remove an endpoint; 409 while enabled rules name it, unless `force` is true."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            endpoints.delete(uow, caller.client_id, endpoint_id, force=query["force"])
        return Response(status=204)


@blueprint.route("/<int:endpoint_id>/rotate-secret", parameters=[ENDPOINT_ID])
class EndpointSecret(MethodView):
    """A new secret."""

    @blueprint.response(200, SecretEndpointView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, endpoint_id: int) -> Response:
        """Give a webhook a new secret, shown in this answer alone; messages are signed with it from now on."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            changed = endpoints.rotate_secret(uow, caller.client_id, endpoint_id)
        return json_response(secret_view(changed, caller.client_name))


@blueprint.route("/<int:endpoint_id>/test", parameters=[ENDPOINT_ID])
class EndpointTest(MethodView):
    """Does it arrive."""

    @blueprint.response(202, NotificationView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(401, 403, 404, 409, 415, 422, 503)
    def post(self, endpoint_id: int) -> Response:
        """Send a message marked [TEST] to an endpoint, enabled or not, on the way that all messages go.

        The answer is the notification; look it up again, or its timeline, to see what became of it.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            row = endpoints.try_out(uow, caller, endpoint_id)
        response = json_response(notifications.view(row, caller.client_name), 202)
        response.headers["Location"] = url_for("notifications.NotificationItem", notification_id=row["id"])
        return response
