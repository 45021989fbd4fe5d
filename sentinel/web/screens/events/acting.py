"""An event is posted again, as it was or changed: as a new one, which rules are asked about."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from flask import flash
from werkzeug.wrappers import Response

from sentinel.errors import InvalidInputError
from sentinel.services import events
from sentinel.services.events import IDS, MOMENTS, SeenEvent
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acting, acts, caller_for, needs
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import page, see_other
from sentinel.web.json_fields import read_json
from sentinel.web.screens.events.showing import blueprint

OWN = (*IDS, *MOMENTS)
"""What makes an event that one event: a new one has neither its ids nor its time."""


@blueprint.get("/<event_id>/again")
@needs("operator")
def ask_again(event_id: str) -> Response:
    """Show the form that posts it again."""
    with unit_of_work() as uow:
        seen = events.get_of_all(uow, event_id)
    kept = {name: value for name, value in seen.event.body.items() if name not in OWN}
    return _form(seen, orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode())


@blueprint.post("/<event_id>/again")
@acts("operator")
def post_again(event_id: str) -> Response:
    """Post what the form holds as a new event of the same client, heard by the same rules."""
    written = text("body")
    with unit_of_work() as uow:
        seen = events.get_of_all(uow, event_id)
    try:
        new_id = _post(seen, read_json("body", written))
    except InvalidInputError as error:
        return _form(seen, written, errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    flash("Posted as a new event. Its rules are asked within a second.")
    return see_other("console.events.show", event_id=new_id)


def _post(seen: SeenEvent, body: Any) -> str:
    event = seen.event
    with acting("event.repeat", f"event {event.id}", client=seen.client) as uow:
        checked = events.check(body, now=uow.now)
        done = events.ingest(
            uow,
            caller_for(uow, seen.client),
            [checked],
            is_broadcast=event.is_broadcast,
            is_addressed=event.is_addressed and checked.user_id is not None,
        )
    return done[0].id


def _form(
    seen: SeenEvent, written: str, errors: dict[str, str] | None = None, *, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    return page("console/events/again.html", status, seen=seen, written=written, errors=errors or {})
