"""`/tickets`: list, look up, acknowledge, snooze, resolve, and what happened to each."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged, since_of
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.notification import TimelineItemView
from sentinel.api.schemas.ticket import (
    UNRESOLVED,
    EscalationView,
    RecentQuery,
    TicketListQuery,
    TicketMove,
    TicketView,
)
from sentinel.models import Ticket
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries.tickets import Shown, TicketFilter
from sentinel.services import tickets
from sentinel.services.access.clients import Caller
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

READ, WRITE = "tickets:read", "tickets:write"
TICKET_ID = {"in": "path", "name": "ticket_id", "schema": {"type": "integer"}, "description": "`id` of a ticket"}
USUAL_RECENT, MOST_RECENT = 50, 200
LIMIT_DIGITS = 3
COLUMNS = tuple(name for name in TicketView().fields if name not in ("client", "reason", "escalation"))
ESCALATION_COLUMNS = tuple(EscalationView().fields)
HOW = "api"

blueprint = StrictBlueprint("tickets", __name__, url_prefix="/tickets", description="Work that events ask of people")
blueprint.before_request(require_credentials)


def view(shown: Shown) -> dict[str, Any]:
    """Show a ticket as `TicketView` has it."""
    found, escalation = shown.ticket, shown.escalation
    columns = {name: getattr(found, name) for name in COLUMNS}
    how_far = None if escalation is None else {name: getattr(escalation, name) for name in ESCALATION_COLUMNS}
    return columns | {"client": shown.client, "reason": found.title, "escalation": how_far}


@blueprint.route("")
class TicketList(MethodView):
    """The tickets of a client."""

    @blueprint.arguments(TicketListQuery(), location="query")
    @blueprint.response(200, TicketView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List tickets, newest first.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = tickets.page(uow, _filter(query, caller.client_id), size=query["limit"])
        return paged([view(row) for row in rows], size=query["limit"], following=following)


def _filter(query: dict[str, Any], client_id: int) -> TicketFilter:
    return TicketFilter(
        client_id=client_id,
        statuses=_statuses(query["status"]) if "status" in query else (),
        severity=query.get("severity"),
        device_id=query.get("device_id"),
        since=since_of(query["since"]) if "since" in query else None,
        before=query.get("cursor"),
    )


def _statuses(word: str) -> tuple[str, ...]:
    return tuple(SOURCES[TicketStatus.RESOLVED]) if word == UNRESOLVED else (word,)


@blueprint.route("/recent")
class RecentTickets(MethodView):
    """The newest."""

    @blueprint.arguments(RecentQuery(), location="query")
    @blueprint.response(200, TicketView(many=True))
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """Show the newest tickets: 50, or as many as a `limit` from 1 to 200 says."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            wanted = TicketFilter(client_id=caller.client_id)
            rows, _ = tickets.page(uow, wanted, size=_recent(query.get("limit", "")))
        return json_response([view(row) for row in rows])


def _recent(text: str) -> int:
    """How many; what cannot be meant is the usual number, as the device API had it."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= LIMIT_DIGITS else 0
    return number if 1 <= number <= MOST_RECENT else USUAL_RECENT


@blueprint.route("/<int:ticket_id>", parameters=[TICKET_ID])
class TicketItem(MethodView):
    """One ticket."""

    @blueprint.response(200, TicketView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, ticket_id: int) -> Response:
        """Show a ticket as it stands now."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = tickets.get(uow, ticket_id, client_id=caller.client_id)
            shown = Shown(found, caller.client_name, tickets.escalation_of(uow, found))
        return json_response(view(shown))

    @blueprint.arguments(TicketMove())
    @blueprint.response(200, TicketView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def patch(self, body: dict[str, Any], ticket_id: int) -> Response:
        """Acknowledge, snooze or resolve a ticket. 409 if somebody else did, or if it has changed since `version`."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = _changed(uow, ticket_id, body, caller)
            shown = Shown(found, caller.client_name, tickets.escalation_of(uow, found))
        return json_response(view(shown))


def _changed(uow: UnitOfWork, ticket_id: int, body: dict[str, Any], caller: Caller) -> Ticket:
    by = By(body.get("by", caller.label), HOW, body.get("note"))
    version = body.get("version")
    if "snoozed_until" in body:
        until = body["snoozed_until"]
        return tickets.snooze(uow, ticket_id, until, client_id=caller.client_id, by=by, version=version)
    status = TicketStatus(body["status"])
    return tickets.move(uow, ticket_id, status, client_id=caller.client_id, by=by, version=version)


@blueprint.route("/<int:ticket_id>/timeline", parameters=[TICKET_ID])
class TicketTimeline(MethodView):
    """What happened to it."""

    @blueprint.response(200, TimelineItemView(many=True))
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, ticket_id: int) -> Response:
        """Tell what happened to a ticket, oldest first: whom each step told, who took it, and what ended it."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            items = tickets.timeline(uow, ticket_id, client_id=caller.client_id)
        return json_response(items)
