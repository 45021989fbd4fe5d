"""`/clients`: the tenants, for operators."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.client import ClientChange, ClientRequest, ClientView
from sentinel.api.schemas.fields import NumberedPageQuery
from sentinel.models import Client
from sentinel.services.access import clients
from sentinel.services.access.clients import ADMIN
from sentinel.services.unit_of_work import unit_of_work

CLIENT_ID = {"in": "path", "name": "client_id", "schema": {"type": "integer"}, "description": "`id` of a client"}

VIEW_NAMES = tuple(ClientView().fields)

blueprint = StrictBlueprint("clients", __name__, url_prefix="/clients", description="Tenants; takes the scope `admin`")
blueprint.before_request(require_credentials)


def view(client: Client) -> dict[str, Any]:
    """Show a client as `ClientView` has it."""
    return {name: getattr(client, name) for name in VIEW_NAMES}


@blueprint.route("")
class ClientList(MethodView):
    """All tenants."""

    @blueprint.arguments(ClientRequest())
    @blueprint.response(201, ClientView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a client; `POST /api-keys?client=NAME` makes its first key."""
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            made = clients.create(uow, body["name"])
        response = json_response(view(made), 201)
        response.headers["Location"] = url_for("clients.ClientItem", client_id=made.id)
        return response

    @blueprint.arguments(NumberedPageQuery(), location="query")
    @blueprint.response(200, ClientView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List clients in the order they were made.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            rows, following = clients.page(uow, after=query.get("cursor", 0), size=query["limit"])
        return paged([view(row) for row in rows], size=query["limit"], following=following)


@blueprint.route("/<int:client_id>", parameters=[CLIENT_ID])
class ClientItem(MethodView):
    """One tenant."""

    @blueprint.response(200, ClientView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, client_id: int) -> Response:
        """Show a client."""
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            found = clients.get(uow, client_id)
        return json_response(view(found))

    @blueprint.arguments(ClientChange())
    @blueprint.response(200, ClientView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def patch(self, body: dict[str, Any], client_id: int) -> Response:
        """Rename a client, or switch it off (`is_active` false): its keys do not work, and nothing of it is sent."""
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            changed = clients.change(uow, client_id, **body)
        return json_response(view(changed))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 409, 503)
    def delete(self, client_id: int) -> Response:
        """Remove a client with its rules, endpoints, templates and keys; 409 while it has notifications or events."""
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            clients.delete(uow, client_id)
        return Response(status=204)
