"""`/api-keys`: what a client's programs call with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.client import KeyRequest, KeyView, NewKeyView
from sentinel.api.schemas.fields import NumberedPageQuery
from sentinel.models import ApiKey
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "keys:read", "keys:write"

KEY_ID = {"in": "path", "name": "key_id", "schema": {"type": "integer"}, "description": "`id` of an API key"}

VIEW_NAMES = tuple(name for name in KeyView().fields if name not in ("client", "state"))

blueprint = StrictBlueprint(
    "api-keys", __name__, url_prefix="/api-keys", description="What a client's programs call with"
)
blueprint.before_request(require_credentials)


def view(key: ApiKey, client: str, *, now: datetime) -> dict[str, Any]:
    """Show a key as `KeyView` has it."""
    shown = {name: getattr(key, name) for name in VIEW_NAMES}
    return shown | {"client": client, "state": clients.key_state(key, now=now)}


@blueprint.route("")
class KeyList(MethodView):
    """The keys of a client."""

    @blueprint.arguments(KeyRequest())
    @blueprint.response(201, NewKeyView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a key; this answer alone shows it. It may do no more than the key that makes it.

        Without `scopes` it may do what keys of a client usually may, as far as its maker can grant it.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made, key = clients.issue_key(uow, caller, **body)
            answer = view(made, caller.client_name, now=uow.now) | {"key": key}
        response = json_response(answer, 201)
        response.headers["Location"] = url_for("api-keys.KeyItem", key_id=made.id)
        return response

    @blueprint.arguments(NumberedPageQuery(), location="query")
    @blueprint.response(200, KeyView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List keys in the order they were made, those that do not work any more too.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            after = query.get("cursor", 0)
            rows, following = clients.keys_page(uow, caller.client_id, after=after, size=query["limit"])
            shown = [view(row, caller.client_name, now=uow.now) for row in rows]
        return paged(shown, size=query["limit"], following=following)


@blueprint.route("/<int:key_id>", parameters=[KEY_ID])
class KeyItem(MethodView):
    """One key."""

    @blueprint.response(200, KeyView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, key_id: int) -> Response:
        """Show a key, as far as it is known: the key itself is not stored."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = clients.get_key(uow, key_id, client_id=caller.client_id)
            shown = view(found, caller.client_name, now=uow.now)
        return json_response(shown)

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, key_id: int) -> Response:
        """Revoke a key: it stops working with the next request."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            clients.revoke_key(uow, key_id, client_id=caller.client_id)
        return Response(status=204)
