"""`/events`: take in, look up, list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask import Response, request
from flask.views import MethodView

from sentinel.api.answers import answered, dumps, json_response, once
from sentinel.api.auth import current_caller, note_proven, remembered_caller, require_credentials
from sentinel.api.batches import items_of, results_of
from sentinel.api.notifications import IDEMPOTENCY_KEY
from sentinel.api.paging import PAGE_HEADERS, paged, since_of
from sentinel.api.parsing import (
    NDJSON,
    StrictBlueprint,
    is_ndjson,
    read_body,
    read_json,
    read_ndjson,
)
from sentinel.api.schemas.event import (
    EVENT,
    EventDetailView,
    EventItemView,
    EventListQuery,
    EventReceipt,
    EventView,
)
from sentinel.clock import utc_now
from sentinel.errors import FieldError, ForbiddenError, InvalidInputError, shown
from sentinel.json_bounds import is_storable
from sentinel.queries.events import Filter
from sentinel.services import events, intake
from sentinel.services.access.clients import Caller
from sentinel.services.events import LONGEST_TEXT, CheckedEvent, Ingested, SeenEvent
from sentinel.services.idempotency import Answer
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

READ, WRITE = "events:read", "events:write"
AUDIENCES = ("own", "all")
EQUAL = ("event_id", "type", "severity", "source", "name", "user_id", "device_id")
COLUMNS = tuple(name for name in EventView().fields if name not in ("client", "rule_ids", "unheard"))
NUL_IN_JSON = b"\\u0000"
"""The only spelling of a NUL character that JSON allows; most bodies are without it and need no walk."""

AUDIENCE = {
    "in": "query",
    "name": "audience",
    "required": False,
    "schema": {"type": "string", "enum": list(AUDIENCES)},
    "description": "whose rules hear it: `own`, or `all` clients' (takes the scope `events:broadcast` or `admin`); "
    "without it, all that the key allows",
}

EVENT_ID = {
    "in": "path",
    "name": "event_id",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT},
    "description": "`id` of the answer that accepted it, or the sender's own id",
}

blueprint = StrictBlueprint("events", __name__, url_prefix="/events", description="Facts that rules are asked about")
blueprint.before_request(require_credentials)


def view(seen: SeenEvent) -> dict[str, Any]:
    """Show an event as `EventView` has it."""
    facts = {name: getattr(seen.event, name) for name in COLUMNS}
    return facts | {"client": seen.client, "rule_ids": seen.rule_ids, "unheard": seen.unheard}


def receipt(ingested: Ingested) -> dict[str, Any]:
    """Show what became of an event as `EventReceipt` has it."""
    status = "accepted" if ingested.is_new else "duplicate"
    return {"event_id": ingested.event_id, "id": ingested.id, "status": status}


def location(ingested: Ingested) -> str:
    """Return the address of an event."""
    return f"{request.script_root}{blueprint.url_prefix}/{ingested.id}"


def refuse_nul(body: Any) -> None:
    """Refuse what PostgreSQL cannot keep."""
    if not is_storable(body):
        message = "contains a NUL character, which cannot be stored"
        raise InvalidInputError(FieldError("request", shown(body), message, "remove \\u0000 from its texts and names"))


def may_hold_nul() -> bool:
    """Whether this request's body has to be walked in search of NUL characters."""
    return NUL_IN_JSON in read_body()


def audience() -> str | None:
    """Return the audience that this request names; a typo must not tell everybody."""
    for name in request.args:
        if name not in ("audience", "client"):
            raise InvalidInputError(FieldError(name, None, "unknown parameter", "leave it out; known are: audience"))
    named = request.args.get("audience")
    if named is not None and named not in AUDIENCES:
        raise InvalidInputError(FieldError("audience", shown(named), "unknown audience", "use own or all"))
    return named


def _answer(read: Callable[[], Any], make: Callable[[UnitOfWork, Caller], Answer]) -> Response:
    """Answer a request once, for whoever calls."""
    with unit_of_work() as uow:
        caller = current_caller(uow, WRITE)
        return once(uow, caller, read, lambda: make(uow, caller))


def _acceptance(ingested: Ingested) -> Answer:
    return Answer(202, dumps(receipt(ingested)).decode(), location(ingested))


def _taken_in_with_others(body: Any, named: str | None) -> Ingested | None:
    """Take in an event of a caller that this process remembers, together with other requests; None: it goes alone."""
    caller = remembered_caller(WRITE)
    if caller is None:
        return None
    now = utc_now()
    try:
        checked, is_broadcast = events.check(body, now=now), events.is_broadcast(caller, named)
    except (InvalidInputError, ForbiddenError):
        return None  # told on its own way, which looks the caller up first
    stored = intake.take_in(caller, checked, is_broadcast=is_broadcast, now=now)
    if stored is not None:
        note_proven(caller)
    return stored


