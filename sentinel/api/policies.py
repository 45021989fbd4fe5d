"""`/delivery-policies`: what is done with sends whose end is unknown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.policy import PolicyRequest, PolicyView
from sentinel.services.sending import policies
from sentinel.services.sending.policies import POLICY_CHANNELS, Policy
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "endpoints:read", "endpoints:write"

CHANNEL = {
    "in": "path",
    "name": "channel",
    "schema": {"type": "string", "enum": list(POLICY_CHANNELS)},
    "description": "a channel, or `*` for all that have no policy of their own",
}

blueprint = StrictBlueprint(
    "policies", __name__, url_prefix="/delivery-policies", description="What is done with sends whose end is unknown"
)
blueprint.before_request(require_credentials)


def view(policy: Policy, client: str) -> dict[str, Any]:
    """Show a policy as `PolicyView` has it."""
    return asdict(policy) | {"client": client}


@blueprint.route("")
class PolicyList(MethodView):
    """The policies of a client."""

    @blueprint.response(200, PolicyView(many=True))
    @blueprint.refuses(401, 403, 404, 503)
    def get(self) -> Response:
        """Show what holds for each channel, and where that is set."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = policies.overview(uow, caller.client_id)
        return json_response([view(each, caller.client_name) for each in found])


@blueprint.route("/<string:channel>", parameters=[CHANNEL])
class PolicyItem(MethodView):
    """The policy of one channel."""

    @blueprint.response(200, PolicyView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, channel: str) -> Response:
        """Show what holds for a channel."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = policies.get(uow, caller.client_id, channel)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(PolicyRequest())
    @blueprint.response(200, PolicyView)
    @blueprint.refuses(400, 401, 403, 404, 413, 415, 422, 503)
    def put(self, body: dict[str, Any], channel: str) -> Response:
        """Set what is done: `at_least_once` sends again, `at_most_once` ends as FAILED, `ambiguous`."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = policies.put(uow, caller.client_id, channel, body["ambiguous_policy"])
        return json_response(view(found, caller.client_name))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, channel: str) -> Response:
        """Unset the policy of a channel: then that for `*` holds, or the installation's."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            policies.unset(uow, caller.client_id, channel)
        return Response(status=204)
