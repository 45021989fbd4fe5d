"""The list of templates."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.queries.templates import Filter
from sentinel.services import templates
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.chosen_client import chosen_client
from sentinel.web.frame import page
from sentinel.web.paging import number_cursor, page_size, paged


def index() -> Response:
    """List templates, oldest first."""
    channel = request.args.get("channel")
    with unit_of_work() as uow:
        choice = chosen_client(uow)
        wanted = Filter(
            choice.id,
            channel=channel if channel in CHANNELS else None,
            words=request.args.get("q", "").replace("\0", "").strip() or None,
            after=number_cursor(),
        )
        rows, following = templates.listed(uow, wanted, size=page_size())
    return page(
        "console/templates/index.html",
        page=paged(rows, following),
        choice=choice,
        channels=CHANNELS,
        is_narrowed=any(request.args.get(name) for name in ("client", "channel", "q")),
    )
