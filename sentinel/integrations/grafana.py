"""Grafana's webhook: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/."""

from __future__ import annotations

from typing import Any

from sentinel.integrations import alertmanager
from sentinel.integrations.reading import Item, an_object

SAMPLE: dict[str, Any] = {
    "receiver": "sentinel",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "DiskFull", "grafana_folder": "Hosts", "severity": "high", "host": "db-1"},
            "annotations": {"summary": "db-1 has 3% left"},
            "startsAt": "2026-11-20T18:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "values": {"A": 3},
            "valueString": "[ var='A' labels={host=db-1} value=3 ]",
            "generatorURL": "http://grafana:3000/alerting/grafana/disk/view",
            "fingerprint": "57c6d9296de2ad39",
            "silenceURL": "http://grafana:3000/alerting/silence/new?matcher=host%3Ddb-1",
            "dashboardURL": "http://grafana:3000/d/hosts",
            "panelURL": "http://grafana:3000/d/hosts?viewPanel=2",
            "imageURL": "http://grafana:3000/img/1.png",
        }
    ],
    "groupLabels": {"alertname": "DiskFull"},
    "commonLabels": {"alertname": "DiskFull", "severity": "high"},
    "commonAnnotations": {},
    "externalURL": "http://grafana:3000/",
    "version": "1",
    "groupKey": '{}:{alertname="DiskFull"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1] DiskFull Hosts (db-1 high)",
    "state": "alerting",
    "message": "db-1 has 3% left",
}
"""A request as Grafana's unified alerting sends it."""


def read(body: Any, *, most: int) -> list[Item]:
    """Make an event of each alert; Grafana's words about the whole group stand in `group`."""
    return alertmanager.read_group(an_object(body, "request"), source="grafana", most=most)
