"""`sentinel import` as an operator meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from sentinel.cli import cli
from sentinel.db import get_engine
from sentinel.models import Endpoint, Rule

FILE = """\
global:
  resolve_timeout: 5m
route:
  receiver: mails
  group_by: [alertname]
  routes:
  - matchers: ['team="db"']
    receiver: db
    mute_time_intervals: [nights]
  - match: {severity: none}
    receiver: nobody
receivers:
- name: mails
  email_configs:
  - to: ops@example.com
- name: db
  webhook_configs:
  - url: https://example.com/hook?token=secret
  slack_configs:
  - channel: '#db'
    send_resolved: true
    text: '{{ .CommonAnnotations.summary }}'
- name: nobody
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: '22:00', end_time: '24:00'}]
    location: Europe/Berlin
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alertmanager.yml"
    path.write_text(FILE)
    return path


def run(*arguments: Any, **options: Any) -> Result:
    return CliRunner().invoke(cli, ["import", *map(str, arguments)], **options)


def done(*arguments: Any) -> str:
    """What a command that succeeds prints."""
    result = run(*arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def known(model: type[Rule | Endpoint]) -> dict[str, Any]:
    """All rules or endpoints by name."""
    with Session(get_engine()) as session:
        return {str(each.name): each for each in session.scalars(select(model).order_by(model.id))}


def alert(**labels: str) -> dict[str, Any]:
    return {"type": "alert", "status": "firing", "labels": labels}


def test_a_file_becomes_endpoints_and_rules(file: Path) -> None:
    said = done(file)

    assert "6 new, 0 changed, 0 deleted, 0 unchanged." in said
    endpoints = known(Endpoint)
    assert {name: (each.channel, each.target) for name, each in endpoints.items()} == {
        "alertmanager: mails/email": ("email", "ops@example.com"),
        "alertmanager: db/webhook (not nights)": ("webhook", "https://example.com/hook?token=secret"),
        "alertmanager: db/slack (not nights)": ("slack", "#db"),
    }
    assert endpoints["alertmanager: db/slack (not nights)"].quiet_hours == {
        "windows": {"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-24:00"]}]},
        "mode": "hold",
        "passes_from": None,
    }
    assert list(known(Rule)) == [
        'alertmanager: {}/{team="db"}',
        'alertmanager: {}/{severity="none"}',
        "alertmanager: {}",
    ]
