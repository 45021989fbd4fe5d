"""Queues and streams: how much lies there, since when, who takes it, and what comes next."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from sentinel.errors import NotFoundError
from sentinel.logs import get_logger
from sentinel.queued import can_be_seen
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import queues, streams
from sentinel.web.frame import page

log = get_logger(__name__)

MOST_MESSAGES, MOST_ENTRIES = 20, 20

blueprint = Blueprint("queues", __name__, url_prefix="/console/queues")


@blueprint.get("")
def index() -> Response:
    """Show all queues and streams, and keep showing them."""
    return page("console/queues/index.html", **_all())


@blueprint.get("/now")
def now() -> Response:
    """Show the part that is live."""
    return page("console/queues/now.html", **_all())


@blueprint.get("/<name>")
def show(name: str) -> Response:
    """Show what is taken next of a queue."""
    return page("console/queues/queue.html", **_one(name))


@blueprint.get("/<name>/now")
def show_now(name: str) -> Response:
    """Show the part that is live."""
    return page("console/queues/messages.html", **_one(name))


@blueprint.get("/streams")
def entries() -> Response:
    """Show the newest entries of a stream."""
    stream = request.args.get("stream", "")
    if not streams.is_here(stream):
        raise NotFoundError(f"there is no stream {stream[:100]!r} here that anybody reads")
    return page("console/queues/stream.html", stream=stream, entries=streams.last_entries(stream, most=MOST_ENTRIES))


def _all() -> dict[str, Any]:
    with unit_of_work() as uow:
        return {"seen": queues.look(uow), "streams": _streams(), "at": uow.now}


def _streams() -> list[streams.StreamView] | None:
    try:
        return streams.streams()
    except RedisError as error:
        log.warning("streams_without_redis", error=type(error).__name__)
        return None


def _one(name: str) -> dict[str, Any]:
    with unit_of_work() as uow:
        queue = queues.look_at(uow, name)
    messages = queues.next_messages(name, most=MOST_MESSAGES)
    return {"queue": queue, "messages": messages, "most": MOST_MESSAGES, "can_be_seen": can_be_seen()}
