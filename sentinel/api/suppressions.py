"""`/suppressions`: addresses that are not written to any more."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.batches import array_of, items_of, loaded, results_of
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint, read_json
from sentinel.api.schemas.suppression import (
    SuppressionItemView,
    SuppressionListQuery,
    SuppressionRequest,
    SuppressionView,
)
from sentinel.channels.recipients import normalise
from sentinel.models import Suppression
from sentinel.queries.suppressions import Filter
from sentinel.services import suppressions
from sentinel.services.access.clients import Caller
from sentinel.services.suppressions import Written
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

READ, WRITE = "suppressions:read", "suppressions:write"

SUPPRESSION_ID = {
    "in": "path",
    "name": "suppression_id",
    "schema": {"type": "integer"},
    "description": "`id` of a suppression",
}

COLUMNS = tuple(name for name in SuppressionView().fields if name not in ("client", "hint"))

blueprint = StrictBlueprint(
    "suppressions", __name__, url_prefix="/suppressions", description="Addresses that are not written to any more"
)
blueprint.before_request(require_credentials)


def view(row: Suppression, client: str) -> dict[str, Any]:
    """Show a suppression as `SuppressionView` has it."""
    shown = {name: getattr(row, name) for name in COLUMNS}
    return shown | {"client": client, "hint": suppressions.hint_of(row)}


@blueprint.route("")
class SuppressionList(MethodView):
    """The suppressions of a client."""

    @blueprint.arguments(SuppressionRequest())
    @blueprint.response(201, SuppressionView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.alt_response(200, schema=SuppressionView, description="It was suppressed before, and stays so as it was")
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Suppress an address: what is to go there from now on, or waits, ends as SUPPRESSED with this reason."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            ((row, is_new),) = suppressions.write_many(
                uow, caller.client_id, [suppressions.check(body)], by=caller.label
            )
        response = json_response(view(row, caller.client_name), 201 if is_new else 200)
        response.headers["Location"] = url_for("suppressions.SuppressionItem", suppression_id=row.id)
        return response

    @blueprint.arguments(SuppressionListQuery(), location="query")
    @blueprint.response(200, SuppressionView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List suppressions, newest first.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = suppressions.page(uow, _filter(query, caller.client_id), size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


def _filter(query: dict[str, Any], client_id: int) -> Filter:
    channel, recipient = query.get("channel"), query.get("recipient")
    return Filter(
        client_id=client_id,
        channel=channel,
        recipient=normalise(channel, recipient) if channel and recipient else recipient,
        reason=query.get("reason"),
        has_lifted=query["lifted"],
        before=query.get("cursor"),
    )


@blueprint.route("/batch")
class SuppressionBatch(MethodView):
    """Many at once."""

    @blueprint.response(207, SuppressionItemView(many=True), description="One result per item, in order")
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    @blueprint.doc(
        requestBody=array_of("SuppressionRequest"),
    )
    def post(self) -> Response:
        """Suppress up to 1,000 addresses.

        Valid items are stored though others are not: each result has `index`, `status` and either `suppression` or
        `errors`.
        """
        items, schema = items_of(read_json(), remedy="send a JSON array of suppressions"), SuppressionRequest()
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            results = results_of(
                items,
                lambda item: suppressions.check(loaded(schema, item)),
                lambda good: _write(uow, caller, good),
            )
        return json_response(results, 207)


def _write(uow: UnitOfWork, caller: Caller, wanted: list[Written]) -> list[dict[str, Any]]:
    done = suppressions.write_many(uow, caller.client_id, wanted, by=caller.label)
    return [{"status": 201 if is_new else 200, "suppression": view(row, caller.client_name)} for row, is_new in done]


@blueprint.route("/<int:suppression_id>", parameters=[SUPPRESSION_ID])
class SuppressionItem(MethodView):
    """One suppression."""

    @blueprint.response(200, SuppressionView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, suppression_id: int) -> Response:
        """Show a suppression, lifted or not."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            row, client = suppressions.get(uow, suppression_id, client_id=caller.client_id)
        return json_response(view(row, client))

    @blueprint.response(200, SuppressionView)
    @blueprint.refuses(401, 403, 404, 409, 503)
    def delete(self, suppression_id: int) -> Response:
        """Lift a suppression: the address is written to again. The row is kept, with who lifted it and when.

        Providers have lists of their own: `hint` says what they want before messages arrive there again. A phone that
        sent STOP has to send START.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            row, client = suppressions.lift(uow, suppression_id, client_id=caller.client_id, by=caller.label)
        return json_response(view(row, client))
