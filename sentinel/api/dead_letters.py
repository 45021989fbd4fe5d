"""`/dead-letters`: what ended badly, by cause, and how it starts over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.notifications import NOTIFICATION_ID
from sentinel.api.notifications import view as notification_view
from sentinel.api.paging import since_of
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.dead_letter import LetterEdit, LetterGroupView, LetterQuery, LetterReplay, LetterReplayView
from sentinel.api.schemas.notification import NotificationView
from sentinel.queries.notifications import Filter
from sentinel.services.access.clients import ADMIN
from sentinel.services.bookkeeping import dead_letters
from sentinel.services.bookkeeping.dead_letters import Cause
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "notifications:read", "notifications:write"

blueprint = StrictBlueprint(
    "dead-letters", __name__, url_prefix="/dead-letters", description="What ended as FAILED or UNDELIVERED"
)
blueprint.before_request(require_credentials)


def group_view(cause: Cause) -> dict[str, Any]:
    """Show a group as `LetterGroupView` has it."""
    return asdict(cause.group) | {"hint": cause.hint}


def _filter(given: dict[str, Any], client_id: int | None) -> Filter:
    return Filter(
        client_id=client_id,
        statuses=(given["status"].upper(),) if "status" in given else (),
        channel=given.get("channel"),
        reason=given.get("reason"),
        provider=given.get("provider"),
        since=since_of(given["since"]) if "since" in given else None,
        user_id=given.get("user_id"),
        recipient=given.get("recipient"),
        event_id=str(given["event"]) if "event" in given else None,
    )


@blueprint.route("")
class DeadLetterGroups(MethodView):
    """The causes."""

    @blueprint.arguments(LetterQuery(), location="query")
    @blueprint.response(200, LetterGroupView(many=True))
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """Count what ended as FAILED or UNDELIVERED by channel, reason and provider, the most frequent first.

        What another target took over for is not counted. `GET /notifications?status=FAILED,UNDELIVERED` has the rows.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            if query["all_clients"]:
                caller.require(ADMIN)
            client_id = None if query["all_clients"] else caller.client_id
            causes = dead_letters.causes(uow, _filter(query, client_id))
        return json_response([group_view(each) for each in causes])


@blueprint.route("/replay")
class DeadLetterReplay(MethodView):
    """Start many over."""

    @blueprint.arguments(LetterReplay())
    @blueprint.response(202, LetterReplayView)
    @blueprint.alt_response(200, schema=LetterReplayView, description="A dry run: nothing was changed")
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Start letters over, newest first, each with a fresh allowance of tries.

        The pace is written into the rows: nothing has to stay running, and each passes suppressions, deduplication and
        limits when its turn comes. `dry_run` only counts.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            wanted = _filter(body, caller.client_id)
            causes, matched = dead_letters.causes(uow, wanted), dead_letters.count(uow, wanted)
        count, rate = min(body["limit"], matched), body["rate_per_second"]
        if not body["dry_run"]:
            count = dead_letters.replay(wanted, most=count, rate=rate).replayed
        answer = {"matched": matched} | _replay_view(causes, count, rate)
        return json_response(answer, 200 if body["dry_run"] else 202)


def _replay_view(causes: Sequence[Cause], count: int, rate: int) -> dict[str, Any]:
    return {
        "replayed": count,
        "rate_per_second": rate,
        "seconds": dead_letters.duration(count, rate).total_seconds(),
        "groups": [group_view(each) for each in causes],
    }


@blueprint.route("/<string:notification_id>/replay", parameters=[NOTIFICATION_ID])
class DeadLetterEdit(MethodView):
    """Mend one, and start it over."""

    @blueprint.arguments(LetterEdit())
    @blueprint.response(202, NotificationView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any], notification_id: str) -> Response:
        """Start one letter over with another recipient, subject or body, checked as for a new notification.

        Its timeline keeps the old recipient and subject. 409 if it has not ended badly, or if its event was told to
        that recipient already.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = dead_letters.edit_and_replay(
                uow, notification_id, body, client_id=caller.client_id, by=caller.label
            )
            return json_response(notification_view(found, caller.client_name), 202)
