"""`/silences`: what a client does not want to hear of for a while."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.silence import (
    SilenceListQuery,
    SilencePreviewRequest,
    SilencePreviewView,
    SilenceRequest,
    SilenceView,
)
from sentinel.models import Silence
from sentinel.models.silence import SilenceState
from sentinel.queries.silences import Filter
from sentinel.rules.matchers import labels_of
from sentinel.schedules.reading import read as read_schedule
from sentinel.schedules.schedule import Schedule
from sentinel.services.access.clients import Caller
from sentinel.services.muting import previews, silences
from sentinel.services.muting.holding import quiet_times
from sentinel.services.muting.matchers import read_all
from sentinel.services.muting.previews import Asked, Preview
from sentinel.services.muting.silence_checks import Manners, Wanted
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "silences:read", "silences:write"
SEES = "events:read"
"""What a preview shows is of events."""

SILENCE_ID = {
    "in": "path",
    "name": "silence_id",
    "schema": {"type": "string", "format": "uuid"},
    "description": "`id` of a silence",
}

COMPUTED = ("client", "state", "matchers", "is_quiet_now", "quiet_until", "quiet_from", "ended_reason")
COLUMNS = tuple(name for name in SilenceView().fields if name not in COMPUTED)
MANNERS = ("ends_when_resolved", "ends_after_quiet_seconds", "remind_before_seconds", "remind")

blueprint = StrictBlueprint(
    "silences", __name__, url_prefix="/silences", description="What a client does not want to hear of for a while"
)
blueprint.before_request(require_credentials)


def view(row: Silence, client: str, *, now: datetime) -> dict[str, Any]:
    """Show a silence as `SilenceView` has it."""
    shown = {name: getattr(row, name) for name in COLUMNS} | asdict(quiet_times(row, now=now))
    matchers = [asdict(each) for each in read_all(row.matchers)]
    over = {"state": row.state(now), "ended_reason": row.why_over(now)}
    return shown | over | {"client": client, "matchers": matchers}


def preview_view(found: Preview) -> dict[str, Any]:
    """Show a preview as `SilencePreviewView` has it."""
    counts = {name: getattr(found, name) for name in SilencePreviewView().fields if name not in ("alerts", "newest")}
    alerts = [
        {"alert": word.key, **{name: getattr(word, name) for name in ("event_id", "severity", "labels", "since")}}
        for word in found.alerts
    ]
    newest = [
        {"id": event.id, "created_at": event.created_at, "labels": labels_of(event.body)}
        for event in reversed(found.newest)
    ]
    return counts | {"alerts": alerts, "newest": newest}


def _wanted(body: dict[str, Any], caller: Caller) -> Wanted:
    given = {name: body[name] for name in MANNERS if name in body}
    return Wanted(
        tuple(body["matchers"]),
        body.get("starts_at"),
        body["ends_at"],
        body.get("created_by", caller.label),
        body.get("comment", ""),
        Manners(_windows(body), **given),
    )


def _windows(body: dict[str, Any]) -> Schedule | None:
    given = body.get("windows")
    return None if given is None else read_schedule(given, "windows")


@blueprint.route("")
class SilenceList(MethodView):
    """The silences of a client."""

    @blueprint.arguments(SilenceRequest())
    @blueprint.response(201, SilenceView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Be quiet about events that all matchers match: messages end as SUPPRESSED, `silenced`; tickets still open.

        A message that was accepted before is not called back.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            row = silences.add(uow, caller.client_id, _wanted(body, caller))
        response = json_response(view(row, caller.client_name, now=uow.now), 201)
        response.headers["Location"] = url_for("silences.SilenceItem", silence_id=row.id)
        return response

    @blueprint.arguments(SilenceListQuery(), location="query")
    @blueprint.response(200, SilenceView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List silences, newest first.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rows, following = silences.page(uow, _filter(query, caller.client_id), size=query["limit"])
        shown = [view(row, client, now=uow.now) for row, client in rows]
        return paged(shown, size=query["limit"], following=following)


def _filter(query: dict[str, Any], client_id: int) -> Filter:
    state, cursor = query.get("state"), query.get("cursor")
    return Filter(
        client_id=client_id,
        state=SilenceState(state) if state else None,
        before=str(cursor) if cursor else None,
    )


@blueprint.route("/preview")
class SilencePreview(MethodView):
    """What a silence would match."""

    @blueprint.arguments(SilencePreviewRequest())
    @blueprint.response(200, SilencePreviewView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Say what these matchers match: alerts that fire now, and what was heard and told in the last hours.

        Nothing is stored. It shows events, so it takes the scope `events:read` as well.
        """
        asked = Asked(tuple(body["matchers"]), _windows(body), body["hours"])
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            caller.require(SEES)
            found = previews.preview(uow, caller.client_id, asked)
        return json_response(preview_view(found))


@blueprint.route("/<string:silence_id>", parameters=[SILENCE_ID])
class SilenceItem(MethodView):
    """One silence."""

    @blueprint.response(200, SilenceView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, silence_id: str) -> Response:
        """Show a silence, over or not."""
        with unit_of_work() as uow:
            row, client = silences.get(uow, silence_id, client_id=current_caller(uow, READ).client_id)
        return json_response(view(row, client, now=uow.now))

    @blueprint.arguments(SilenceRequest())
    @blueprint.response(200, SilenceView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: dict[str, Any], silence_id: str) -> Response:
        """Change a silence. Its end and its texts can be; other matchers or another past end it and make a new one.

        The answer is the silence that holds now, with its `id`.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            wanted = _wanted(body, caller)
            row = silences.change(uow, silence_id, caller.client_id, wanted)
        return json_response(view(row, caller.client_name, now=uow.now))

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 409, 503)
    def delete(self, silence_id: str) -> Response:
        """End a silence now. It is kept, and shown as expired."""
        with unit_of_work() as uow:
            silences.expire(uow, silence_id, client_id=current_caller(uow, WRITE).client_id)
        return Response(status=204)
