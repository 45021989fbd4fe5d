"""Silences: what is not told for a while, what they match, and which alerts fire meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, request
from werkzeug.wrappers import Response

from sentinel.clock import utc_now
from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.errors import shown as shown_value
from sentinel.ids import is_id
from sentinel.models import Silence
from sentinel.models.silence import SilenceState
from sentinel.queries import clients, endpoints
from sentinel.queries.endpoints import Filter as EndpointFilter
from sentinel.queries.silences import Filter
from sentinel.rules.matchers import labels_of
from sentinel.schedules.lines import written_lines
from sentinel.services.muting import previews, silences, standing
from sentinel.services.muting.holding import quiet_times, windows_of
from sentinel.services.muting.matchers import read_all
from sentinel.services.muting.previews import Asked, Preview
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import acts, asks, caller_for, note_action
from sentinel.web.alert_words import alert_name, matchers_for, shown_labels
from sentinel.web.asked_parts import is_part
from sentinel.web.chosen_client import chosen_client
from sentinel.web.forms import text
from sentinel.web.frame import back_or, not_done, page, see_other
from sentinel.web.moments import when
from sentinel.web.paging import cursor, page_size, paged
from sentinel.web.silence_forms import HOURS, Filled, asked_of, at_fields, copied, linked, sent, wanted_of
from sentinel.web.words import seconds

STATES = {"active": "Active", "pending": "Scheduled", "expired": "Over", "": "All"}
LONGER_MINUTES = (60, 240, 1440, 10_080)
MOST_OFFERED = 200
MOST_LOOKED_AT = 5000
"""Most events of which a page says what a silence holds back: it is asked for often, and as one types."""

WHY_OVER = {
    "expired": "its time came",
    "person": "somebody ended it",
    "resolved": "its alerts were resolved",
    "quiet": "nothing matched it any more",
}


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a silence would hold back, of what was asked; or why that cannot be said."""

    found: Preview | None = None
    asked: Asked | None = None
    problems: Sequence[str] = ()


blueprint = Blueprint("silences", __name__, url_prefix="/console/silences")


@blueprint.context_processor
def _words() -> dict[str, Any]:
    """How alerts are shown, for the templates of this screen."""
    return {
        "when": _when,
        "alert_name": alert_name,
        "shown_labels": shown_labels,
        "matchers_for": matchers_for,
        "labels_of": labels_of,
        "hours": HOURS,
    }


def _when(at: datetime) -> str:
    return when(at, now=utc_now())


@blueprint.get("")
def index() -> Response:
    """Show silences of a state, and what fires now."""
    with unit_of_work() as uow:
        known = _listed(uow) | {"firing": standing.firing(uow, chosen_client(uow).id)}
    return page("console/silences/index.html", **known)


@blueprint.get("/rows")
def rows() -> Response:
    """Show the silences alone."""
    with unit_of_work() as uow:
        known = _listed(uow)
    return page("console/silences/_rows.html", **known)


@blueprint.get("/firing")
def firing() -> Response:
    """Show alone what fires now, and what of it nobody hears of."""
    with unit_of_work() as uow:
        found = standing.firing(uow, chosen_client(uow).id)
    return page("console/silences/_firing.html", firing=found)


def _listed(uow: UnitOfWork) -> dict[str, Any]:
    client, state = chosen_client(uow), request.args.get("state", "active")
    before = cursor()
    wanted = Filter(
        client.id,
        SilenceState(state) if state in set(SilenceState) else None,
        before=before if before and is_id(before) else None,
    )
    found, following = silences.page(uow, wanted, size=page_size())
    shown = [_shown(row, owner, uow) for row, owner in found]
    return {"client": client, "state": state, "states": STATES, "page": paged(shown, following)}


def _shown(row: Silence, client: str, uow: UnitOfWork) -> dict[str, Any]:
    """A silence as the templates have it."""
    windows = windows_of(row)
    return {
        "row": row,
        "client": client,
        "state": row.state(uow.now).value,
        "matchers": list(map(str, read_all(row.matchers))),
        "quiet": quiet_times(row, now=uow.now),
        "why_over": WHY_OVER.get(str(row.why_over(uow.now)), ""),
        "windows": [] if windows is None else written_lines(windows),
        "zone": None if windows is None else windows.zone.key,
    }


@blueprint.get("/new")
def new() -> Response:
    """Ask what the new silence shall be: nothing known, as a link fills it in, or like another one."""
    if (of := request.args.get("copy")) is None:
        return _form(linked())
    with unit_of_work() as uow:
        row, client = silences.get(uow, of, client_id=None)
    return _form(copied(row, client))


