"""`/ping`: signals of heartbeats from senders that bring no key: the address is their credential."""

from __future__ import annotations

from uuid import UUID

from flask import Response, request
from flask.views import MethodView

from sentinel.api.heartbeats import SIGNAL_BODY, heard, said
from sentinel.api.parsing import PINGS, StrictBlueprint, whole_body
from sentinel.api.schemas.heartbeat import HeardView
from sentinel.queries.heartbeats import Signal
from sentinel.services.proving import signals
from sentinel.services.unit_of_work import unit_of_work

HEARTBEAT_ID = {
    "in": "path",
    "name": "heartbeat_id",
    "schema": {"type": "string", "format": "uuid"},
    "description": "the last part of a heartbeat's `address`",
}
EXIT_CODE = {
    "in": "path",
    "name": "exit_code",
    "schema": {"type": "integer", "minimum": 0, "maximum": 255},
    "description": "the exit code of a program; 0 is well",
}
LARGEST_CODE = 255

blueprint = StrictBlueprint(PINGS, __name__, url_prefix="/ping", description="Signals of senders without a key")


def _take(heartbeat_id: UUID, said: Signal) -> Response:
    with unit_of_work() as uow:
        return heard(signals.take_at(uow, str(heartbeat_id), said))


def _text() -> str | None:
    """A body is what the sender has to say, whatever type it claims to be of: curl says it is a form."""
    return signals.message_of(whole_body().decode(errors="replace"))


@blueprint.route("/<uuid:heartbeat_id>", parameters=[HEARTBEAT_ID])
class Alive(MethodView):
    """All is well, unless the body says otherwise."""

    @blueprint.response(200, HeardView)
    @blueprint.refuses(404, 503)
    @blueprint.doc(security=[])
    def get(self, heartbeat_id: UUID) -> Response:
        """Signal that all is well, by an address alone: `curl -fsS -m 10 --retry 3 ADDRESS`."""
        return _take(heartbeat_id, Signal())

    @blueprint.response(200, HeardView)
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=SIGNAL_BODY)
    def post(self, heartbeat_id: UUID) -> Response:
        """Signal by an address alone. JSON is read as `POST /heartbeats/{name}` reads it, any other body is a text."""
        return _take(heartbeat_id, said() if request.is_json else Signal(message=_text()))


@blueprint.route("/<uuid:heartbeat_id>/fail", parameters=[HEARTBEAT_ID])
class Failed(MethodView):
    """Something went wrong."""

    @blueprint.response(200, HeardView)
    @blueprint.refuses(404, 503)
    @blueprint.doc(security=[])
    def get(self, heartbeat_id: UUID) -> Response:
        """Signal that something failed."""
        return _take(heartbeat_id, Signal(has_failed=True))

    @blueprint.response(200, HeardView)
    @blueprint.refuses(404, 413, 415, 503)
    @blueprint.doc(security=[])
    def post(self, heartbeat_id: UUID) -> Response:
        """Signal that something failed; the body is a text that says what."""
        return _take(heartbeat_id, Signal(has_failed=True, message=_text()))


@blueprint.route(f"/<uuid:heartbeat_id>/<int(max={LARGEST_CODE}):exit_code>", parameters=[HEARTBEAT_ID, EXIT_CODE])
class Ended(MethodView):
    """A program has ended."""

    @blueprint.response(200, HeardView)
    @blueprint.refuses(404, 503)
    @blueprint.doc(security=[])
    def get(self, heartbeat_id: UUID, exit_code: int) -> Response:
        """Signal how a program ended: `backup; curl -fsS -m 10 --retry 3 ADDRESS/$?`."""
        return _take(heartbeat_id, Signal(bool(exit_code), exit_code=exit_code))

    @blueprint.response(200, HeardView)
    @blueprint.refuses(404, 413, 415, 503)
    @blueprint.doc(security=[])
    def post(self, heartbeat_id: UUID, exit_code: int) -> Response:
        """Signal how a program ended; the body is a text, such as the last lines of its log."""
        return _take(heartbeat_id, Signal(bool(exit_code), _text(), exit_code))
