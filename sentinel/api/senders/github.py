"""GitHub: it signs what it sends with a secret that both sides know."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, abort, request
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.parsing import GITHUB, StrictBlueprint, parsed, read_body
from sentinel.api.schemas.event import EventReceipt
from sentinel.api.schemas.sender import GITHUB_BODY, GITHUB_HEADERS, SenderAnswer
from sentinel.api.senders.taking import INTEGRATION_ID, not_signed, sender_at, take_in
from sentinel.integrations import github
from sentinel.services.unit_of_work import unit_of_work

FORM_FIELD = "payload"
"""Where the JSON is when a webhook of GitHub sends forms, which is what it does unless told otherwise."""

blueprint = StrictBlueprint(GITHUB, __name__, url_prefix="/integrations/github", description="Webhooks of GitHub")


@blueprint.route("/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromGitHub(MethodView):
    """Webhooks of GitHub."""

    @blueprint.response(202, EventReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.alt_response(200, schema=SenderAnswer, description="Of a ping: nothing has happened")
    @blueprint.refuses(400, 403, 404, 409, 413, 415, 422, 503)
    @blueprint.doc(security=[], parameters=GITHUB_HEADERS, requestBody=GITHUB_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in any event of GitHub, as JSON or as a form; the same delivery again is a duplicate."""
        sender = sender_at("github", integration_id)
        body, signature = read_body(), request.headers.get(github.SIGNATURE_HEADER)
        if sender.secret is None or not github.is_signed(body, signature, secret=sender.secret):
            raise not_signed("github", "check that the webhook's secret is the one of this integration")
        if request.headers.get(github.EVENT_HEADER) == github.PING:
            return json_response({"message": "pong"})
        event = github.read(_payload(body), dict(request.headers))
        with unit_of_work() as uow:
            return take_in(uow, sender.caller, event)


def _payload(body: bytes) -> Any:
    if request.is_json:
        return parsed(body)
    text = request.form.get(FORM_FIELD)
    if not text:
        abort(400, description=f"The form has no field {FORM_FIELD}; send GitHub's webhook as it comes.")
    return parsed(text.encode())
