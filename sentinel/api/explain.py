"""`/events/{id}/explain`: why an event was told, or was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.events import EVENT_ID
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.rule import ExplainQuery, ExplanationView
from sentinel.models import Notification
from sentinel.services.access.clients import Caller
from sentinel.services.ruling import explaining
from sentinel.services.ruling.explaining import RuleFate
from sentinel.services.unit_of_work import unit_of_work

READ_EVENTS, READ_RULES, READ_NOTIFICATIONS = "events:read", "rules:read", "notifications:read"

blueprint = StrictBlueprint("explain", __name__, url_prefix="/events", description="Why an event was told, or was not")
blueprint.before_request(require_credentials)


@blueprint.route("/<string:event_id>/explain", parameters=[EVENT_ID])
class EventExplanation(MethodView):
    """Why, and why not."""

    @blueprint.arguments(ExplainQuery(), location="query")
    @blueprint.response(200, ExplanationView)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any], event_id: str) -> Response:
        """Tell of each rule what became of it: those that matched first, then those that failed latest.

        Rules are asked as they are now; `has_changed` marks those that changed since the event came.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ_EVENTS)
            caller.require(READ_RULES)
            rule_id, most = query.get("rule"), query["limit"]
            found = explaining.why(uow, event_id, caller.client_id, rule_id=rule_id, most=most)
        return json_response(
            {
                "event_id": found.seen.event.id,
                "status": found.seen.event.status,
                "considered": found.considered,
                "rules": [fate_view(each, found.notifications) for each in found.fates],
                "notifications": [told_view(each, caller) for each in found.notifications],
            }
        )


def fate_view(fate: RuleFate, told: Sequence[Notification]) -> dict[str, Any]:
    """Show what became of a rule as `RuleFateView` has it."""
    explained = fate.explanation.as_dict()
    return {
        "id": fate.rule.id,
        "name": fate.rule.name,
        "version": fate.rule.version,
        "outcome": fate.fate,
        "has_changed": fate.has_changed,
        "needs": fate.needs,
        "failed": explained["failed"],
        "findings": explained["findings"],
        "notifications": [each.id for each in told if fate.rule.id in (each.rule_ids or ())],
    }


def told_view(row: Notification, caller: Caller) -> dict[str, Any]:
    """Show a notification as `ToldView` has it."""
    names = ("id", "channel", "status", "reason")
    may_see = READ_NOTIFICATIONS in caller.scopes
    return {name: getattr(row, name) for name in names} | {"recipient": row.recipient if may_see else None}
