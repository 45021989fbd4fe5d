"""Replaying a rule over stored events: how often it would have spoken, when, and to whom."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import time_machine
from flask.testing import FlaskClient

from sentinel.ids import new_ids
from sentinel.services.ruling import replay
from tests.integration.calls import bearer, execute, refused, stored
from tests.integration.rules import client, endpoint, rule

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
TELL = 'then notify("email:ops@example.com")'


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def happened(*bodies: dict[str, Any], ago: timedelta = timedelta(0), apart: int = 0, **columns: Any) -> None:
    """Events that came in the past, `apart` seconds one after the other."""
    values: dict[str, Any] = {"client_id": 1, "is_broadcast": False} | columns
    for number, body in enumerate(bodies):
        at = NOW - ago + timedelta(seconds=number * apart)
        execute(
            "INSERT INTO events (id, client_id, occurred_at, body, is_broadcast, status, created_at) "
            "VALUES (:id, :client_id, :at, CAST(:body AS jsonb), :is_broadcast, 'UNMATCHED', :at)",
            id=new_ids(at, 1)[0],
            at=at,
            body=json.dumps(body),
            **values,
        )


def replayed(api: FlaskClient, text: str, **options: Any) -> dict[str, Any]:
    response = api.post("/rules/replay", json={"rule": text} | options)
    assert response.status_code == 200, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def test_a_stored_rule_is_counted_by_hour_and_target_and_nothing_is_sent(api: FlaskClient) -> None:
    known = rule(f'when type == "order" and amount > 500 {TELL}, notify("endpoint:*")')
    endpoint("email", "desk@example.com")
    happened({"type": "order", "amount": 750}, {"type": "order", "amount": 1}, ago=timedelta(hours=3))
    happened({"type": "order", "amount": 900}, ago=timedelta(minutes=5))

    found = api.post(f"/rules/{known}/replay", json={}).get_json()

    assert (found["events"], found["matched"], found["fired"], found["is_cut"]) == (3, 2, 2, False)
    assert [(each["recipient"], each["count"]) for each in found["targets"]] == [
        ("ops@example.com", 2),
        ("desk@example.com", 2),
    ]
    by_hour = {each["hour"]: (each["matched"], each["fired"]) for each in found["hours"]}
    assert len(by_hour) == 25
    assert {hour: counts for hour, counts in by_hour.items() if counts != (0, 0)} == {
        "2026-11-20T09:00:00Z": (1, 1),
        "2026-11-20T12:00:00Z": (1, 1),
    }
    assert stored("notifications") == 0


def test_the_newest_events_at_which_it_would_have_spoken_are_examples(api: FlaskClient) -> None:
    happened(*({"a": 1, "n": number} for number in range(8)), {"a": 2}, ago=timedelta(hours=1), apart=60)

    found = replayed(api, f"when a == 1 {TELL}")

    assert [each["event"]["n"] for each in found["examples"]] == [7, 6, 5, 4, 3]
    assert {*found["examples"][0]} == {"event_id", "created_at", "event"}


def test_a_replay_without_a_body_takes_a_day(api: FlaskClient) -> None:
    known = rule(f"when a == 1 {TELL}")
    happened({"a": 1}, ago=timedelta(hours=23))

    assert api.post(f"/rules/{known}/replay").get_json()["matched"] == 1
    assert set(refused(api.post(f"/rules/{known}/replay", json={"hours": 0, "day": 1}))) == {"hours", "day"}
    assert api.post(f"/rules/{known}/replay", json=[]).status_code == 422


def test_only_the_hours_asked_for_are_looked_at(api: FlaskClient) -> None:
    happened({"a": 1}, ago=timedelta(hours=2))
    happened({"a": 1}, ago=timedelta(hours=30))

    assert replayed(api, f"when a == 1 {TELL}", hours=1)["events"] == 0
    assert replayed(api, f"when a == 1 {TELL}", hours=3)["events"] == 1
    assert replayed(api, f"when a == 1 {TELL}", hours=48)["events"] == 2


def test_own_events_and_broadcasts_are_heard_and_others_are_not(api: FlaskClient) -> None:
    happened({"a": 1})
    happened({"a": 1}, client_id=client("shop"), is_broadcast=True)
    happened({"a": 1}, client_id=client("shop"))

    assert replayed(api, f"when a == 1 {TELL}")["matched"] == 2


def test_what_is_too_much_is_cut_and_the_newest_are_taken(api: FlaskClient) -> None:
    happened(*[{"n": number} for number in range(10)], ago=timedelta(hours=1), apart=60)

    found = replayed(api, f"when n >= 6 {TELL}", limit=4)

    assert (found["events"], found["matched"], found["is_cut"]) == (4, 4, True)
    assert replayed(api, f"when n >= 6 {TELL}", limit=10)["is_cut"] is False


def test_many_events_come_in_pages(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "PAGE", 3)
    happened(*[{"n": number} for number in range(10)], ago=timedelta(hours=1), apart=60)
    happened({"n": 100}, client_id=client("shop"), is_broadcast=True, ago=timedelta(minutes=55))

    assert replayed(api, f"when n >= 0 {TELL}")["matched"] == 11


def test_a_window_fires_only_when_it_is_reached(api: FlaskClient) -> None:
    happened(*[{"a": 1}] * 5, ago=timedelta(hours=1), apart=10)
    happened(*[{"a": 1}] * 2, ago=timedelta(minutes=20), apart=10)

    found = replayed(api, f"when a == 1 and count() over 5m >= 4 {TELL}")

    assert (found["matched"], found["fired"]) == (7, 2)


def test_a_throttle_lets_one_through(api: FlaskClient) -> None:
    happened(*[{"a": 1}] * 5, ago=timedelta(hours=1), apart=10)

    assert replayed(api, f"when a == 1 throttle 10m {TELL}")["fired"] == 1


def test_silence_is_noticed_while_nothing_comes(api: FlaskClient) -> None:
    happened({"beat": 1}, {"beat": 1}, ago=timedelta(hours=1), apart=60)

    found = replayed(api, f"when beat == 1 and absent over 5m {TELL}")

    assert found["fired"] == 1
    assert {each["hour"]: each["fired"] for each in found["hours"] if each["fired"]} == {"2026-11-20T11:00:00Z": 1}


def test_silence_between_two_events_is_noticed(api: FlaskClient) -> None:
    happened({"beat": 1}, {"beat": 1}, ago=timedelta(hours=3), apart=3600)

    assert replayed(api, f"when beat == 1 and absent over 5m {TELL}")["fired"] == 2


def test_a_condition_must_last(api: FlaskClient) -> None:
    happened({"t": 90}, {"t": 20}, {"t": 90}, {"t": 90}, {"t": 90}, ago=timedelta(hours=1), apart=120)

    found = replayed(api, f"when t > 80 for 3m {TELL}")

    assert (found["matched"], found["fired"]) == (4, 1)


def test_repetitions_that_dedupe_holds_back_are_not_counted_as_sent(api: FlaskClient) -> None:
    happened({"a": 1}, {"a": 1}, {"a": 2}, ago=timedelta(hours=1), apart=10)

    found = replayed(api, f"when a > 0 dedupe 1h by a {TELL}")

    assert (found["fired"], found["duplicates"]) == (3, 1)
    assert [each["count"] for each in found["targets"]] == [2]


def test_tickets_are_counted(api: FlaskClient) -> None:
    happened({"a": 1}, {"a": 1})

    found = replayed(api, 'when a == 1 then ticket("high", "x")')

    assert (found["tickets"], found["targets"]) == (2, [])


def test_the_chart_is_a_picture_that_says_its_figures(api: FlaskClient) -> None:
    known = rule(f"when a == 1 {TELL}", "<Big & orders>")
    happened({"a": 1}, {"a": 1}, ago=timedelta(hours=2))

    response = api.post(f"/rules/{known}/replay", json={"hours": 6}, headers={"Accept": "image/svg+xml"})

    picture = ET.fromstring(response.text)  # noqa: S314 - our own
    texts = ["".join(each.itertext()) for each in picture.iter()]
    assert response.content_type == "image/svg+xml"
    assert any("<Big & orders>: ■ matched 2, ■ spoke 2" in each for each in texts)
    assert any("20 Nov 10:00: matched 2, spoke 2" in each for each in texts)
    assert len([each for each in picture.iter() if each.tag.endswith("rect") and each.get("class") == "fired"]) == 7


@pytest.mark.parametrize("body", [{"hours": 0}, {"hours": 169}, {"limit": 0}, {"limit": 200_001}, {"hours": "5"}])
def test_what_is_out_of_bounds_is_refused(body: dict[str, Any], api: FlaskClient) -> None:
    assert api.post("/rules/replay", json={"rule": f"when a == 1 {TELL}"} | body).status_code == 422


def test_replay_takes_the_right_to_read_rules_and_events(api: FlaskClient) -> None:
    known = rule(f"when a == 1 {TELL}")
    rules_only, both = bearer("default", "rules:read"), bearer("default", "rules:read", "events:read")

    assert api.post(f"/rules/{known}/replay", json={}, headers=rules_only).status_code == 403
    assert api.post(f"/rules/{known}/replay", json={}, headers=both).status_code == 200
    assert api.post(f"/rules/{known}/replay", json={}, headers=bearer("shop")).status_code == 404
