"""`/heartbeats`: signals that others send again and again; one that does not come is an event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint, parsed, whole_body
from sentinel.api.schemas.heartbeat import (
    HeardView,
    HeartbeatChange,
    HeartbeatListQuery,
    HeartbeatRequest,
    HeartbeatView,
    SignalRequest,
)
from sentinel.models import Heartbeat
from sentinel.models.heartbeat import HeartbeatState
from sentinel.queries.heartbeats import Filter, Signal
from sentinel.services.access.clients import Caller
from sentinel.services.proving import heartbeats, signals
from sentinel.services.proving.heartbeats import Written, address_of
from sentinel.services.proving.signals import Heard
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "heartbeats:read", "heartbeats:write"

NAME = {
    "in": "path",
    "name": "heartbeat",
    "schema": {"type": "string", "maxLength": 100},
    "description": "the name of a heartbeat: letters, digits and . _ : -",
}
SIGNAL_BODY = {
    "required": False,
    "description": "What the sender says of itself; nothing at all means that it is well.",
    "content": {"application/json": {"schema": SignalRequest}},
}
COMPUTED = ("client", "state", "address")
COLUMNS = tuple(name for name in HeartbeatView().fields if name not in COMPUTED)

blueprint = StrictBlueprint(
    "heartbeats", __name__, url_prefix="/heartbeats", description="Signals that others should send again and again"
)
blueprint.before_request(require_credentials)


def view(row: Heartbeat, client: str, *, now: datetime, is_sender: bool) -> dict[str, Any]:
    """Show a heartbeat as `HeartbeatView` has it; its address to those who may signal."""
    facts = {name: getattr(row, name) for name in COLUMNS}
    return facts | {"client": client, "state": row.state(now), "address": address_of(row.id) if is_sender else None}


def heard(found: Heard) -> Response:
    """Tell a sender what became of its signal."""
    return json_response({"name": found.name, "state": found.state, "expected_at": found.expected_at})


def said() -> Signal:
    """Read what the sender of this request says in JSON; nothing at all means that it is well."""
    body = whole_body()
    return signals.read(parsed(body)) if body else Signal()


def _view(row: Heartbeat, caller: Caller, now: datetime) -> dict[str, Any]:
    return view(row, caller.client_name, now=now, is_sender=WRITE in caller.scopes)


@blueprint.route("")
class HeartbeatList(MethodView):
    """The heartbeats of a client."""

    @blueprint.arguments(HeartbeatListQuery(), location="query")
    @blueprint.response(200, HeartbeatView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List heartbeats by name, with their state, when they were last heard and when they are next expected.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            state = HeartbeatState(query["state"]) if "state" in query else None
            wanted = Filter(caller.client_id, state, query.get("cursor"))
            rows, following = heartbeats.page(uow, wanted, size=query["limit"])
        return paged([_view(row, caller, uow.now) for row, _ in rows], size=query["limit"], following=following)


@blueprint.route("/<string:heartbeat>", parameters=[NAME])
class HeartbeatItem(MethodView):
    """One heartbeat."""

    @blueprint.response(200, HeartbeatView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, heartbeat: str) -> Response:
        """Show a heartbeat."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = heartbeats.get(uow, caller.client_id, heartbeat)
        return json_response(_view(found, caller, uow.now))

    @blueprint.arguments(HeartbeatRequest())
    @blueprint.response(200, HeartbeatView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: Written, heartbeat: str) -> Response:
        """Define a heartbeat, or define it anew: the first signal is expected from now on.

        The same definition again changes nothing, so a program may send it each time it starts.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = heartbeats.put(uow, caller.client_id, heartbeat, body)
        return json_response(_view(found, caller, uow.now))

    @blueprint.response(200, HeardView)
    @blueprint.refuses(400, 401, 403, 404, 413, 415, 422, 503)
    @blueprint.doc(requestBody=SIGNAL_BODY)
    def post(self, heartbeat: str) -> Response:
        """Signal: "I am alive", or by `status` or `exit_code` that something failed.

        Nobody makes a heartbeat by a signal: a name with a typo would be one that nobody waits for.
        """
        signal = said()
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            return heard(signals.take(uow, caller.client_id, heartbeat, signal))

    @blueprint.arguments(HeartbeatChange())
    @blueprint.response(200, HeartbeatView)
    @blueprint.refuses(400, 401, 403, 404, 413, 415, 422, 503)
    def patch(self, body: dict[str, Any], heartbeat: str) -> Response:
        """Pause a heartbeat, or wait for it again from now on. One that is down is resolved by a pause."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = heartbeats.pause(uow, caller, heartbeat, is_paused=body["is_paused"])
        return json_response(_view(found, caller, uow.now))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, heartbeat: str) -> Response:
        """Remove a heartbeat. One that is down is resolved."""
        with unit_of_work() as uow:
            heartbeats.delete(uow, current_caller(uow, WRITE), heartbeat)
        return Response(status=204)
