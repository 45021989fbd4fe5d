"""Inbox: what people would have got, as a phone, a mail program, Slack or a receiver of webhooks shows it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request, url_for
from werkzeug.wrappers import Response

from sentinel.channels.mail_parts import parts_of
from sentinel.channels.registry import CHANNELS
from sentinel.errors import NotFoundError
from sentinel.ids import is_id
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries import clients
from sentinel.queries.kept import Filter
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import inbox
from sentinel.services.watching.inbox import Letter
from sentinel.settings import Settings
from sentinel.web import letters
from sentinel.web.chosen_client import ChosenClient, chosen_client
from sentinel.web.frame import page
from sentinel.web.paging import cursor, page_size, paged

LETTER_HEADERS = {
    # A mail's styles stand on its elements. Everything else it could do is taken from it: it loads nothing, runs
    # nothing, sends nothing, and belongs to no site.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}
NARROWING = ("client", "channel", "recipient", "user_id", "size", "cursor")

blueprint = Blueprint("inbox", __name__, url_prefix="/console/inbox")


@blueprint.context_processor
def _words() -> dict[str, Any]:
    """How places are said, for the templates of this screen."""
    return {"narrowed": _narrowed()}


@blueprint.get("")
def index() -> Response:
    """Show the list, and the newest message beside it where there is room."""
    with unit_of_work() as uow:
        listed = _listed(uow)
        rows = listed["listed"].rows
        letter = inbox.get(uow, rows[0].id) if rows else None
        shown = {} if letter is None else _shown(uow, letter)
    return page("console/inbox/index.html", **listed, **shown, first=_first(), is_chosen=False)


@blueprint.get("/list")
def latest() -> Response:
    """Show the list alone, again and again."""
    with unit_of_work() as uow:
        listed = _listed(uow)
    return page("console/inbox/_list.html", **listed, first=_first(), chosen_id=request.args.get("chosen"))


@blueprint.get("/<uuid:notification_id>")
def show(notification_id: object) -> Response:
    """Show one message as its channel shows it, beside the list it was found in."""
    with unit_of_work() as uow:
        letter = inbox.get(uow, str(notification_id))
        listed, shown = _listed(uow), _shown(uow, letter)
    return page("console/inbox/index.html", **listed, **shown, first=_first(), is_chosen=True)


@blueprint.get("/<uuid:notification_id>/html")
def html(notification_id: object) -> Response:
    """The HTML of a mail as it would be sent, for a frame that lets it do nothing."""
    with unit_of_work() as uow:
        letter = inbox.get(uow, str(notification_id))
    parts = parts_of(letter.message) if letter.message.channel == "email" else None
    if parts is None or parts.html is None:
        raise NotFoundError("this message has no HTML")
    response = Response(parts.html, mimetype="text/html")
    response.headers.update(LETTER_HEADERS)
    return response


def _listed(uow: UnitOfWork) -> dict[str, Any]:
    """The list as it is narrowed; an address is looked for among one client's."""
    client = chosen_client(uow)
    given = {
        name: request.args.get(name, "").replace("\0", "").strip() or None
        for name in ("channel", "recipient", "user_id")
    }
    is_searched = bool(given["recipient"] or given["user_id"])
    if is_searched and client.id is None:
        client = _default(uow, client)
    rows, following = inbox.page(uow, Filter(client.id, **given, before=_cursor()), size=page_size())
    return {"listed": paged(rows, following), "client": client, "channels": CHANNELS}


def _default(uow: UnitOfWork, client: ChosenClient) -> ChosenClient:
    found = clients.caller_by_name(uow.session, DEFAULT_CLIENT)
    return ChosenClient(DEFAULT_CLIENT, found[0] if found else 0, client.names)


def _cursor() -> str | None:
    wanted = cursor()
    return wanted if wanted is not None and is_id(wanted) else None


def _shown(uow: UnitOfWork, letter: Letter) -> dict[str, Any]:
    """One message, and what its channel's view of it needs."""
    message, settings = letter.message, _settings()
    values: dict[str, Any] = {"kept": letter.kept, "message": message, "chosen_id": letter.kept.id}
    if message.channel == "sms":
        texts = inbox.conversation(uow, letter)
        return values | {"bubbles": letters.bubbles(texts, message), "sender": settings.twilio_from_number or ""}
    return values | {"view": letters.view_of(letter, settings)}


def _first() -> dict[str, str]:
    """How to send a first message, where there is none."""
    key = "" if _settings().is_open else " -H 'Authorization: Bearer YOUR_KEY'"
    body = '{"channel":"sms","recipient":"+14155552671","body":"Hello from Sentinel"}'
    address = url_for("notifications.NotificationList", _external=True)
    return {"curl": f"curl -X POST {address} -H 'Content-Type: application/json'{key} -d '{body}'"}


def _settings() -> Settings:
    settings: Settings = current_app.config["SENTINEL"]
    return settings


def _narrowed() -> dict[str, str]:
    """The arguments of the list, for links that lead back to it."""
    return {name: value for name in NARROWING if (value := request.args.get(name))}
