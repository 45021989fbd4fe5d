"""The first page: whether everything is going out."""

from __future__ import annotations

from flask import Blueprint, current_app
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.models.status import IN_FLIGHT, Status
from sentinel.services.watching.gauges import Values, get_gauges
from sentinel.settings import Settings
from sentinel.web.frame import page

STATUSES = [status.value for status in Status if status in IN_FLIGHT]
IN_FLIGHT_GAUGE = "notifications_in_flight"

blueprint = Blueprint("dashboard", __name__, url_prefix="/console")


@blueprint.get("")
def index() -> Response:
    """Show who is here, what is under way, and where the rest is."""
    settings: Settings = current_app.config["SENTINEL"]
    values = get_gauges().read()
    flower = f"http://{settings.flower_host}:{settings.flower_port}"
    return page(
        "console/dashboard.html",
        statuses=STATUSES,
        in_flight=_in_flight(values),
        parts=_parts(values),
        flower_url=flower,
    )


def _in_flight(values: Values) -> dict[str, list[int]]:
    """What is under way by channel, in the order of `STATUSES`; nothing when the database could not tell."""
    known = {labels[0] for name, *labels in values if name == IN_FLIGHT_GAUGE}
    return {
        channel: [int(values.get((IN_FLIGHT_GAUGE, channel, status), 0)) for status in STATUSES]
        for channel in CHANNELS
        if channel in known
    }


def _parts(values: Values) -> dict[str, bool]:
    """Whether the servers that everything needs are up."""
    return {labels[0]: bool(value) for (name, *labels), value in values.items() if name == "part_up"}
