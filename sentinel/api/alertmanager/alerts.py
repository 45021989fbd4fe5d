"""`/api/v2/alerts`, `/receivers` and `/status`: take in and list alerts as Alertmanager does."""

from __future__ import annotations

from importlib.metadata import version
from itertools import groupby
from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.alertmanager.blueprints import blueprint_of
from sentinel.api.alertmanager.filters import flag, matchers_of, receiver_is_wanted
from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller
from sentinel.api.events import READ, WRITE
from sentinel.api.parsing import read_json
from sentinel.clock import utc_now, written
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.rules.matchers import match_labels
from sentinel.services.alerting import alerts
from sentinel.services.alerting.alerts import SeenAlert
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import get_settings

SPOKEN_VERSION = "0.25.0"
"""The Alertmanager whose API this is: its clients ask for it before they ask for more."""

RECEIVER = {"name": "sentinel"}
"""Rules decide who is told what; to Alertmanager's clients they are one receiver."""

GROUPED_BY = "alertname"

CONFIG = """\
# Sentinel has rules in place of routes and receivers: GET /rules
global:
  resolve_timeout: {seconds}s
route:
  receiver: sentinel
  group_by: [alertname]
receivers:
- name: sentinel
"""

STARTED_AT = utc_now()

blueprint = blueprint_of("alertmanager_alerts")


def view(seen: SeenAlert) -> dict[str, Any]:
    """Show an alert as Alertmanager's `gettableAlert`."""
    alert = seen.alert
    origin = {"generatorURL": alert.generator_url} if alert.generator_url else {}
    return origin | {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "fingerprint": alert.fingerprint,
        "startsAt": written(alert.starts_at),
        "endsAt": written(alert.ends_at),
        "updatedAt": written(alert.updated_at),
        "receivers": [RECEIVER],
        "status": {
            "state": "suppressed" if seen.silenced_by or seen.inhibited_by else "active",
            "silencedBy": seen.silenced_by,
            "inhibitedBy": seen.inhibited_by,
        },
    }


def _wanted() -> list[SeenAlert]:
    """What a request asks for. Nothing is ever unprocessed: rules are asked at once."""
    matchers, is_wanted = matchers_of("filter"), receiver_is_wanted(RECEIVER["name"])
    silenced, inhibited, active = flag("silenced"), flag("inhibited"), flag("active")
    with unit_of_work() as uow:
        caller = current_caller(uow, READ)
        found = alerts.firing(uow, caller.client_id)
    if not is_wanted:
        return []
    return [
        seen
        for seen in found
        if (silenced or not seen.silenced_by)
        and (inhibited or not seen.inhibited_by)
        and (active or seen.silenced_by or seen.inhibited_by)
        and match_labels(matchers, seen.alert.labels)
    ]


class AlertList(MethodView):
    """The alerts of a client."""

    def post(self) -> Response:
        """Take in alerts; those that can be are stored though others are refused."""
        items = _items(read_json())
        with unit_of_work() as uow:
            errors = alerts.report(uow, current_caller(uow, WRITE), items)
        if errors:
            raise InvalidInputError(*errors)
        return Response()

    def get(self) -> Response:
        """List what fires."""
        return json_response([view(seen) for seen in _wanted()])


def _items(body: Any) -> list[Any]:
    """The alerts of a body; none at all is fine with Alertmanager."""
    most = get_settings().max_batch_items
    if not isinstance(body, list):
        raise InvalidInputError(FieldError("request", shown(body), "is not an array", "send an array of alerts"))
    if len(body) > most:
        raise InvalidInputError(FieldError("request", len(body), "are too many alerts", f"send at most {most} at once"))
    return body


class AlertGroups(MethodView):
    """The alerts of a client by their name."""

    def get(self) -> Response:
        """List what fires, by its `alertname`."""
        in_order = sorted(_wanted(), key=_group)
        return json_response(
            [
                {
                    "labels": {GROUPED_BY: name} if name else {},
                    "receiver": RECEIVER,
                    "alerts": [view(seen) for seen in group],
                }
                for name, group in groupby(in_order, key=_group)
            ]
        )


def _group(seen: SeenAlert) -> str:
    name: str = seen.alert.labels.get(GROUPED_BY, "")
    return name


class Receivers(MethodView):
    """Who is told."""

    def get(self) -> Response:
        """Name the one receiver there is."""
        with unit_of_work() as uow:
            current_caller(uow, READ)
        return json_response([RECEIVER])


class Status(MethodView):
    """What answers here."""

    def get(self) -> Response:
        """Say which Alertmanager's API is spoken, and by whom."""
        with unit_of_work() as uow:
            current_caller(uow, READ)
        unknown = dict.fromkeys(("buildUser", "buildDate", "goVersion"), "")
        build = {"version": SPOKEN_VERSION, "branch": "sentinel", "revision": f"sentinel-{version('sentinel')}"}
        return json_response(
            {
                "cluster": {"status": "disabled", "peers": []},
                "versionInfo": build | unknown,
                "config": {"original": CONFIG.format(seconds=get_settings().alert_resolve_seconds)},
                "uptime": written(STARTED_AT),
            }
        )


for path, shown_by in (
    ("/alerts", AlertList),
    ("/alerts/groups", AlertGroups),
    ("/receivers", Receivers),
    ("/status", Status),
):
    blueprint.add_url_rule(path, view_func=shown_by.as_view(shown_by.__name__))