def _form(filled: Filled, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    """Show the form, and beside it what it matches as it stands."""
    with unit_of_work() as uow:
        owner = clients.caller_by_name(uow.session, filled["client"])
        known = {
            "names": [each.name for each in clients.page(uow.session, after=0, size=MOST_OFFERED)],
            "reminded": [] if owner is None else _endpoints(uow, owner[0]),
            "previewed": _previewed(uow, filled) if filled["matchers"] else Previewed(),
        }
    return page("console/silences/new.html", status, filled=filled, errors=errors or {}, **known)


def _endpoints(uow: UnitOfWork, client_id: int) -> list[str]:
    """Names of those who can be reminded."""
    wanted = EndpointFilter(client_id, is_enabled=True)
    found = endpoints.page(uow.session, wanted, size=MOST_OFFERED)
    return sorted({each.name for each in found if each.name is not None})


@blueprint.post("/preview")
@asks
def preview() -> Response:
    """Say what the form as it stands would hold back; our script asks for that part alone."""
    filled = sent()
    if not is_part():
        return _form(filled)
    with unit_of_work() as uow:
        previewed = _previewed(uow, filled) if filled["matchers"] else Previewed()
    return page("console/silences/_preview.html", previewed=previewed)


def _previewed(uow: UnitOfWork, filled: Filled) -> Previewed:
    try:
        asked = asked_of(filled)
        owner = clients.caller_by_name(uow.session, filled["client"])
        if owner is None:
            raise _no_client(filled)
        return Previewed(previews.preview(uow, owner[0], asked, most=MOST_LOOKED_AT), asked)
    except InvalidInputError as error:
        return Previewed(problems=list(at_fields(error.errors).values()))


def _no_client(filled: Filled) -> InvalidInputError:
    shown = shown_value(filled["client"])
    return InvalidInputError(FieldError("client", shown, "is no client", "choose one of those that are offered"))


@blueprint.post("")
@acts("operator")
def create() -> Response:
    """Store the silence that somebody wants."""
    filled = sent()
    try:
        with unit_of_work() as uow:
            row, client = _created(uow, filled)
            note_action(uow, "silence.create", f"silence {row.id}", client=client, matchers=len(row.matchers))
    except InvalidInputError as error:
        return _form(filled, at_fields(error.errors), 422)
    flash("The silence is stored: it holds back what it matches in its time.")
    return see_other("console.silences.show", silence_id=row.id)


def _created(uow: UnitOfWork, filled: Filled) -> tuple[Silence, str]:
    try:
        caller = caller_for(uow, filled["client"])
    except NotFoundError:
        raise _no_client(filled) from None
    wanted = wanted_of(filled, by=caller.label, now=uow.now)
    return silences.add(uow, caller.client_id, wanted), caller.client_name


@blueprint.get("/<uuid:silence_id>")
def show(silence_id: UUID) -> Response:
    """Show a silence: when it holds, what ends it, and what it matches now."""
    return _silence_page("console/silences/show.html", str(silence_id))


@blueprint.get("/<uuid:silence_id>/standing")
def standing_of(silence_id: UUID) -> Response:
    """Show alone what changes of a silence by itself."""
    return _silence_page("console/silences/_standing.html", str(silence_id))


def _silence_page(template: str, silence_id: str) -> Response:
    with unit_of_work() as uow:
        row, client = silences.get(uow, silence_id, client_id=None)
        asked = Asked(read_all(row.matchers), windows_of(row), hours=1)
        previewed = Previewed(previews.preview(uow, row.client_id, asked, most=MOST_LOOKED_AT), asked)
        shown = _shown(row, client, uow)
    longer = [(minutes, seconds(minutes * 60)) for minutes in LONGER_MINUTES]
    return page(template, shown=shown, row=row, previewed=previewed, longer=longer)


@blueprint.post("/<uuid:silence_id>/expire")
@acts("operator")
def expire(silence_id: UUID) -> Response:
    """End a silence now."""
    return _changed(str(silence_id), "silence.expire", "The silence is over: what it matches is told again.", _expire)


@blueprint.post("/<uuid:silence_id>/extend")
@acts("operator")
def extend(silence_id: UUID) -> Response:
    """Let a silence end later."""
    return _changed(str(silence_id), "silence.extend", "The silence ends later.", _extend)


def _expire(uow: UnitOfWork, silence_id: str) -> Silence:
    return silences.expire(uow, silence_id, client_id=None)


def _extend(uow: UnitOfWork, silence_id: str) -> Silence:
    given = text("minutes")
    if given not in map(str, LONGER_MINUTES):
        remedy = f"choose one of {', '.join(map(str, LONGER_MINUTES))}"
        raise InvalidInputError(FieldError("minutes", shown_value(given), "cannot be added", remedy))
    return silences.extend(uow, silence_id, timedelta(minutes=int(given)), client_id=None)


def _changed(silence_id: str, action: str, said: str, change: Callable[[UnitOfWork, str], Silence]) -> Response:
    try:
        with unit_of_work() as uow:
            _, client = silences.get(uow, silence_id, client_id=None)
            change(uow, silence_id)
            note_action(uow, action, f"silence {silence_id}", client=client)
    except (ConflictError, InvalidInputError) as error:
        not_done(f"Nothing was done: {error}.")
    else:
        flash(said)
    return back_or("console.silences.show", silence_id=silence_id)
