"""The workers: who works, who is gone, and what each has done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from sentinel.clock import utc_now
from sentinel.logs import get_logger
from sentinel.services.watching import workers
from sentinel.web.access import acting, acts
from sentinel.web.charts import sparkline
from sentinel.web.frame import not_done, page, see_other

log = get_logger(__name__)

blueprint = Blueprint("workers", __name__, url_prefix="/console/workers")


@blueprint.get("")
def index() -> Response:
    """Show all workers, and keep showing them."""
    return page("console/workers/index.html", **_seen())


@blueprint.get("/now")
def now() -> Response:
    """Show the part that is live."""
    return page("console/workers/now.html", **_seen())


@blueprint.post("/<label>/forget")
@acts("operator")
def forget(label: str) -> Response:
    """Take a worker that will not come back out of the list."""
    try:
        with acting("worker.forget", f"worker {label}") as uow:
            workers.forget(uow, label)
    except RedisError:
        not_done("Redis does not answer. Nothing was done; try again in a moment.")
    else:
        flash(f"{label} is forgotten.")
    return see_other("console.workers.index")


def _seen() -> dict[str, Any]:
    try:
        seen = workers.look(utc_now())
    except RedisError as error:
        log.warning("workers_without_redis", error=type(error).__name__)
        seen = None
    return {"seen": seen, "sparkline": sparkline, "moment_of": _moment}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