@blueprint.route("")
class EventList(MethodView):
    """The events that a client may see."""

    @blueprint.response(202, EventReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(
        parameters=[IDEMPOTENCY_KEY, AUDIENCE],
        requestBody={"required": True, "content": {"application/json": {"schema": EVENT}}},
    )
    def post(self) -> Response:
        """Take in one event: any JSON object.

        The answer comes when it is stored; rules are asked in the background. An event under an `event_id` (or
        `alert_id`) that the client has used before is a duplicate: nothing is stored, the first one's `id` is given.
        """
        body = read_json()
        if may_hold_nul():
            refuse_nul(body)
        named = audience()
        stored = _taken_in_with_others(body, named)
        if stored is not None:
            return answered(_acceptance(stored))

        def make(uow: UnitOfWork, caller: Caller) -> Answer:
            is_broadcast = events.is_broadcast(caller, named)
            checked = events.check(body, now=uow.now)
            return _acceptance(events.ingest(uow, caller, [checked], is_broadcast=is_broadcast)[0])

        return _answer(lambda: [named, body], make)

    @blueprint.arguments(EventListQuery(), location="query")
    @blueprint.response(200, EventView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List events, newest first: the client's own, and those of others that its rules heard.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = events.page(uow, _filter(query), caller.client_id, size=query["limit"])
        return paged([view(each) for each in rows], size=query["limit"], following=following)


def _filter(query: dict[str, Any]) -> Filter:
    return Filter(
        equal={name: query[name] for name in EQUAL if name in query},
        statuses=query.get("status", ()),
        rule_id=query.get("rule"),
        since=since_of(query["since"]) if "since" in query else None,
        before=str(query["cursor"]) if "cursor" in query else None,
    )


@blueprint.route("/batch")
class EventBatch(MethodView):
    """Many at once."""

    @blueprint.response(207, EventItemView(many=True), description="One result per item, in order")
    @blueprint.refuses(400, 401, 403, 409, 413, 415, 422, 503)
    @blueprint.doc(
        parameters=[IDEMPOTENCY_KEY, AUDIENCE],
        requestBody={
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "minItems": 1, "maxItems": 1000, "items": EVENT}},
                NDJSON: {"schema": {"type": "string", "description": "one JSON object a line"}},
            },
        },
    )
    def post(self) -> Response:
        """Take in up to 1,000 events, as an array or one a line.

        Valid items are stored though others are not: each result has `index`, `status` and either `event` or `errors`.
        """
        remedy = f"send a JSON array of events, or one event a line as {NDJSON}"
        items = items_of(read_ndjson() if is_ndjson() else read_json(), remedy=remedy)
        named = audience()

        def make(uow: UnitOfWork, caller: Caller) -> Answer:
            is_broadcast = events.is_broadcast(caller, named)
            done = ingest_each(uow, caller, items, is_broadcast=is_broadcast, is_suspect=may_hold_nul())
            return Answer(207, dumps(done).decode())

        return _answer(lambda: [named, items], make)


def ingest_each(
    uow: UnitOfWork, caller: Caller, items: Sequence[Any], *, is_broadcast: bool, is_suspect: bool
) -> list[dict[str, Any]]:
    """Take in every item that is an event, and return one result for each, in order.

    In the place of an item may stand the error that refused it. `is_suspect`: NUL characters must be looked for.
    """

    def check(item: Any) -> CheckedEvent:
        return _checked(item, now=uow.now, is_suspect=is_suspect)

    def store(good: list[CheckedEvent]) -> list[dict[str, Any]]:
        done = events.ingest(uow, caller, good, is_broadcast=is_broadcast)
        return [{"status": 202, "event": receipt(each)} for each in done]

    return results_of(items, check, store)


def _checked(item: Any, *, now: datetime, is_suspect: bool) -> CheckedEvent:
    if isinstance(item, InvalidInputError):
        raise item  # of what could not be read as an event
    if is_suspect:
        refuse_nul(item)
    return events.check(item, now=now)


@blueprint.route("/<string:event_id>", parameters=[EVENT_ID])
class EventItem(MethodView):
    """One event."""

    @blueprint.response(200, EventDetailView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, event_id: str) -> Response:
        """Show an event as it stands now, by our id or by the sender's own."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            seen = events.get(uow, event_id, caller.client_id)
            count = events.count_notifications(uow, seen.event.id, caller.client_id)
        return json_response(view(seen) | {"notifications": count})
