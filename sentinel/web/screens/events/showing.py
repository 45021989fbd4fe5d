"""The list of events, and what became of one."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from sentinel.errors import InvalidInputError, NotFoundError, TooBroadError
from sentinel.ids import is_id
from sentinel.models.event import EventStatus
from sentinel.queries.events import Filter
from sentinel.queries.patience import patience
from sentinel.services import events, tickets
from sentinel.services.events import SeenEvent
from sentinel.services.ruling import explaining
from sentinel.services.ruling.explaining import EventExplanation
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.chosen_client import client_names
from sentinel.web.forms import errors_of
from sentinel.web.frame import page, see_other
from sentinel.web.narrowing import LOOK_SECONDS, client_id, moment, number, word, words
from sentinel.web.paging import cursor, page_size, paged
from sentinel.web.screens.events.fates import compact, fates_of, label

blueprint = Blueprint("events", __name__, url_prefix="/console/events")

STATUSES = tuple(status.value for status in EventStatus)
EQUAL = {"type": "type", "source": "source", "name": "name", "user": "user_id", "device": "device_id"}
"""Filters and the columns that they compare."""

RARELY = ("name", "user", "device", "rule", "since", "until")
MOST_EXPLAINED = 100


@blueprint.context_processor
def _known() -> dict[str, Any]:
    return {"label": label, "compact": compact}


@blueprint.get("")
def index() -> Response:
    """List what came in, newest first; an id leads to its event."""
    searched = word("q")
    with unit_of_work() as uow:
        names, found = client_names(uow), dict[str, Any]()
        ids = [] if searched is None else _named(uow, searched)
        if len(ids) == 1:
            return see_other("console.events.show", event_id=ids[0])
        try:
            asked = _wanted(uow)
        except InvalidInputError as error:
            found = {"errors": errors_of(error)}
        else:
            found = _namesakes(uow, ids) if searched is not None else _found(uow, asked)
    return page(
        "console/events/index.html",
        HTTPStatus.OK if "rows" in found else HTTPStatus.UNPROCESSABLE_ENTITY,
        clients=names,
        statuses=STATUSES,
        is_narrowed=any(word(name) for name in RARELY),
        searched=searched,
        **found,
    )


def _named(uow: UnitOfWork, searched: str) -> list[str]:
    """The events that somebody calls so: ours by its id, or senders' by theirs."""
    if is_id(searched):  # perhaps ours: senders' own often look the same
        with suppress(NotFoundError):
            return [events.get_of_all(uow, searched.lower()).event.id]
    return list(events.ids_by_sender_id(uow, searched))


def _wanted(uow: UnitOfWork) -> Filter:
    """What this page's address asks for. Raises `InvalidInputError`."""
    begins, owner = cursor(), client_id(uow)
    equal: dict[str, Any] = {column: value for name, column in EQUAL.items() if (value := word(name)) is not None}
    if (severity := word("severity")) is not None:
        equal["severity"] = severity.lower()
    if owner is not None:
        equal["client_id"] = owner
    return Filter(
        equal=equal,
        statuses=words("status", STATUSES),
        rule_id=number("rule"),
        since=moment("since"),
        until=moment("until"),
        before=begins if begins and is_id(begins) else None,
    )


def _found(uow: UnitOfWork, asked: Filter) -> dict[str, Any]:
    try:
        with patience(uow.session, seconds=LOOK_SECONDS):
            rows, following = events.page_of_all(uow, asked, size=page_size())
    except TooBroadError:
        return {"remedies": ["since, for example 24h"] if asked.since is None else ["a shorter time, or a client"]}
    return {"rows": paged(rows, following)}


def _namesakes(uow: UnitOfWork, ids: list[str]) -> dict[str, Any]:
    return {"rows": paged([events.get_of_all(uow, each) for each in ids], None)}


@blueprint.get("/<event_id>")
def show(event_id: str) -> Response:
    """Show an event, what was made of it, and what each rule of a client made of it."""
    with unit_of_work() as uow:
        seen = events.get_of_all(uow, event_id)
        explained = _explained(uow, seen)
        opened = tickets.of_event(uow, seen.event.id)
        names = client_names(uow) if seen.event.is_broadcast else []
    return page(
        "console/events/show.html",
        seen=seen,
        row=seen.event,
        explained=explained,
        fates=fates_of(explained),
        tickets=opened,
        clients=names,
        asked_of=request.args.get("client") or seen.client,
    )


def _explained(uow: UnitOfWork, seen: SeenEvent) -> EventExplanation:
    """What the rules of a client make of it: of its own client, or of another that heard it."""
    chosen = client_id(uow) or seen.event.client_id
    return explaining.why(uow, seen.event.id, chosen, rule_id=None, most=MOST_EXPLAINED)
