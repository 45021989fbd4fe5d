"""On call: of each rotation who it is now and through the week, who stands in, and what the policies do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash
from werkzeug.wrappers import Response

from sentinel.clock import utc_now
from sentinel.errors import FieldError, InvalidInputError, NotFoundError
from sentinel.errors import shown as shown_value
from sentinel.models import EscalationPolicy
from sentinel.queries.named import Filter
from sentinel.schedules.reading import zone_of
from sentinel.schedules.rotation import Override
from sentinel.services.access.clients import Caller
from sentinel.services.escalating import addressees, rosters, rotations
from sentinel.services.escalating.policies import POLICIES
from sentinel.services.escalating.rosters import Roster
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import acts, caller_for, note_action
from sentinel.web.chosen_client import chosen_client
from sentinel.web.escalation_words import meant_words, target_words, wait_words
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import back_or, not_done, page
from sentinel.web.moments import read_moment, required_moment, when
from sentinel.web.week_band import Band, band

MOST = 100
"""Most rotations, and most policies, of one page."""

FIELDS = ("rotation", "member", "starts_at", "ends_at")

blueprint = Blueprint("on_call", __name__, url_prefix="/console/on-call")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A rotation and its week as it is drawn."""

    roster: Roster
    band: Band | None

    @property
    def key(self) -> str:
        """How the form of who stands in calls it."""
        return f"{self.roster.client}/{self.roster.rotation.name}"


@blueprint.context_processor
def _words() -> dict[str, Any]:
    """How escalations are said, for the templates of this screen."""
    return {"when": _when, "meant_words": meant_words, "target_words": target_words, "wait_words": wait_words}


def _when(at: datetime) -> str:
    return when(at, now=utc_now())


@blueprint.get("")
def index() -> Response:
    """Show who is on call, who stands in, and the policies."""
    return _page()


@blueprint.get("/rosters")
def drawn() -> Response:
    """Show the rotations alone, for the page that keeps them fresh."""
    with unit_of_work() as uow:
        known = _rosters(uow)
    return page("console/on_call/_rosters.html", **known)


def _page(filled: dict[str, str] | None = None, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    with unit_of_work() as uow:
        known = _rosters(uow) | _policies(uow)
    filled = filled or dict.fromkeys(FIELDS, "") | {"ends_at": "8h"}
    return page("console/on_call/index.html", status, filled=filled, errors=errors or {}, **known)


def _rosters(uow: UnitOfWork) -> dict[str, Any]:
    client = chosen_client(uow)
    found, following = rosters.page(uow, Filter(client.id), size=MOST)
    drawn = [_drawn(each, uow) for each in found]
    members = sorted({name for each in found for name in each.rotation.members})
    return {"client": client, "drawn": drawn, "is_cut": following is not None, "members": members}


def _drawn(roster: Roster, uow: UnitOfWork) -> Drawn:
    if roster.week is None:
        return Drawn(roster, None)
    row = roster.rotation
    return Drawn(roster, band(roster.week, row.members, zone_of(row.zone, "zone"), now=uow.now))


def _policies(uow: UnitOfWork) -> dict[str, Any]:
    found, following = POLICIES.page(uow, Filter(chosen_client(uow).id), size=MOST)
    meant = addressees.found(uow, _asked([row for row, _ in found])) if found else {}
    return {"policies": found, "meant": meant, "are_policies_cut": following is not None}


def _asked(policies: Sequence[EscalationPolicy]) -> set[tuple[int, str]]:
    return {(row.client_id, target) for row in policies for step in row.steps for target in step["notify"]}


@blueprint.post("/overrides")
@acts("operator")
def stand_in() -> Response:
    """Let somebody stand in."""
    filled = {name: text(name).replace("\0", "") for name in FIELDS}
    client, _, name = filled["rotation"].rpartition("/")
    try:
        with unit_of_work() as uow:
            caller = _caller(uow, client, name)
            starts_at = read_moment(filled["starts_at"], "starts_at", now=uow.now) or uow.now
            ends_at = required_moment(filled["ends_at"], "ends_at", now=starts_at)
            wanted = Override(filled["member"], starts_at, ends_at)
            rotations.override(uow, caller.client_id, name, wanted, by=caller.label)
            note_action(uow, "rotation.override", f"rotation {name}", client=client, member=wanted.member)
    except InvalidInputError as error:
        return _page(filled, errors_of(error), 422)
    flash(f"{wanted.member} stands in on {name}.")
    return back_or("console.on_call.index")


def _caller(uow: UnitOfWork, client: str, name: str) -> Caller:
    """The visitor, acting for the client of a rotation that there is."""
    try:
        caller = caller_for(uow, client)
        rotations.ROTATIONS.get(uow, name, client_id=caller.client_id)
    except NotFoundError:
        error = FieldError(
            "rotation", shown_value(f"{client}/{name}"), "is no rotation", "choose one of those there are"
        )
        raise InvalidInputError(error) from None
    return caller


@blueprint.post("/overrides/<int:override_id>/remove")
@acts("operator")
def remove(override_id: int) -> Response:
    """Take back that somebody stands in."""
    client, _, name = text("rotation").replace("\0", "").rpartition("/")
    try:
        with unit_of_work() as uow:
            caller = caller_for(uow, client)
            rotations.delete_override(uow, caller.client_id, name, override_id)
            note_action(uow, "rotation.override_remove", f"rotation {name}", client=client, override=override_id)
    except NotFoundError as error:
        not_done(f"Nothing was done: {error}.")
    else:
        flash("Taken back: the rotation goes on as before.")
    return back_or("console.on_call.index")
