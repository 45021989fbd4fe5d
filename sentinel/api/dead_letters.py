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
from sentinel.api.paging import PAGE_HEADERS, paged, since_of
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.dead_letter import LetterEdit, LetterGroupView, LetterQuery, LetterReplay, LetterReplayView
from sentinel.api.schemas.letter_replay import BulkReplayListQuery, BulkReplayView
from sentinel.api.schemas.notification import NotificationView
from sentinel.queries.notifications import Filter
from sentinel.services.access.clients import ADMIN
from sentinel.services.bookkeeping import dead_letters, replays
from sentinel.services.bookkeeping.dead_letters import Cause
from sentinel.services.bookkeeping.replays import Progress
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "notifications:read", "notifications:write"
REPLAY_ID = {
    "in": "path",
    "name": "replay_id",
    "schema": {"type": "integer"},
    "description": "`replay_id` of its answer",
}
COUNTED = ("client", "rate_per_second", "waiting", "through", "failed", "held_back", "is_cut")
REPLAY_COLUMNS = tuple(name for name in BulkReplayView().fields if name not in COUNTED)

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

        It is carried on in the background, and `GET /dead-letters/replays/{replay_id}` tells how far it is. Each letter
        passes suppressions, deduplication and limits when its turn comes. `dry_run` only counts.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            wanted = _filter(body, caller.client_id)
            causes, matched = dead_letters.causes(uow, wanted), dead_letters.count(uow, wanted)
            count, rate = min(body["limit"], matched), body["rate_per_second"]
            is_real = bool(count) and not body["dry_run"]
            begun = replays.begin(uow, wanted, total=count, rate=rate, by=caller.label) if is_real else None
        if begun is not None:
            next(replays.drive(begun.id))  # a slice; beat has the others taken up
        answer = {"replay_id": begun and begun.id, "matched": matched} | _replay_view(causes, count, rate)
        return json_response(answer, 200 if body["dry_run"] else 202)


def _replay_view(causes: Sequence[Cause], count: int, rate: int) -> dict[str, Any]:
    return {
        "replayed": count,
        "rate_per_second": rate,
        "seconds": dead_letters.duration(count, rate).total_seconds(),
        "groups": [group_view(each) for each in causes],
    }


@blueprint.route("/replays")
class ReplayList(MethodView):
    """Those that were asked for."""

    @blueprint.arguments(BulkReplayListQuery(), location="query")
    @blueprint.response(200, BulkReplayView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List replays of many letters, newest first, and how far each is.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        size = query["limit"]
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = replays.page(uow, client_id=caller.client_id, before=query.get("cursor"), size=size)
        return paged([replay_view(each) for each in rows], size=size, following=following)


@blueprint.route("/replays/<int:replay_id>", parameters=[REPLAY_ID])
class ReplayItem(MethodView):
    """One of them."""

    @blueprint.response(200, BulkReplayView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, replay_id: int) -> Response:
        """Tell how far a replay is, and how the letters ended that it started over."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = replays.get(uow, replay_id, client_id=caller.client_id)
        return json_response(replay_view(found))


@blueprint.route("/replays/<int:replay_id>/stop", parameters=[REPLAY_ID])
class ReplayStop(MethodView):
    """Enough."""

    @blueprint.response(200, BulkReplayView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, replay_id: int) -> Response:
        """Stop a running replay: letters whose turn does not come within seconds stay dead letters."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = replays.stop(uow, replay_id, client_id=caller.client_id, by=caller.label)
        return json_response(replay_view(found))


def replay_view(progress: Progress) -> dict[str, Any]:
    """Show a replay as `BulkReplayView` has it."""
    columns = {name: getattr(progress.replay, name) for name in REPLAY_COLUMNS}
    return columns | {name: getattr(progress, name) for name in COUNTED}


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
