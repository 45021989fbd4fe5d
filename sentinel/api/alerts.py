"""`POST /v1/alerts`: an event that is to be told to a user, besides what rules say of it."""

from __future__ import annotations

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import dumps, once
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.events import WRITE, location, may_hold_nul, receipt, refuse_nul
from sentinel.api.notifications import IDEMPOTENCY_KEY
from sentinel.api.parsing import StrictBlueprint, read_json
from sentinel.api.schemas.event import ALERT, AlertReceipt
from sentinel.services import events
from sentinel.services.idempotency import Answer
from sentinel.services.unit_of_work import unit_of_work

blueprint = StrictBlueprint("alerts", __name__, url_prefix="/v1/alerts", description="Events addressed to a user")
blueprint.before_request(require_credentials)


@blueprint.route("")
class AlertList(MethodView):
    """Alerts to users."""

    @blueprint.response(202, AlertReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(
        parameters=[IDEMPOTENCY_KEY],
        requestBody={"required": True, "content": {"application/json": {"schema": ALERT}}},
    )
    def post(self) -> Response:
        """Take in an event that is to be told to the user it names.

        It goes to the enabled endpoints of that user, without any to the user's inbox. The client's own rules hear it
        as well.
        """
        body = read_json()
        if may_hold_nul():
            refuse_nul(body)

        def make() -> Answer:
            checked = events.check_addressed(body, now=uow.now)
            done = events.ingest(uow, caller, [checked], is_addressed=True)[0]
            shown = receipt(done)
            return Answer(202, dumps({name: shown[name] for name in ("status", "event_id")}).decode(), location(done))

        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            return once(uow, caller, lambda: body, make)
