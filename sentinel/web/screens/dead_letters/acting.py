"""Letters start over: some that were chosen, or all of a kind, after a look at how many they are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import flash, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, FieldError, InvalidInputError, TooBroadError, shown
from sentinel.ids import is_id
from sentinel.models import LetterReplay
from sentinel.queries.notifications import Filter
from sentinel.queries.patience import patience
from sentinel.services.bookkeeping import dead_letters, replays
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import acts, asks, needs, note_action, visitor
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.narrowing import LOOK_SECONDS, Given, small_number
from sentinel.web.screens.dead_letters.narrowing import NAMES, wanted
from sentinel.web.screens.dead_letters.showing import USUAL_RATE, address_of, blueprint

FASTEST = 1000
MOST_CHOSEN = 200
FIELDS = (*NAMES, "id", "chosen")

TOO_BROAD = {"since": "there are more than can be counted at once: go back, and choose a time or a client"}


@blueprint.get("/replay")
@needs("operator")
def ask_replay() -> Response:
    """Say how many letters of a kind would start over, and how long that takes; nothing is done."""
    return _asked(request.args)


@blueprint.post("/replay/check")
@asks
@needs("operator")
def check_replay() -> Response:
    """The same for letters that were chosen, or for another pace."""
    return _asked(request.form)


def _asked(fields: Given) -> Response:
    errors: dict[str, str] = {}
    rate, total, causes = USUAL_RATE, 0, list[Any]()
    try:
        rate = _rate(fields)
        with unit_of_work() as uow:
            asked = _which(uow, fields)
            with patience(uow.session, seconds=LOOK_SECONDS):
                causes, total = dead_letters.causes(uow, asked), dead_letters.count(uow, asked)
    except InvalidInputError as error:
        errors = errors_of(error)
    except TooBroadError:
        errors = TOO_BROAD
    return _answer(fields, errors, rate=rate, total=total, causes=causes)


def _answer(fields: Given, errors: dict[str, str], *, rate: int, total: int, causes: list[Any]) -> Response:
    return page(
        "console/dead_letters/ask.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        fields=[(name, value) for name in FIELDS for value in fields.getlist(name)],
        rate=fields.get("rate") or USUAL_RATE,
        total=total,
        causes=causes,
        length=dead_letters.duration(total, rate),
        errors=errors,
        back=address_of(MultiDict(fields)),
    )


def _which(uow: UnitOfWork, fields: Given) -> Filter:
    """The letters that were chosen one by one, or all of the kind that the fields name."""
    ids = list(dict.fromkeys(fields.getlist("id")))
    if fields.get("chosen") and not ids:  # none is not all
        raise InvalidInputError(FieldError("id", None, "no letter is chosen", "go back, and choose at least one"))
    for each in ids:
        if not is_id(each):
            raise InvalidInputError(FieldError("id", shown(each), "is not an id", "choose letters on their page"))
    if len(ids) > MOST_CHOSEN:
        remedy = f"choose up to {MOST_CHOSEN}, or start all of a kind over"
        raise InvalidInputError(FieldError("id", len(ids), "are too many", remedy))
    return Filter(ids=tuple(ids)) if ids else wanted(uow, fields)


def _rate(fields: Given) -> int:
    written = fields.get("rate") or str(USUAL_RATE)
    rate = small_number(written, most=FASTEST)
    if not rate:
        remedy = f"write a whole number from 1 to {FASTEST}"
        raise InvalidInputError(FieldError("rate", shown(written), "is no pace", remedy))
    return rate


@blueprint.post("/replay")
@acts("operator")
def begin_replay() -> Response:
    """Have them started over, at a pace."""
    try:
        rate = _rate(request.form)
        with unit_of_work() as uow:
            asked = _which(uow, request.form)
            twin = replays.twin_of(uow, asked, rate=rate, by=_name())
            begun = twin or _begin(uow, asked, rate=rate)
    except InvalidInputError:
        return _asked(request.form)
    except TooBroadError:
        return _answer(request.form, TOO_BROAD, rate=rate, total=0, causes=[])
    if begun is None:
        not_done("There are no such letters any more; nothing was started over.")
        return see_other("console.dead_letters.index")
    if twin is not None:
        not_done("These start over already: you asked for it a moment ago.")
        return see_other("console.dead_letters.show_replay", replay_id=twin.id)
    next(replays.drive(begun.id))  # a slice; beat has the others taken up
    flash(f"{begun.total:,} start over, {begun.rate} a second. You may close this page: it goes on by itself.")
    return see_other("console.dead_letters.show_replay", replay_id=begun.id)


def _name() -> str:
    person = visitor()
    return person.name if person else ""


def _begin(uow: UnitOfWork, asked: Filter, *, rate: int) -> LetterReplay | None:
    with patience(uow.session, seconds=LOOK_SECONDS):
        total = dead_letters.count(uow, asked)
    if not total:
        return None
    begun = replays.begin(uow, asked, total=total, rate=rate, by=_name())
    client = text("client") or None
    note_action(uow, "letters.replay", f"replay {begun.id}", client=client, letters=total, rate=rate)
    return begun


@blueprint.post("/replays/<int:replay_id>/stop")
@acts("operator")
def stop_replay(replay_id: int) -> Response:
    """Leave the letters as they are whose turn has not come."""
    try:
        with unit_of_work() as uow:
            found = replays.stop(uow, replay_id, client_id=None, by=_name())
            note_action(uow, "letters.stop", f"replay {replay_id}", client=found.client, left=found.left)
    except ConflictError as error:
        not_done(str(error))
    else:
        flash(f"Stopped: {found.left:,} letters stay as they are.")
    return see_other("console.dead_letters.show_replay", replay_id=replay_id)
