"""The causes of dead letters, the letters of one of them, and how far replays are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.errors import InvalidInputError, TooBroadError
from sentinel.queries.notifications import Filter
from sentinel.queries.patience import patience
from sentinel.services.bookkeeping import dead_letters, replays
from sentinel.services.bookkeeping.replays import Progress
from sentinel.services.editing import LARGEST_ID
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.chosen_client import client_names
from sentinel.web.forms import errors_of
from sentinel.web.frame import page
from sentinel.web.narrowing import LOOK_SECONDS, small_number, word
from sentinel.web.paging import page_size, paged
from sentinel.web.screens.dead_letters.narrowing import NAMES, STATUSES, chosen, of_group, place, wanted
from sentinel.web.screens.notifications.reasons import meaning, words
from sentinel.web.words import moment

blueprint = Blueprint("dead_letters", __name__, url_prefix="/console/dead-letters")

USUAL_RATE = 50
MOST_REPLAYS = 5
"""As many that are under way stand above the causes."""

REMEDIES = ["since, for example 24h", "a client"]


@blueprint.context_processor
def _known() -> dict[str, Any]:
    return {"reason_words": words, "meaning": meaning, "of_group": of_group, "usual_rate": USUAL_RATE}


@blueprint.get("")
def index() -> Response:
    """Show the causes, the most frequent first, and replays that are under way."""
    return _listed("console/dead_letters/index.html", _causes)


@blueprint.get("/letters")
def letters() -> Response:
    """Show the letters one by one, to be chosen."""
    return _listed("console/dead_letters/letters.html", _letters)


def _listed(template: str, found_by: Any) -> Response:
    with unit_of_work() as uow:
        names = client_names(uow)
        running = replays.under_way(uow, most=MOST_REPLAYS)
        try:
            asked = wanted(uow)
            found = _patiently(uow, asked, found_by)
        except InvalidInputError as error:
            found = {"errors": errors_of(error)}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if {"errors", "remedies"} & found.keys() else HTTPStatus.OK
    return page(
        template,
        status,
        clients=names,
        channels=CHANNELS,
        statuses=STATUSES,
        chosen=chosen(),
        is_narrowed=any(word(name) for name in NAMES),
        replays=running,
        **found,
    )


def _patiently(uow: UnitOfWork, asked: Filter, found_by: Any) -> dict[str, Any]:
    try:
        with patience(uow.session, seconds=LOOK_SECONDS):
            found: dict[str, Any] = found_by(uow, asked)
            return found
    except TooBroadError:
        return {"remedies": REMEDIES}


def _causes(uow: UnitOfWork, asked: Filter) -> dict[str, Any]:
    causes = dead_letters.causes(uow, asked)
    return {"causes": causes, "total": sum(each.group.count for each in causes)}


def _letters(uow: UnitOfWork, asked: Filter) -> dict[str, Any]:
    found, following = dead_letters.page(uow, place(asked), size=page_size())
    return {"letters": paged(found, following)}


@blueprint.get("/replays")
def list_replays() -> Response:
    """Show the replays that there were, newest first."""
    before = small_number(request.args.get("cursor", ""), most=LARGEST_ID)
    size = page_size()
    with unit_of_work() as uow:
        found, following = replays.page(uow, client_id=None, before=before, size=size)
    return page("console/dead_letters/replays.html", replays=paged(found, following))


@blueprint.get("/replays/<int:replay_id>")
def show_replay(replay_id: int) -> Response:
    """Show how far one is."""
    with unit_of_work() as uow:
        found = replays.get(uow, replay_id, client_id=None)
    return page("console/dead_letters/replay.html", progress=found, narrowed_to=in_words(found), times=times_of(found))


@blueprint.get("/replays/<int:replay_id>/progress")
def progress_of(replay_id: int) -> Response:
    """The part of the page that changes while it runs."""
    with unit_of_work() as uow:
        found = replays.get(uow, replay_id, client_id=None)
    return page("console/dead_letters/_progress.html", progress=found)


def in_words(progress: Progress) -> dict[str, Any]:
    """What the letters of a replay were narrowed to."""
    asked = replays.filter_of(progress.replay)
    absent = dict.fromkeys(asked.without, "none")
    given = {
        "Client": progress.client or "all",
        "Channel": asked.channel,
        "Status": ", ".join(asked.statuses),
        "Reason": asked.reason or absent.get("reason"),
        "Provider": asked.provider or absent.get("provider"),
        "Since": asked.since and asked.since.strftime("%Y-%m-%d %H:%M:%S"),
        "Until": asked.until and asked.until.strftime("%Y-%m-%d %H:%M:%S"),
        "Chosen one by one": len(asked.ids) or None,
    }
    return {name: value for name, value in given.items() if value}


def times_of(progress: Progress) -> dict[str, str]:
    """When a replay came how far, and who did it."""
    row = progress.replay
    given = {
        "Began": f"{moment(row.began_at)}, by {row.requested_by}",
        "Last letter taken up": row.ended_at and moment(row.ended_at),
        "Stopped by": row.stopped_by,
        "Last letter ended": row.settled_at and moment(row.settled_at),
    }
    return {name: value for name, value in given.items() if value}


def address_of(fields: MultiDict[str, str]) -> str:
    """The page of causes, narrowed as a form was."""
    kept: dict[str, Any] = {name: value for name in NAMES if (value := fields.get(name))}
    return url_for("console.dead_letters.index", **kept)
