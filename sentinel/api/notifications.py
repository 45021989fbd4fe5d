"""`/notifications`: accept, look up, list, retry, cancel."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.views import MethodView

from sentinel.api.answers import answered, dumps, json_response, once
from sentinel.api.auth import current_caller, note_proven, remembered_caller, require_credentials
from sentinel.api.batches import array_of, items_of, loaded, results_of
from sentinel.api.paging import PAGE_HEADERS, paged, since_of
from sentinel.api.parsing import StrictBlueprint, read_json
from sentinel.api.schemas.notification import (
    BatchItemView,
    ListQuery,
    NotificationRequest,
    NotificationView,
    TimelineItemView,
)
from sentinel.clock import utc_now
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.models import Notification
from sentinel.models.status import Status
from sentinel.queries.notifications import Filter
from sentinel.services import intake, notifications
from sentinel.services.access.clients import Caller
from sentinel.services.idempotency import Answer
from sentinel.services.notifications import CheckedRequest, Request
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

READ, WRITE = "notifications:read", "notifications:write"

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "repeat the request under the same key and get the original answer",
}

NOTIFICATION_ID = {
    "in": "path",
    "name": "notification_id",
    "schema": {"type": "string", "format": "uuid"},
    "description": "`id` of the answer that accepted it",
}

VIEW_NAMES = tuple(name for name in NotificationView().fields if name not in ("client", "metadata"))

blueprint = StrictBlueprint(
    "notifications", __name__, url_prefix="/notifications", description="Messages to one target on one channel"
)
blueprint.before_request(require_credentials)


def view(row: Notification | dict[str, Any], client: str) -> dict[str, Any]:
    """Show a row, stored or about to be, as `NotificationView` has it."""
    if isinstance(row, dict):
        return {name: row.get(name) for name in VIEW_NAMES} | {"client": client, "metadata": row["metadata"]}
    return {name: getattr(row, name) for name in VIEW_NAMES} | {"client": client, "metadata": row.details}


def _location(notification_id: str) -> str:
    # `url_for` would find the same, at a fifth of what the whole request costs Flask.
    return f"{request.script_root}{blueprint.url_prefix}/{notification_id}"


def _acceptance(row: dict[str, Any], caller: Caller) -> Answer:
    return Answer(202, dumps(view(row, caller.client_name)).decode(), _location(row["id"]))


def _accepted_with_others(body: Request) -> Answer | None:
    """Accept for a caller that this process remembers, together with other requests; None: it has to go its own way."""
    caller = remembered_caller(WRITE)
    if caller is None:
        return None
    now = utc_now()
    try:
        checked = notifications.check(body, now=now)
    except InvalidInputError:
        return None  # told on its own way, which looks the caller up first
    row = intake.accept(caller, checked, now=now)
    if row is None:
        return None
    note_proven(caller)
    return _acceptance(row, caller)


@blueprint.route("")
class NotificationList(MethodView):
    """The notifications of a client."""

    @blueprint.arguments(NotificationRequest())
    @blueprint.response(202, NotificationView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(parameters=[IDEMPOTENCY_KEY])
    def post(self, body: Request) -> Response:
        """Accept one notification.

        The answer comes when the row is stored as PENDING; it is sent in the background.
        """
        stored = _accepted_with_others(body)
        if stored is not None:
            return answered(stored)

        def make() -> Answer:
            row = notifications.accept(uow, caller.client_id, [notifications.check(body, now=uow.now)])[0]
            return _acceptance(row, caller)

        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            return once(uow, caller, read_json, make)

    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, NotificationView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List notifications, newest first.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = notifications.page(uow, _filter(query, caller), size=query["limit"])
        return paged([view(row, client) for row, client in rows], size=query["limit"], following=following)


def _filter(query: dict[str, Any], caller: Caller) -> Filter:
    return Filter(
        client_id=caller.client_id,
        statuses=_statuses(query["status"]) if "status" in query else (),
        channel=query.get("channel"),
        reason=query.get("reason"),
        since=since_of(query["since"]) if "since" in query else None,
        before=str(query["cursor"]) if "cursor" in query else None,
        event_id=str(query["event"]) if "event" in query else None,
        user_id=query.get("user_id"),
        recipient=query.get("recipient"),
    )


def _statuses(text: str) -> tuple[str, ...]:
    wanted = tuple(each.strip().upper() for each in text.split(","))
    for each in wanted:
        if each not in frozenset(map(str, Status)):
            remedy = f"use any of: {', '.join(Status)}"
            raise InvalidInputError(FieldError("status", shown(each), "unknown status", remedy))
    return wanted


@blueprint.route("/batch")
class NotificationBatch(MethodView):
    """Many at once."""

    @blueprint.response(207, BatchItemView(many=True), description="One result per item, in order")
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(
        parameters=[IDEMPOTENCY_KEY],
        requestBody=array_of("NotificationRequest"),
    )
    def post(self) -> Response:
        """Accept up to 1,000 notifications.

        Valid items are stored though others are not: each result has `index`, `status` and either `notification` or
        `errors`.
        """
        items = items_of(read_json(), remedy="send a JSON array of notifications")

        def make() -> Answer:
            return Answer(207, dumps(_accept_each(uow, caller, items)).decode())

        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            return once(uow, caller, lambda: items, make)


def _accept_each(uow: UnitOfWork, caller: Caller, items: list[Any]) -> list[dict[str, Any]]:
    schema = NotificationRequest()

    def check(item: Any) -> CheckedRequest:
        return notifications.check(loaded(schema, item), now=uow.now)

    def store(good: list[CheckedRequest]) -> list[dict[str, Any]]:
        rows = notifications.accept(uow, caller.client_id, good)
        return [{"status": 202, "notification": view(row, caller.client_name)} for row in rows]

    return results_of(items, check, store)


@blueprint.route("/<string:notification_id>", parameters=[NOTIFICATION_ID])
class NotificationItem(MethodView):
    """One notification."""

    @blueprint.response(200, NotificationView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, notification_id: str) -> Response:
        """Show a notification as it stands now."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = notifications.get(uow, notification_id, client_id=caller.client_id)
        return json_response(view(found, caller.client_name))


@blueprint.route("/<string:notification_id>/timeline", parameters=[NOTIFICATION_ID])
class NotificationTimeline(MethodView):
    """Why it was (not) sent."""

    @blueprint.response(200, TimelineItemView(many=True))
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, notification_id: str) -> Response:
        """Tell what happened to a notification, oldest first."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            items = notifications.timeline(uow, notification_id, client_id=caller.client_id)
        return json_response(items)


@blueprint.route("/<string:notification_id>/retry", parameters=[NOTIFICATION_ID])
class NotificationRetry(MethodView):
    """Start over."""

    @blueprint.response(202, NotificationView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, notification_id: str) -> Response:
        """Start a FAILED or UNDELIVERED notification over, with a fresh allowance of tries."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = notifications.retry(uow, notification_id, client_id=caller.client_id)
            return json_response(view(found, caller.client_name), 202)


@blueprint.route("/<string:notification_id>/cancel", parameters=[NOTIFICATION_ID])
class NotificationCancel(MethodView):
    """Stop."""

    @blueprint.response(200, NotificationView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, notification_id: str) -> Response:
        """Cancel a notification that is still waiting."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = notifications.cancel(uow, notification_id, client_id=caller.client_id)
            return json_response(view(found, caller.client_name))
