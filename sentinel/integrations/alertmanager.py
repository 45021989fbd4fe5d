"""Alertmanager's webhook, version 4: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Any

import orjson

from sentinel.clock import written
from sentinel.integrations.reading import (
    Item,
    a_list,
    an_object,
    each,
    filled,
    identity,
    moment,
    one_of,
    texts,
    word,
)

VERSION = "4"
STATUSES = ("firing", "resolved")
NEVER = "0001-01-01T00:00:00Z"
"""How an end is written that has not come."""

READ_FROM_ALERT = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL")
"""What an event has under a name of ours; all else of an alert keeps its name."""

SAID_BY_EACH_ALERT = ("alerts", "commonLabels", "commonAnnotations")
"""What of a group is not kept with each of its alerts: they say it themselves."""

LONGEST_GROUP_TEXT = 4096
"""Most characters of a group's text that go with each alert: a thousand alerts come with one text about all of them."""

MOST_GROUP_BYTES = 16 * 1024
"""Most bytes of a group, as JSON: what was said once is stored with each of up to a thousand alerts."""

SAMPLE: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="HighErrorRate"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "sentinel",
    "groupLabels": {"alertname": "HighErrorRate"},
    "commonLabels": {"alertname": "HighErrorRate", "job": "checkout", "severity": "critical"},
    "commonAnnotations": {"summary": "5% of requests fail"},
    "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HighErrorRate", "job": "checkout", "severity": "critical"},
            "annotations": {"summary": "5% of requests fail"},
            "startsAt": "2026-11-20T18:00:00.123Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=errors",
            "fingerprint": "b0d1f2a3c4e5f607",
        }
    ],
}
"""A request as Alertmanager sends it."""


def read(body: Any, *, most: int) -> list[Item]:
    """Make an event of each alert."""
    whole = an_object(body, "request")
    one_of(whole.get("version"), "version", (VERSION,))
    return read_group(whole, source="prometheus", most=most)


def read_group(whole: Mapping[str, Any], *, source: str, most: int) -> list[Item]:
    """Make an event of each alert of a group; `source` is named by alerts without a job."""
    group = _bounded({name: _short(value) for name, value in whole.items() if name not in SAID_BY_EACH_ALERT})
    alerts = a_list(whole.get("alerts"), "alerts", most=most)
    return each(alerts, "alerts", partial(_event, group=group, source=source))


def _event(alert: Any, field: str, *, group: dict[str, Any], source: str) -> dict[str, Any]:
    given = an_object(alert, field)
    status = one_of(given.get("status"), f"{field}.status", STATUSES)
    labels = texts(given.get("labels"), f"{field}.labels")
    starts_at = moment(given.get("startsAt"), f"{field}.startsAt")
    ends_at = None if given.get("endsAt") in (None, "", NEVER) else moment(given["endsAt"], f"{field}.endsAt")
    print_ = word(given.get("fingerprint")) or fingerprint(labels)
    event = {
        "event_id": identity("alert", print_, written(datetime.fromisoformat(starts_at)), status),
        "type": "alert",
        "status": status,
        "name": word(labels.get("alertname")),
        "severity": word(labels.get("severity")),
        "source": word(labels.get("job")) or source,
        "occurred_at": ends_at if status == "resolved" and ends_at else starts_at,
        "labels": labels,
        "annotations": texts(given.get("annotations"), f"{field}.annotations"),
        "starts_at": given["startsAt"],
        "ends_at": ends_at and given["endsAt"],
        "generator_url": given.get("generatorURL"),
        "group": group,
    }
    others = {name: value for name, value in given.items() if name not in READ_FROM_ALERT}
    return others | filled(event)


def fingerprint(labels: Mapping[str, str]) -> str:
    """Tell alerts apart by their labels, where the sender does not."""
    return hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16]


def _bounded(group: dict[str, Any]) -> dict[str, Any]:
    """Leave out the largest members until the rest fits."""
    sizes = {name: len(orjson.dumps({name: value})) for name, value in group.items()}
    smallest = sorted(sizes, key=sizes.__getitem__)
    totals = accumulate(sizes[name] for name in smallest)
    kept = {name for name, total in zip(smallest, totals, strict=True) if total <= MOST_GROUP_BYTES}
    return {name: value for name, value in group.items() if name in kept}


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_GROUP_TEXT:
        return value[: LONGEST_GROUP_TEXT - 1] + "…"
    return value
