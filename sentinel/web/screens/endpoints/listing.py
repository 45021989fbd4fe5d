"""The list of endpoints."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.queries.endpoints import Filter
from sentinel.services import endpoints
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import endpoint_health
from sentinel.web.chosen_client import ChosenClient, chosen_client
from sentinel.web.frame import page
from sentinel.web.paging import number_cursor, page_size, paged

ON, OFF, TROUBLED = "on", "off", "troubled"
STATES = ((ON, "on"), (OFF, "off"), (TROUBLED, "failed in 24 h"))


def index() -> Response:
    """List endpoints with their health, oldest first."""
    with unit_of_work() as uow:
        choice = chosen_client(uow)
        rows, following = endpoints.listed(uow, _wanted(uow, choice), size=page_size())
        health = endpoint_health.of_all(uow, [row for row, _ in rows])
    return page(
        "console/endpoints/index.html",
        page=paged(rows, following),
        health=health,
        choice=choice,
        channels=CHANNELS,
        states=STATES,
        is_narrowed=any(request.args.get(name) for name in ("client", "channel", "state", "q")),
    )


def _wanted(uow: UnitOfWork, choice: ChosenClient) -> Filter:
    channel, state = request.args.get("channel"), request.args.get("state")
    return Filter(
        choice.id,
        channel=channel if channel in CHANNELS else None,
        is_enabled=state == ON if state in (ON, OFF) else None,
        words=request.args.get("q", "").replace("\0", "").strip() or None,
        ids=endpoint_health.troubled(uow, choice.id) if state == TROUBLED else None,
        after=number_cursor(),
    )
