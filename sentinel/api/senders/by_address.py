"""Senders that bring no key: the address of an integration is their credential, 122 random bits and more."""

from __future__ import annotations

from uuid import UUID

from flask import Response
from flask.views import MethodView

from sentinel.api.parsing import BY_ADDRESS, StrictBlueprint, read_json
from sentinel.api.schemas.event import EventItemView, EventReceipt
from sentinel.api.schemas.sender import ALERTMANAGER_BODY, CLOUDEVENTS_BODY, GRAFANA_BODY
from sentinel.api.senders.cloudevents import read_request
from sentinel.api.senders.taking import INTEGRATION_ID, sender_at, take_in, take_in_each
from sentinel.integrations import alertmanager, grafana
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import get_settings

blueprint = StrictBlueprint(
    BY_ADDRESS, __name__, url_prefix="/integrations", description="What other systems send, to an address of their own"
)


@blueprint.route("/alertmanager/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromAlertmanager(MethodView):
    """Webhooks of Alertmanager."""

    @blueprint.response(207, EventItemView(many=True), description="One result per alert, in order")
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=ALERTMANAGER_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in what Alertmanager sends to an integration."""
        sender = sender_at("alertmanager", integration_id)
        items = alertmanager.read(read_json(), most=get_settings().max_batch_items)
        with unit_of_work() as uow:
            return take_in_each(uow, sender.caller, items)


@blueprint.route("/grafana/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromGrafana(MethodView):
    """Webhooks of Grafana."""

    @blueprint.response(207, EventItemView(many=True), description="One result per alert, in order")
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=GRAFANA_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in what Grafana sends to an integration."""
        sender = sender_at("grafana", integration_id)
        items = grafana.read(read_json(), most=get_settings().max_batch_items)
        with unit_of_work() as uow:
            return take_in_each(uow, sender.caller, items)


@blueprint.route("/cloudevents/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromCloudEvents(MethodView):
    """CloudEvents over HTTP."""

    @blueprint.response(202, EventReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.alt_response(207, schema=EventItemView(many=True), description="Of a batch: one result per event")
    @blueprint.refuses(400, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=CLOUDEVENTS_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in CloudEvents that are sent to an integration."""
        sender = sender_at("cloudevents", integration_id)
        found = read_request()
        with unit_of_work() as uow:
            if isinstance(found, list):
                return take_in_each(uow, sender.caller, found)
            return take_in(uow, sender.caller, found)
