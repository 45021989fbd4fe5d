"""`/escalation-policies`: whom tickets are told to, step by step."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.escalation_policy import (
    EscalationPolicyListQuery,
    EscalationPolicyReplacement,
    EscalationPolicyRequest,
    EscalationPolicyView,
)
from sentinel.api.schemas.fields import RemovalQuery
from sentinel.models import EscalationPolicy
from sentinel.queries.named import Filter
from sentinel.services.escalating import policies
from sentinel.services.escalating.policies import Written
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "endpoints:read", "endpoints:write"
"""Who may say where a client's messages go, may say whom its tickets are told to."""

NAME = {"in": "path", "name": "policy_name", "schema": {"type": "string"}, "description": "`name` of a policy"}
COLUMNS = tuple(name for name in EscalationPolicyView().fields if name != "client")

blueprint = StrictBlueprint(
    "escalation-policies",
    __name__,
    url_prefix="/escalation-policies",
    description="Whom tickets are told to, until somebody takes them",
)
blueprint.before_request(require_credentials)


def view(row: EscalationPolicy, client: str) -> dict[str, Any]:
    """Show a policy as `EscalationPolicyView` has it."""
    return {name: getattr(row, name) for name in COLUMNS} | {"client": client}


@blueprint.route("")
class EscalationPolicyList(MethodView):
    """The policies of a client."""

    @blueprint.arguments(EscalationPolicyRequest())
    @blueprint.response(201, EscalationPolicyView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Make a policy. Rules bind it by `ticket(…, policy="name")`; `default_for` binds it to severities."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = policies.create(uow, caller.client_id, body)
        response = json_response(view(made, caller.client_name), 201)
        response.headers["Location"] = url_for("escalation-policies.EscalationPolicyItem", policy_name=made.name)
        return response

    @blueprint.arguments(EscalationPolicyListQuery(), location="query")
    @blueprint.response(200, EscalationPolicyView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List policies in the order they were made.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            wanted = Filter(current_caller(uow, READ).client_id, query.get("name"), query.get("cursor", 0))
            rows, following = policies.POLICIES.page(uow, wanted, size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


@blueprint.route("/<string:policy_name>", parameters=[NAME])
class EscalationPolicyItem(MethodView):
    """One policy."""

    @blueprint.response(200, EscalationPolicyView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, policy_name: str) -> Response:
        """Show a policy."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = policies.POLICIES.get(uow, policy_name, client_id=caller.client_id)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(EscalationPolicyReplacement())
    @blueprint.response(200, EscalationPolicyView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: tuple[Written, int], policy_name: str) -> Response:
        """Replace a policy. Tickets under way go on as it was. 409 if it has changed since `version` was read."""
        written, version = body
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            changed = policies.change(uow, caller.client_id, policy_name, written, version=version)
        return json_response(view(changed, caller.client_name))

    @blueprint.arguments(RemovalQuery(), location="query")
    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 409, 422, 503)
    def delete(self, query: dict[str, Any], policy_name: str) -> Response:
        """Remove a policy; 409 while enabled rules bind it, unless `force` is true."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            policies.delete(uow, caller.client_id, policy_name, force=query["force"])
        return Response(status=204)
