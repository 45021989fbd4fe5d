"""Senders that bring no key: the address of an integration is their credential."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Response
from flask.views import MethodView

from sentinel.api.parsing import BY_ADDRESS, StrictBlueprint
from sentinel.api.schemas.event import EventItemView, EventReceipt
from sentinel.api.schemas.sender import ALERTMANAGER_BODY, CLOUDEVENTS_BODY, GRAFANA_BODY
from sentinel.api.senders import reading
from sentinel.api.senders.taking import INTEGRATION_ID, sender_at, take_in
from sentinel.integrations.reading import Found
from sentinel.services.unit_of_work import unit_of_work

blueprint = StrictBlueprint(
    BY_ADDRESS, __name__, url_prefix="/integrations", description="What other systems send, to an address of their own"
)


def _for_sender(kind: str, integration_id: UUID, read: Callable[[], Found]) -> Response:
    """Take in what `read` makes of this request, for the client whose address it came to."""
    sender = sender_at(kind, integration_id)
    found = read()
    with unit_of_work() as uow:
        return take_in(uow, sender.caller, found)


@blueprint.route("/alertmanager/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromAlertmanager(MethodView):
    """Webhooks of Alertmanager."""

    @blueprint.response(207, EventItemView(many=True), description="One result per alert, in order")
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=ALERTMANAGER_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in what Alertmanager sends to an integration."""
        return _for_sender("alertmanager", integration_id, reading.from_alertmanager)


@blueprint.route("/grafana/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromGrafana(MethodView):
    """Webhooks of Grafana."""

    @blueprint.response(207, EventItemView(many=True), description="One result per alert, in order")
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=GRAFANA_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in what Grafana sends to an integration."""
        return _for_sender("grafana", integration_id, reading.from_grafana)


@blueprint.route("/cloudevents/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromCloudEvents(MethodView):
    """CloudEvents over HTTP."""

    @blueprint.response(202, EventReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.alt_response(207, schema=EventItemView(many=True), description="Of a batch: one result per event")
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=CLOUDEVENTS_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in CloudEvents that are sent to an integration."""
        return _for_sender("cloudevents", integration_id, reading.from_cloudevents)
