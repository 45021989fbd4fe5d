"""Senders that bring an API key in a header: Alertmanager, Grafana, and whoever speaks CloudEvents."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request
from flask.views import MethodView

from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.events import AUDIENCE, WRITE, audience
from sentinel.api.parsing import BY_KEY, StrictBlueprint, read_json
from sentinel.api.schemas.event import EventItemView, EventReceipt
from sentinel.api.schemas.sender import ALERTMANAGER_BODY, CLOUDEVENTS_BODY, GRAFANA_BODY
from sentinel.api.senders.cloudevents import read_request
from sentinel.api.senders.taking import take_in, take_in_each
from sentinel.integrations import alertmanager, grafana
from sentinel.services import events
from sentinel.services.access.clients import Caller
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

blueprint = StrictBlueprint(
    BY_KEY, __name__, url_prefix="/integrations", description="What other systems send, with an API key"
)
blueprint.before_request(require_credentials)


def _for_caller(take: Callable[[UnitOfWork, Caller, bool], Response]) -> Response:
    """Have the body taken in for whoever calls; it is here before the transaction begins."""
    request.get_data(cache=True)
    named = audience()
    with unit_of_work() as uow:
        caller = current_caller(uow, WRITE)
        return take(uow, caller, events.is_broadcast(caller, named))


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
        most = get_settings().max_batch_items
        return _for_caller(
            lambda uow, caller, is_broadcast: take_in_each(
                uow, caller, alertmanager.read(read_json(), most=most), is_broadcast=is_broadcast
            )
        )


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
        most = get_settings().max_batch_items
        return _for_caller(
            lambda uow, caller, is_broadcast: take_in_each(
                uow, caller, grafana.read(read_json(), most=most), is_broadcast=is_broadcast
            )
        )


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

        def take(uow: UnitOfWork, caller: Caller, is_broadcast: bool) -> Response:  # noqa: FBT001 - what `_for_caller` gives
            found = read_request()
            if isinstance(found, list):
                return take_in_each(uow, caller, found, is_broadcast=is_broadcast)
            return take_in(uow, caller, found, is_broadcast=is_broadcast)

        return _for_caller(take)
