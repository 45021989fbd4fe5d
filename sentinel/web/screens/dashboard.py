"""The first page: is everything going out, what is stuck, and why."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, request
from werkzeug.wrappers import Response

from sentinel.channels.registry import INBOX, SANDBOX
from sentinel.errors import InvalidInputError
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.services import notifications
from sentinel.services.notifications import Request
from sentinel.services.sending import breaker
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import overview, provider_setup
from sentinel.services.watching.curves import Window
from sentinel.services.watching.history import WINDOWS
from sentinel.settings import get_settings
from sentinel.web.access import acting, acts, caller_for, note_action
from sentinel.web.charts import draw
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import page, see_other

FIRST = {
    "channel": "sms",
    "recipient": "+14155552671",
    "body": "Hello from Sentinel",
}
"""A message that works as it stands: the number is nobody's."""

LEVELS = {None: "good", "look": "waiting", "stuck": "bad"}
"""How a level looks, in the tones of all pages."""

LINKS = {
    "notifications.index": "See the messages",
    "workers.index": "See the workers",
    "queues.index": "See the queues",
    "audit.index": "See the audit",
    "tickets.index": "See the tickets",
    "settings.index": "See the settings",
    "dead_letters.index": "See why",
}
"""What leads from a trouble to the screen that shows more of it."""

blueprint = Blueprint("dashboard", __name__, url_prefix="/console")


@blueprint.get("")
def index() -> Response:
    """Show how things stand, and keep showing it."""
    return page("console/dashboard/index.html", **_standing(), values=FIRST | {"once": uuid.uuid4().hex}, errors={})


@blueprint.get("/dashboard/now")
def now() -> Response:
    """Show the part that is live."""
    return page("console/dashboard/now.html", **_standing())


@blueprint.post("/dashboard/first-message")
@acts("operator")
def send_first() -> Response:
    """Send a first message, as anybody would by the API."""
    values = {name: text(name, usual) for name, usual in FIRST.items()} | {"once": text("once")}
    try:
        with unit_of_work() as uow:
            caller = caller_for(uow, DEFAULT_CLIENT)
            # Who clicks twice has sent it once.
            message = Request(values["channel"], values["recipient"], values["body"], dedupe_key=values["once"] or None)
            checked = notifications.check(message, now=uow.now)
            [row] = notifications.accept(uow, caller.client_id, [checked])
            subject = f"notification {row['id']}"
            note_action(uow, "notification.send", subject, client=caller.client_name, channel=checked.channel)
    except InvalidInputError as error:
        return page("console/dashboard/index.html", 422, **_standing(), values=values, errors=errors_of(error))
    if _first_provider() in (SANDBOX.name, INBOX.name):
        flash("Accepted. It appears here as soon as a worker has sent it.")
        return see_other("console.inbox.index")
    flash("Accepted. What becomes of it is told here.")
    return see_other("console.notifications.show", notification_id=row["id"])


@blueprint.post("/dashboard/providers/<name>/hold")
@acts("operator")
def hold(name: str) -> Response:
    """Leave an account alone until somebody resumes it."""
    with acting("provider.hold", f"provider {name}") as uow:
        breaker.hold(uow, name, reason=text("reason") or None)
    flash(f"{name} is left alone until somebody resumes it.")
    return see_other("console.dashboard.index")


@blueprint.post("/dashboard/providers/<name>/resume")
@acts("operator")
def resume(name: str) -> Response:
    """Use an account again."""
    with acting("provider.resume", f"provider {name}") as uow:
        account = breaker.resume(uow, name)
    waiting = f"{account.parked:,} messages that wait for it go out" if account.parked else "nothing waits for it"
    flash(f"{name} is used again; {waiting}.")
    return see_other("console.dashboard.index")


def _window() -> Window:
    """The time that the visitor wants to see."""
    wanted = request.args.get("over")
    return next((window for window in WINDOWS if window.name == wanted), WINDOWS[0])


def _standing() -> dict[str, Any]:
    window = _window()
    with unit_of_work() as uow:
        found = overview.look(uow, window)
    return {
        "found": found,
        "window": window,
        "windows": WINDOWS,
        "chart": draw(found.curves) if found.curves else None,
        "tone": LEVELS[found.level],
        "levels": LEVELS,
        "links": LINKS,
        "first_provider": _first_provider(),
    }


def _first_provider() -> str | None:
    """Who would send the first message; None: nobody, as things are set up."""
    setups = provider_setup.setups(get_settings())
    return next((name for setup in setups if setup.channel == FIRST["channel"] for name in setup.providers), None)
