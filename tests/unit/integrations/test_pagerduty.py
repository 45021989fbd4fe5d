"""PagerDuty's Events API v2, as events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sentinel.errors import InvalidInputError
from sentinel.integrations import pagerduty
from tests.unit.integrations.judging import an_event, fields_of, without


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock on the wall is not UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("theirs", "ours"), [("critical", "critical"), ("error", "high"), ("warning", "medium"), ("info", "low")]
)
def test_severities_of_pagerduty_are_ours_and_the_original_stays(theirs: str, ours: str) -> None:
    body = pagerduty.SAMPLE | {"payload": pagerduty.SAMPLE["payload"] | {"severity": theirs}}

    event = an_event(pagerduty.read(body))

    assert (event["severity"], event["payload"]["severity"]) == (ours, theirs)


@pytest.mark.parametrize(
    ("action", "status"), [("trigger", "firing"), ("acknowledge", "acknowledged"), ("resolve", "resolved")]
)
def test_one_key_ties_the_actions_of_an_alert_together(action: str, status: str) -> None:
    event = an_event(pagerduty.read(pagerduty.SAMPLE | {"event_action": action}))

    assert (event["type"], event["status"], event["dedup_key"]) == ("alert", status, "db-1/disk")
    assert (event["name"], event["source"]) == ("disk", "db-1.example.com")


def test_the_routing_key_is_a_secret_and_no_part_of_the_event() -> None:
    assert "sntl_" not in json.dumps(pagerduty.read(pagerduty.SAMPLE))
    assert pagerduty.routing_key(pagerduty.SAMPLE) == "sntl_…"


def test_a_trigger_without_a_key_gets_one_of_its_own() -> None:
    bare = without(pagerduty.SAMPLE, "dedup_key")

    first, second = pagerduty.read(bare), pagerduty.read(bare | {"dedup_key": ""})

    assert len(first["dedup_key"]) == len(second["dedup_key"]) == 32
    assert first["dedup_key"] != second["dedup_key"]


def test_what_was_triggered_is_resolved_by_its_key_alone() -> None:
    event = an_event(pagerduty.read({"event_action": "resolve", "dedup_key": "k", "payload": {"severity": "odd"}}))

    assert (event["status"], event["dedup_key"]) == ("resolved", "k")
    assert "severity" not in event


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_action": None}, "event_action"),
        ({"event_action": ["trigger"]}, "event_action"),
        ({"event_action": "resolve", "dedup_key": None}, "dedup_key"),
        ({"dedup_key": 5}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": pagerduty.SAMPLE["payload"] | {"severity": "high"}}, "payload.severity"),
        ({"payload": pagerduty.SAMPLE["payload"] | {"summary": ""}}, "payload.summary"),
        ({"payload": without(pagerduty.SAMPLE["payload"], "source")}, "payload.source"),
        ({"payload": pagerduty.SAMPLE["payload"] | {"timestamp": "x"}}, "payload.timestamp"),
    ],
)
def test_what_pagerduty_would_refuse_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        pagerduty.read(pagerduty.SAMPLE | changes)

    assert fields_of(refused.value) == [field]


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
@pytest.mark.parametrize("timestamp", ["x", 5, "0001-01-01T00:00:00+10:00"])
def test_what_was_triggered_ends_whatever_time_is_said(action: str, timestamp: Any) -> None:
    body = pagerduty.SAMPLE | {"event_action": action, "payload": {"timestamp": timestamp, "class": "disk"}}

    event = an_event(pagerduty.read(body))

    assert (event["dedup_key"], event["name"], event["payload"]["timestamp"]) == ("db-1/disk", "disk", timestamp)
    assert "occurred_at" not in event


def test_a_time_that_can_be_read_is_when_it_was_resolved() -> None:
    assert pagerduty.read(pagerduty.SAMPLE | {"event_action": "resolve"})["occurred_at"] == "2026-11-20T18:00:00Z"


@pytest.mark.parametrize("written", ["2026-11-20T18:00:00", "2026-11-20T19:00:00+0100", "2026-11-20 18:00:00Z"])
@pytest.mark.usefixtures("elsewhere")
def test_times_as_senders_of_pagerduty_write_them(written: str) -> None:
    body = pagerduty.SAMPLE | {"payload": pagerduty.SAMPLE["payload"] | {"timestamp": written}}

    assert pagerduty.read(body)["occurred_at"] == "2026-11-20T18:00:00Z"
