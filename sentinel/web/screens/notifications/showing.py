"""The list of notifications, and the story of one."""

from __future__ import annotations

import shlex
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson
from flask import Blueprint, request
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.errors import InvalidInputError, TooBroadError
from sentinel.ids import is_id
from sentinel.models import Notification
from sentinel.models.status import CANCELLABLE, IN_FLIGHT, RETRYABLE, Status
from sentinel.queries.notifications import Filter
from sentinel.queries.patience import patience
from sentinel.services import notifications
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import searching, stories
from sentinel.services.watching.searching import Found
from sentinel.web.access import may
from sentinel.web.chosen_client import client_names
from sentinel.web.forms import errors_of
from sentinel.web.frame import page
from sentinel.web.letters import place_of
from sentinel.web.narrowing import LOOK_SECONDS, word
from sentinel.web.paging import cursor, page_size, paged, relative_to
from sentinel.web.screens.notifications import story
from sentinel.web.screens.notifications.narrowing import KINDS, RARELY, remedies, wanted
from sentinel.web.screens.notifications.reasons import meaning, words
from sentinel.web.screens.notifications.standing import standing
from sentinel.web.words import moment

blueprint = Blueprint("notifications", __name__, url_prefix="/console/notifications")

MOST_NEW = 100
"""More new ones than this are not counted."""

GLANCE_SECONDS = 0.5
"""To say that there are new ones is worth no more: it is asked again and again."""


@blueprint.context_processor
def _known() -> dict[str, Any]:
    return {"reason_words": words, "meaning": meaning}


@blueprint.get("")
def index() -> Response:
    """List what was found, newest first."""
    with unit_of_work() as uow:
        names = client_names(uow)
        try:
            asked = wanted(uow)
        except InvalidInputError as error:
            found = {"errors": errors_of(error)}
        else:
            found = _found(uow, asked)
    return page(
        "console/notifications/index.html",
        HTTPStatus.OK if "rows" in found else HTTPStatus.UNPROCESSABLE_ENTITY,
        clients=names,
        channels=CHANNELS,
        kinds=KINDS,
        chosen=request.args.getlist("status"),
        is_narrowed=any(word(name) for name in RARELY),
        searched=word("q"),
        **found,
    )


def _found(uow: UnitOfWork, asked: Filter) -> dict[str, Any]:
    searched = word("q")
    try:
        with patience(uow.session, seconds=LOOK_SECONDS):
            known = None if searched is None else searching.look_up(uow, searched, asked)
            if searched is not None and known is None:
                return {"rows": paged([], None)}
            rows, following = notifications.page(uow, asked if known is None else known.filter, size=page_size())
    except TooBroadError:
        return {"remedies": remedies(asked)}
    return {"rows": paged(rows, following), "known": known} | _newer(known, rows)


def _newer(known: Found | None, rows: Any) -> dict[str, Any]:
    """Where to ask for what has come since; only the first page does."""
    if cursor() is not None or known is not None or not rows:
        return {}
    return {"newer": relative_to("console.notifications.newer", after=rows[0][0].id)}


@blueprint.get("/newer")
def newer() -> Response:
    """Say how many have come since a page was made."""
    after = request.args.get("after", "")
    count: int | None = 0
    if is_id(after):
        with unit_of_work() as uow:
            count = _count_newer(uow, after)
    newest = relative_to("console.notifications.index", after=None)
    return page("console/notifications/_newer.html", count=count, most=MOST_NEW, newest=newest)


def _count_newer(uow: UnitOfWork, after: str) -> int | None:
    """Count what has come; None: no index finds it, and nobody waits for so little."""
    try:
        asked = replace(wanted(uow), after=after, before=None)
        with patience(uow.session, seconds=GLANCE_SECONDS):
            return notifications.count_newer(uow, asked, most=MOST_NEW)
    except TooBroadError:
        return None


@blueprint.get("/<notification_id>")
def show(notification_id: str) -> Response:
    """Tell the story of one."""
    with unit_of_work() as uow:
        told = stories.tell(uow, notification_id)
        values = story_values(uow, told)
    return page("console/notifications/show.html", **values)


@blueprint.get("/<notification_id>/story")
def live_story(notification_id: str) -> Response:
    """The part of the page that changes while it is on its way."""
    with unit_of_work() as uow:
        values = story_values(uow, stories.tell(uow, notification_id))
    return page("console/notifications/_story.html", **values)


def story_values(uow: UnitOfWork, told: stories.Story) -> dict[str, Any]:
    """What the templates of a story need."""
    row = told.notification
    return {
        "told": told,
        "row": row,
        "standing": standing(told, now=uow.now),
        "chapters": story.chapters(told),
        "facts": _facts(told),
        "is_under_way": row.status in IN_FLIGHT or row.status == Status.SENT,
        "retryable": RETRYABLE,
        "cancellable": CANCELLABLE,
        "curl": _curl(row),
    }


def _facts(told: stories.Story) -> dict[str, Any]:
    row, endpoint = told.notification, told.endpoint
    known = {
        "Id": row.id,
        "Client": told.client,
        "Channel": row.channel,
        "Provider": row.provider,
        "Provider's id": row.provider_message_id,
        "Tries": f"{row.attempts} of {row.attempt_limit}",
        "Severity": row.severity,
        "User": row.user_id,
        "Endpoint": endpoint and (endpoint.name or f"endpoint {endpoint.id}"),
        "Dedupe key": row.dedupe_key,
        "Accepted": moment(row.created_at),
        "Sent": row.sent_at and moment(row.sent_at),
        "Expires": row.expires_at and moment(row.expires_at),
        "Other targets": ", ".join(
            each.get("endpoint") or place_of(each["channel"], each["recipient"]) for each in row.failover or ()
        ),
        "Trace": row.traceparent,
    }
    return {name: value for name, value in known.items() if value}


def _curl(row: Notification) -> str:
    """The request that sends the same again, for a shell."""
    names = ["channel", "recipient", "subject", "body", "severity", "user_id"]
    if place_of(row.channel, row.recipient) != row.recipient and not may("operator"):
        names.remove("recipient")
    body = {name: value for name in names if (value := getattr(row, name)) is not None}
    address, text = shlex.quote(f"{request.url_root}notifications"), shlex.quote(orjson.dumps(body).decode())
    return f"curl {address} \\\n  -H 'Authorization: Bearer YOUR_API_KEY' \\\n  --json {text}"
