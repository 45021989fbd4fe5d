"""`/failover-chains`: where messages on a channel go that are not reached."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.chain import ChainRequest, ChainView
from sentinel.channels.registry import CHANNELS
from sentinel.models import FailoverChain
from sentinel.services.sending import chains
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "endpoints:read", "endpoints:write"

CHANNEL = {
    "in": "path",
    "name": "channel",
    "schema": {"type": "string", "enum": list(CHANNELS)},
    "description": "a channel",
}

blueprint = StrictBlueprint(
    "chains", __name__, url_prefix="/failover-chains", description="Where messages go that are not reached"
)
blueprint.before_request(require_credentials)


def view(row: FailoverChain, client: str) -> dict[str, Any]:
    """Show a chain as `ChainView` has it."""
    return {"client": client, "channel": row.channel, "targets": row.targets, "updated_at": row.updated_at}


@blueprint.route("")
class ChainList(MethodView):
    """The chains of a client."""

    @blueprint.response(200, ChainView(many=True))
    @blueprint.refuses(401, 403, 404, 503)
    def get(self) -> Response:
        """Show the chains that are set, by channel."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = chains.overview(uow, caller.client_id)
        return json_response([view(each, caller.client_name) for each in found])


@blueprint.route("/<string:channel>", parameters=[CHANNEL])
class ChainItem(MethodView):
    """The chain of one channel."""

    @blueprint.response(200, ChainView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, channel: str) -> Response:
        """Show the chain of a channel."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = chains.get(uow, caller.client_id, channel)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(ChainRequest())
    @blueprint.response(200, ChainView)
    @blueprint.refuses(400, 401, 403, 404, 413, 415, 422, 503)
    def put(self, body: dict[str, Any], channel: str) -> Response:
        """Set the other targets of messages on this channel that name none, and whose endpoint names none."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = chains.put(uow, caller.client_id, channel, body["targets"])
        return json_response(view(found, caller.client_name))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, channel: str) -> Response:
        """Remove the chain of a channel. Messages that were accepted before keep theirs."""
        with unit_of_work() as uow:
            chains.unset(uow, current_caller(uow, WRITE).client_id, channel)
        return Response(status=204)
