"""PagerDuty's Events API v2: the key is in the body, and answers have PagerDuty's shapes, for its clients read them."""

from __future__ import annotations

import re
from http import HTTPStatus
from uuid import UUID

from flask import Response
from flask.views import MethodView
from werkzeug.exceptions import BadRequest

from sentinel.api.answers import json_response
from sentinel.api.events import WRITE, refuse_nul
from sentinel.api.parsing import PAGERDUTY, StrictBlueprint, read_json
from sentinel.api.schemas.sender import PAGERDUTY_BODY, EnqueueAnswer, EnqueueRefusal
from sentinel.api.senders.taking import INTEGRATION_ID, sender_at
from sentinel.errors import ForbiddenError, InvalidInputError, NotFoundError, SentinelError, UnauthorizedError
from sentinel.integrations import pagerduty
from sentinel.services import events, integrations
from sentinel.services.access import clients
from sentinel.services.access.clients import Caller
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

INTEGRATION_KEY = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
"""PagerDuty's own keys look so, and some senders insist on it: the id of an integration does, without its hyphens."""

blueprint = StrictBlueprint(
    PAGERDUTY, __name__, url_prefix="/integrations/pagerduty", description="PagerDuty's Events API v2"
)


class _Enqueue(MethodView):
    """Events of whoever the routing key belongs to."""

    @blueprint.response(202, EnqueueAnswer)
    @blueprint.alt_response(400, schema=EnqueueRefusal, description="As PagerDuty refuses an event")
    @blueprint.refuses(413, 415, 503)
    @blueprint.doc(security=[], requestBody=PAGERDUTY_BODY)
    def post(self) -> Response:
        """Take in a trigger, an acknowledgement or a resolution.

        `routing_key` is an API key with the scope `events:write`, or the id of an integration without its hyphens.
        """
        body = read_json()
        key = pagerduty.routing_key(body)
        event = pagerduty.read(body)
        with unit_of_work() as uow:
            return _enqueued(uow, _caller(uow, key), event)


@blueprint.route("")
class Plain(_Enqueue):
    """The short address."""


@blueprint.route("/v2/enqueue")
class AsAtPagerDuty(_Enqueue):
    """The address under a base URL that senders let one change."""


@blueprint.route("/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromPagerDutyClient(MethodView):
    """Events of an integration."""

    @blueprint.response(202, EnqueueAnswer)
    @blueprint.alt_response(400, schema=EnqueueRefusal, description="As PagerDuty refuses an event")
    @blueprint.refuses(404, 413, 415, 503)
    @blueprint.doc(security=[], requestBody=PAGERDUTY_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in what is sent to an integration, whatever its routing key."""
        sender = sender_at("pagerduty", integration_id)
        event = pagerduty.read(read_json())
        with unit_of_work() as uow:
            return _enqueued(uow, sender.caller, event)


def _caller(uow: UnitOfWork, key: str) -> Caller:
    if INTEGRATION_KEY.fullmatch(key):
        try:
            return integrations.sender_at(uow, "pagerduty", str(UUID(hex=key))).caller
        except NotFoundError as error:
            raise UnauthorizedError(str(error)) from None
    caller = clients.caller_of_key(uow, key)
    caller.require(WRITE)
    return caller


def _enqueued(uow: UnitOfWork, caller: Caller, event: dict[str, object]) -> Response:
    refuse_nul(event)
    events.ingest(uow, caller, [events.check(event, now=uow.now)])
    answer = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
    return json_response(answer, HTTPStatus.ACCEPTED)


@blueprint.errorhandler(InvalidInputError)
@blueprint.errorhandler(UnauthorizedError)
@blueprint.errorhandler(ForbiddenError)
@blueprint.errorhandler(BadRequest)
def _refused(error: SentinelError | BadRequest) -> Response:
    """What PagerDuty would not take either: 400, which no client of it sends again."""
    if isinstance(error, InvalidInputError):
        told = [f"'{each.field}' {each.message} ({each.remedy})" for each in error.errors]
    elif isinstance(error, BadRequest):
        told = [str(error.description)]
    else:
        told = [f"'routing_key' is invalid: {error}"]
    answer = {"status": "invalid event", "message": "Event object is invalid", "errors": told}
    return json_response(answer, HTTPStatus.BAD_REQUEST)
