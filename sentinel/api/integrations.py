"""`/integrations`: addresses for systems that bring no API key, or cannot."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.integration import (
    IntegrationChange,
    IntegrationListQuery,
    IntegrationRequest,
    IntegrationView,
    NewIntegrationView,
)
from sentinel.api.senders.taking import INTEGRATION_ID
from sentinel.models import Integration
from sentinel.queries.integrations import Filter
from sentinel.sealing import unseal
from sentinel.services import integrations
from sentinel.services.access.clients import Caller
from sentinel.services.integrations import SENDS, Written, address_of
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

READ, WRITE = "integrations:read", "integrations:write"

VIEW_NAMES = tuple(name for name in IntegrationView().fields if name not in ("client", "address", "has_secret"))

blueprint = StrictBlueprint(
    "integrations", __name__, url_prefix="/integrations", description="Addresses to which other systems send"
)
blueprint.before_request(require_credentials)


def _sender(uow: UnitOfWork, scope: str) -> Caller:
    """Return who calls: addresses and secrets are credentials, so they are for those who may send anyway."""
    caller = current_caller(uow, scope)
    caller.require(SENDS)
    return caller


def view(row: Integration, client: str) -> dict[str, Any]:
    """Show an integration as `IntegrationView` has it."""
    facts = {name: getattr(row, name) for name in VIEW_NAMES}
    return facts | {"client": client, "address": address_of(row), "has_secret": row.secret is not None}


def new_view(row: Integration, client: str) -> dict[str, Any]:
    """Show an integration with its secret, which is told once."""
    return view(row, client) | {"secret": row.secret and unseal(row.secret)}


@blueprint.route("")
class IntegrationList(MethodView):
    """The integrations of a client."""

    @blueprint.arguments(IntegrationRequest())
    @blueprint.response(201, NewIntegrationView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Make an integration; `address` is what to configure at the other system.

        What is sent there becomes events of the client, so it takes the scope `events:write` as well. An integration
        of GitHub has a secret, which this answer alone shows.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = integrations.create(uow, caller, body)
        response = json_response(new_view(made, caller.client_name), 201)
        response.headers["Location"] = url_for("integrations.IntegrationItem", integration_id=made.id)
        return response

    @blueprint.arguments(IntegrationListQuery(), location="query")
    @blueprint.response(200, IntegrationView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List integrations by name, with their addresses: it takes the scope `events:write` as well.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = _sender(uow, READ)
            wanted = Filter(caller.client_id, query.get("kind"), query.get("is_enabled"), query.get("cursor"))
            rows, following = integrations.page(uow, wanted, size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


@blueprint.route("/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class IntegrationItem(MethodView):
    """One integration."""

    @blueprint.response(200, IntegrationView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, integration_id: UUID) -> Response:
        """Show an integration, without its secret: it takes the scope `events:write` as well."""
        with unit_of_work() as uow:
            caller = _sender(uow, READ)
            found = integrations.get(uow, str(integration_id), client_id=caller.client_id)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(IntegrationChange())
    @blueprint.response(200, IntegrationView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def patch(self, body: dict[str, Any], integration_id: UUID) -> Response:
        """Rename an integration, switch it off or on, give it another secret or topic. Its address stays.

        It takes the scope `events:write` as well.
        """
        with unit_of_work() as uow:
            caller = _sender(uow, WRITE)
            changed = integrations.change(uow, caller.client_id, str(integration_id), body)
        return json_response(view(changed, caller.client_name))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, integration_id: UUID) -> Response:
        """Remove an integration; from the next request on there is nothing at its address."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            integrations.delete(uow, str(integration_id), client_id=caller.client_id)
        return Response(status=204)
