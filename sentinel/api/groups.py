"""`/groups`: messages that wait to be told together."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.group import FlushView, GroupAlertView, GroupListQuery, GroupView, OpenedGroupView
from sentinel.queries.group_lists import Filter
from sentinel.services.holding import groups
from sentinel.services.holding.groups import OpenedGroup, SeenGroup
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "notifications:read", "notifications:write"

GROUP_ID = {
    "in": "path",
    "name": "group_id",
    "schema": {"type": "string", "format": "uuid"},
    "description": "`id` of a group",
}

COUNTED = ("firing", "resolved", "held")
COLUMNS = tuple(name for name in GroupView().fields if name not in ("client", *COUNTED))
OF_ALERTS = tuple(GroupAlertView().fields)

blueprint = StrictBlueprint(
    "groups", __name__, url_prefix="/groups", description="Messages that wait to be told together"
)
blueprint.before_request(require_credentials)


def view(seen: SeenGroup) -> dict[str, Any]:
    """Show a group as `GroupView` has it."""
    shown = {name: getattr(seen.group, name) for name in COLUMNS}
    return shown | {name: getattr(seen.counts, name) for name in COUNTED} | {"client": seen.client}


def _opened(found: OpenedGroup) -> dict[str, Any]:
    alerts = [{name: getattr(each, name) for name in OF_ALERTS} for each in found.alerts]
    return view(found.seen) | {"alerts": alerts, "held_ids": found.held}


@blueprint.route("")
class GroupList(MethodView):
    """The groups of a client."""

    @blueprint.arguments(GroupListQuery(), location="query")
    @blueprint.response(200, GroupView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List the groups that have something to say, or may have it again, newest first.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            names = ("kind", "channel", "endpoint_id", "rule_id")
            cursor = query.get("cursor")
            wanted = Filter(
                caller.client_id,
                **{name: query[name] for name in names if name in query},
                before=None if cursor is None else str(cursor),
            )
            rows, following = groups.page(uow, wanted, size=query["limit"])
        return paged([view(each) for each in rows], size=query["limit"], following=following)


@blueprint.route("/<string:group_id>", parameters=[GROUP_ID])
class GroupItem(MethodView):
    """One group."""

    @blueprint.response(200, OpenedGroupView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, group_id: str) -> Response:
        """Show a group with its alerts and the messages that it holds."""
        with unit_of_work() as uow:
            found = groups.get(uow, group_id, client_id=current_caller(uow, READ).client_id)
            return json_response(_opened(found))


@blueprint.route("/<string:group_id>/flush", parameters=[GROUP_ID])
class GroupFlush(MethodView):
    """Not to wait."""

    @blueprint.response(200, FlushView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, group_id: str) -> Response:
        """Tell a group now, whatever it waits for: what fires and is not muted, and what is over."""
        with unit_of_work() as uow:
            told_by = groups.flush_now(uow, group_id, client_id=current_caller(uow, WRITE).client_id)
        return json_response({"group_id": group_id, "notification_id": told_by})
