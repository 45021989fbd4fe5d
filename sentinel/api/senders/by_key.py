"""Senders that bring an API key in a header: Alertmanager, Grafana, and whoever speaks CloudEvents."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask.views import MethodView

from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.events import AUDIENCE, WRITE, audience
from sentinel.api.parsing import BY_KEY, StrictBlueprint, whole_body
from sentinel.api.schemas.event import EventItemView, EventReceipt
from sentinel.api.schemas.sender import ALERTMANAGER_BODY, CLOUDEVENTS_BODY, GRAFANA_BODY
from sentinel.api.senders import reading
from sentinel.api.senders.taking import take_in
from sentinel.integrations.reading import Found
from sentinel.services import events
from sentinel.services.unit_of_work import unit_of_work

blueprint = StrictBlueprint(
    BY_KEY, __name__, url_prefix="/integrations", description="What other systems send, with an API key"
)
blueprint.before_request(require_credentials)


def _for_caller(read: Callable[[], Found]) -> Response:
    """Take in what `read` makes of this request, for whoever calls; the body is here before the transaction begins."""
    whole_body()
    named = audience()
    with unit_of_work() as uow:
        caller = current_caller(uow, WRITE)
        return take_in(uow, caller, read(), is_broadcast=events.is_broadcast(caller, named))


@blueprint.route("/alertmanager")
class FromAlertmanager(MethodView):
    """Webhooks of Alertmanager."""

    @blueprint.response(207, EventItemView(many=True), description="One result per alert, in order")
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(parameters=[AUDIENCE], requestBody=ALERTMANAGER_BODY)
    def post(self) -> Response:
        """Take in what Alertmanager's webhook receiver sends: an event of each alert.

        The same alert in the same state again is a duplicate. Valid alerts are stored though others are refused.
        """
        return _for_caller(reading.from_alertmanager)


@blueprint.route("/grafana")
class FromGrafana(MethodView):
    """Webhooks of Grafana."""

    @blueprint.response(207, EventItemView(many=True), description="One result per alert, in order")
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(parameters=[AUDIENCE], requestBody=GRAFANA_BODY)
    def post(self) -> Response:
        """Take in what Grafana's webhook contact point sends: an event of each alert.

        The same alert in the same state again is a duplicate. Valid alerts are stored though others are refused.
        """
        return _for_caller(reading.from_grafana)


@blueprint.route("/cloudevents")
class FromCloudEvents(MethodView):
    """CloudEvents over HTTP."""

    @blueprint.response(202, EventReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.alt_response(207, schema=EventItemView(many=True), description="Of a batch: one result per event")
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(parameters=[AUDIENCE], requestBody=CLOUDEVENTS_BODY)
    def post(self) -> Response:
        """Take in CloudEvents 1.0: structured, binary (attributes in `ce-…` headers), or a batch.

        An event of the same `source` and `id` again is a duplicate.
        """
        return _for_caller(reading.from_cloudevents)
