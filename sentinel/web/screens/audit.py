"""Audit: who did what, and whether the books balance."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, request, url_for
from werkzeug.wrappers import Response

from sentinel.clock import utc_now
from sentinel.durations import parse_since
from sentinel.services.access import actions, clients
from sentinel.services.access.actions import Wanted
from sentinel.services.access.users import NAME
from sentinel.services.bookkeeping import audit
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acting, acts, may
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.paging import number_cursor, page_size, paged

RUNS = 20
"""How many looks at the books the page lists."""

MOST_NAMES = 200
"""How many clients the filter offers; others can be written."""

ID = re.compile(r"[0-9]{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHOWN = {
    "notification": "console.notifications.show",
    "event": "console.events.show",
    "rule": "console.rules.show",
    "endpoint": "console.endpoints.show",
    "template": "console.templates.show",
    "ticket": "console.tickets.show",
    "silence": "console.silences.show",
    "client": "console.clients.show",
}
"""Which screen shows the subject of an action, or what an audit has found, by its first word."""

REFUSALS = frozenset({"session.refuse", "session.throttle"})
"""What nobody did, but tried."""

blueprint = Blueprint("audit", __name__, url_prefix="/console/audit")


@blueprint.get("")
def index() -> Response:
    """Show who did what, the newest first."""
    since, problem = _since(request.args.get("since", "").strip())
    wanted = Wanted(
        actor=_argument("actor"),
        action=_argument("action"),
        subject=_argument("subject"),
        client=_argument("client"),
        since=since,
    )
    with unit_of_work() as uow:
        found, following = actions.latest(uow, wanted, before=number_cursor(), most=page_size())
        names = [each.name for each in clients.page(uow, after=0, size=MOST_NAMES)[0]]
    return page(
        "console/audit/index.html", page=paged(found, following), clients=names, problem=problem, refusals=REFUSALS
    )


@blueprint.get("/books")
def books() -> Response:
    """Show what the last looks at the books have found."""
    return page("console/audit/books.html", **_looks())


@blueprint.get("/books/looks")
def looks() -> Response:
    """The part of that page that changes."""
    return page("console/audit/_looks.html", **_looks())


@blueprint.post("/books")
@acts("operator")
def look() -> Response:
    """Have a worker look at the books now."""
    if not audit.ask():
        not_done("The broker does not answer, so nobody was asked. `sentinel audit` looks without it.")
        return see_other("console.audit.books")
    with acting("audit.run", "books"):
        flash("A worker was asked; what it finds stands here in a moment.")
    return see_other("console.audit.books", after=request.form.get("after", type=int) or 0)


def _looks() -> dict[str, Any]:
    with unit_of_work() as uow:
        runs, last = audit.recent_runs(uow, most=RUNS)
    after = request.args.get("after", type=int)
    is_awaited = after is not None and (last is None or last.id <= after)
    return {"runs": runs, "last": last, "after": after, "is_awaited": is_awaited}


def _argument(name: str) -> str | None:
    return request.args.get(name, "").replace("\0", "").strip() or None


def _since(text: str) -> tuple[datetime | None, str | None]:
    """The moment that somebody wrote, and what is wrong with it."""
    if not text:
        return None, None
    try:
        return parse_since(text, now=utc_now()), None
    except ValueError as error:
        remedy = "write how long ago (5m, 2h, 7d), or a time with its offset (2026-11-20T18:00:00Z)"
        return None, f"Since: {error}; {remedy}."


@blueprint.app_template_filter()
def subject_address(subject: str) -> str | None:
    """The screen of `notification 01a1…`; None where none shows it."""
    kind, _, its_id = subject.partition(" ")
    if kind == "user":
        return url_for("console.users.show", user_name=its_id) if may("admin") and NAME.fullmatch(its_id) else None
    if kind == "rotation":
        return url_for("console.on_call.index")
    if kind not in SHOWN or not ID.fullmatch(its_id):
        return None
    named: dict[str, Any] = {f"{kind}_id": int(its_id) if its_id.isdigit() else its_id}
    return url_for(SHOWN[kind], **named)


@blueprint.app_template_filter()
def detail_words(detail: dict[str, Any]) -> str:
    """What an action has noted beside its subject, as one line."""
    return " \N{MIDDLE DOT} ".join(f"{name.replace('_', ' ')} {_written(value)}" for name, value in detail.items())


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_written(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


@blueprint.app_template_filter()
def found_subject(found: dict[str, Any]) -> str:
    """What a discrepancy is about, as an action's subject would say it."""
    kind, its_id = str(found["kind"]), str(found["id"])
    if not ID.fullmatch(its_id):
        return its_id
    if kind.startswith("event_"):
        return f"event {its_id}"
    return f"{'ticket' if kind.startswith('escalation_') else 'notification'} {its_id}"
