"""`/api/v2/silences`: the silences of Sentinel, as Alertmanager shows and takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.alertmanager.blueprints import blueprint_of
from sentinel.api.alertmanager.filters import matchers_of
from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller
from sentinel.api.parsing import read_json
from sentinel.api.silences import READ, WRITE
from sentinel.clock import utc_now, written
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.json_bounds import is_storable
from sentinel.models import Silence
from sentinel.models.silence import SilenceState
from sentinel.rules.matchers import Matcher
from sentinel.services.alerting.reports import TIME_REMEDY, read_moment
from sentinel.services.muting import silences
from sentinel.services.muting.matchers import MATCHER_REMEDY, as_stored
from sentinel.services.muting.silence_checks import Wanted
from sentinel.services.unit_of_work import unit_of_work

KEPT = timedelta(hours=120)
"""How long ago a silence may have ended that is listed: as long as Alertmanager keeps them."""

blueprint = blueprint_of("alertmanager_silences")


def view(row: Silence, now: datetime) -> dict[str, Any]:
    """Show a silence as Alertmanager's `gettableSilence`."""
    return {
        "id": row.id,
        "status": {"state": row.state(now)},
        "updatedAt": written(row.updated_at),
        "matchers": row.matchers,
        "startsAt": written(row.starts_at),
        "endsAt": written(row.ends_at),
        "createdBy": row.created_by,
        "comment": row.comment,
    }


def wanted_of(body: Any) -> Wanted:
    """Read Alertmanager's `postableSilence`, or say what is wrong with it."""
    if not isinstance(body, dict) or not is_storable(body):
        remedy = "send an object with matchers, startsAt, endsAt, createdBy and comment, without NUL characters"
        raise InvalidInputError(FieldError("request", shown(body), "is no silence", remedy))
    given = body.get("matchers")
    if not isinstance(given, list):
        raise InvalidInputError(FieldError("matchers", shown(given), "is not an array", "send an array of matchers"))
    matchers = tuple(_matcher(each, number) for number, each in enumerate(given))
    created_by, comment = _text(body, "createdBy"), _text(body, "comment")
    return Wanted(matchers, _moment(body, "startsAt"), _moment(body, "endsAt"), created_by, comment)


def _matcher(given: Any, number: int) -> Matcher:
    field = f"matchers.{number}"
    if not isinstance(given, dict):
        raise InvalidInputError(FieldError(field, shown(given), "is not an object", MATCHER_REMEDY))
    is_regex, is_equal = given.get("isRegex", False), given.get("isEqual", True)
    if not isinstance(is_regex, bool) or not isinstance(is_equal, bool):
        remedy = "isRegex and isEqual are true or false"
        raise InvalidInputError(FieldError(field, shown(given), "is no matcher", remedy))
    return Matcher(_text(given, "name", field), _text(given, "value", field), is_regex, is_equal)


def _text(body: Mapping[str, Any], name: str, within: str | None = None) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        field = f"{within}.{name}" if within else name
        raise InvalidInputError(FieldError(field, shown(value), "is not a text", f'send it as text: "{name}": "…"'))
    return value


def _moment(body: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = read_moment(body.get(name))
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidInputError(FieldError(name, shown(body.get(name)), "is not a time", TIME_REMEDY))
    return moment


class SilenceList(MethodView):
    """The silences of a client."""

    def post(self) -> Response:
        """Make a silence, or change the one whose id is given; what cannot be changed ends, and a new one begins."""
        body = read_json()
        wanted = wanted_of(body)
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            if known := body.get("id"):
                row = silences.change(uow, str(known), caller.client_id, wanted)
            else:
                row = silences.add(uow, caller.client_id, wanted)
        return json_response({"silenceID": row.id})

    def get(self) -> Response:
        """List silences: active ones that end soonest first, then pending ones, then those that are over."""
        matchers = [as_stored(each) for each in matchers_of("filter")]
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = silences.since(uow, caller.client_id, uow.now - KEPT)
        wanted = [row for row in found if all(each in row.matchers for each in matchers)]
        return json_response([view(row, uow.now) for row in sorted(wanted, key=lambda row: _place(row, uow.now))])


def _place(row: Silence, now: datetime) -> tuple[int, float]:
    state = row.state(now)
    if state is SilenceState.ACTIVE:
        return 0, row.ends_at.timestamp()
    return (1, row.starts_at.timestamp()) if state is SilenceState.PENDING else (2, -row.ends_at.timestamp())


class SilenceItem(MethodView):
    """One silence."""

    def get(self, silence_id: str) -> Response:
        """Show it."""
        with unit_of_work() as uow:
            row, _ = silences.get(uow, silence_id, client_id=current_caller(uow, READ).client_id)
        return json_response(view(row, utc_now()))

    def delete(self, silence_id: str) -> Response:
        """End it now."""
        with unit_of_work() as uow:
            silences.expire(uow, silence_id, client_id=current_caller(uow, WRITE).client_id)
        return Response()


blueprint.add_url_rule("/silences", view_func=SilenceList.as_view("SilenceList"))
blueprint.add_url_rule("/silence/<string:silence_id>", view_func=SilenceItem.as_view("SilenceItem"))
