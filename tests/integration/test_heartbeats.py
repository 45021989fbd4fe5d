"""`/heartbeats`, `/ping` and `sentinel heartbeats`: who does not signal in time is told of, once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import select

from sentinel.cli import cli
from sentinel.db import new_session
from sentinel.models import Event, Heartbeat
from sentinel.services.matching import matching
from sentinel.services.proving import signals
from tests.integration.calls import bearer, execute, refused
from tests.integration.rules import endpoint, rule, told
from tests.integration.test_stages import statements

BACKUP = "/heartbeats/backup"


def define(api: FlaskClient, path: str = BACKUP, **body: Any) -> dict[str, Any]:
    answer = api.put(path, json={"every_seconds": 3600, "grace_seconds": 60} | body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def shown(api: FlaskClient, path: str = BACKUP) -> dict[str, Any]:
    found: dict[str, Any] = api.get(path).get_json()
    return found


def let_time_pass(seconds: int) -> None:
    execute(
        "UPDATE heartbeats SET due_at = due_at - make_interval(secs => :n), "
        "expected_at = expected_at - make_interval(secs => :n)",
        n=seconds,
    )


def events() -> list[Event]:
    with new_session() as session:
        return list(session.scalars(select(Event).order_by(Event.id)))


def row() -> Heartbeat:
    with new_session() as session:
        return session.scalars(select(Heartbeat)).one()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_a_heartbeat_is_new_then_up_then_late_then_down_then_up_again(api: FlaskClient) -> None:
    assert define(api)["state"] == "new"
    assert api.post(BACKUP).get_json()["state"] == "up"

    let_time_pass(3601)
    assert shown(api)["state"] == "late"
    assert signals.sweep() == 0

    let_time_pass(60)
    assert signals.sweep() == 1
    down = shown(api)
    assert (down["state"], down["reason"], down["due_at"]) == ("down", "missed", None)

    assert api.post(BACKUP).get_json()["state"] == "up"
    assert shown(api)["reason"] is None
    assert [each.body["status"] for each in events()] == ["firing", "resolved"]


def test_a_missed_signal_is_one_event_that_rules_hear(api: FlaskClient) -> None:
    endpoint("email", "ops@example.com", name="ops")
    rule('when event.type == "heartbeat" and labels.team == "payments" then notify("endpoint:ops")')
    define(api, severity="critical", labels={"team": "payments"})
    let_time_pass(3661)

    assert [signals.sweep(), signals.sweep()] == [1, 0]

    [event] = events()
    assert event.status == "PENDING"
    assert event.body["reason"] == "missed"
    assert (event.type, event.severity, event.name, event.source) == ("heartbeat", "critical", "backup", "sentinel")
    matching.match([event.id])
    [message] = told(event.id)
    assert message.subject == "FIRING [CRITICAL] sentinel/backup"
    assert "No signal came in time." in message.body


def test_a_second_sweeper_at_the_same_moment_finds_nothing_to_do(api: FlaskClient) -> None:
    for number in range(20):
        define(api, f"/heartbeats/job-{number}")
    let_time_pass(3661)

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: signals.sweep(), range(4)))

    assert sum(counts) == 20
    assert len(events()) == 20


@pytest.mark.parametrize("body", [{"status": "fail"}, {"exit_code": 3}])
def test_a_sender_that_says_it_failed_is_down_at_once_and_only_once(api: FlaskClient, body: dict[str, Any]) -> None:
    define(api)

    for _ in range(2):
        assert api.post(BACKUP, json=body | {"message": "disk full"}).get_json()["state"] == "down"

    [event] = events()
    assert (event.body["reason"], event.body["message"]) == ("failed", "disk full")
    assert signals.sweep() == 0


def test_each_time_it_goes_down_is_an_event_of_its_own(api: FlaskClient) -> None:
    define(api)
    for _ in range(2):
        api.post(BACKUP, json={"status": "fail"})
        api.post(BACKUP)

    assert [each.body["status"] for each in events()] == ["firing", "resolved"] * 2
    assert len({each.event_id for each in events()}) == 4


def test_signals_at_the_same_moment_are_one_change(api: FlaskClient) -> None:
    address = define(api)["address"].rpartition("8000")[2]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: api.application.test_client().get(f"{address}/fail"), range(8)))

    assert len(events()) == 1
    assert row().downs == 1


def test_a_signal_of_what_is_up_is_one_statement(api: FlaskClient) -> None:
    address = define(api)["address"].rpartition("8000")[2]

    with statements() as asked:
        assert api.get(address).status_code == 200

    assert len([each for each in asked if each not in ("BEGIN", "COMMIT")]) == 1


def test_the_address_is_a_credential_for_senders_without_a_key(api: FlaskClient) -> None:
    address = define(api)["address"].rpartition("8000")[2]

    assert api.get(address).get_json()["state"] == "up"
    assert api.head(address).status_code == 200
    assert api.get(f"{address}/1").get_json()["state"] == "down"
    assert api.get(f"{address}/0").get_json()["state"] == "up"
    assert api.post(f"{address}/fail", data="no space left\0").get_json()["state"] == "down"
    assert (row().last_message, row().last_exit_code) == ("no space left", None)
    text = {"data": "x" * 2000 + "the end", "content_type": "application/x-www-form-urlencoded"}
    assert api.post(address, **text).get_json()["state"] == "up"
    assert str(row().last_message).endswith("the end")
    assert api.post(address, json={"status": "fail"}).get_json()["state"] == "down"


def test_nothing_is_at_another_address_nor_at_one_of_a_client_that_is_off(api: FlaskClient) -> None:
    address = define(api)["address"].rpartition("8000")[2]

    assert api.get("/ping/00000000-0000-4000-8000-000000000000").status_code == 404
    execute("UPDATE clients SET is_active = false")
    assert api.get(address).status_code == 404


def test_an_address_is_shown_to_keys_that_may_signal_alone(api: FlaskClient) -> None:
    define(api)
    reader = bearer("default", "heartbeats:read")

    assert api.get(BACKUP, headers=reader).get_json()["address"] is None
    assert api.post(BACKUP, headers=reader).status_code == 403
    assert "/ping/" in shown(api)["address"]


def test_nothing_that_is_told_has_the_address_in_it(api: FlaskClient) -> None:
    rule('when event.type == "heartbeat" then notify("slack:#ops")')
    secret = define(api)["address"].rpartition("/")[2]
    let_time_pass(3661)
    signals.sweep()
    api.post(BACKUP)
    matching.match([each.id for each in events()])

    seen = [api.get("/events", headers=bearer("default", "events:read")).text]
    seen += [f"{each.event_id} {each.body}" for each in events()]
    seen += [f"{each.subject} {each.body} {each.details}" for each in told()]

    assert len(told()) == 2
    assert not [each for each in seen if secret in each or secret.replace("-", "") in each]


@pytest.mark.parametrize("begins", ["/ping/", "/heartbeats/"])
def test_an_empty_body_means_well_whatever_type_it_claims_to_be_of(api: FlaskClient, begins: str) -> None:
    address = define(api)["address"].rpartition("8000")[2]

    answer = api.post(address if begins == "/ping/" else BACKUP, content_type="application/json")

    assert (answer.status_code, answer.get_json()["state"]) == (200, "up")


def test_an_unknown_name_is_a_404_that_says_how_to_define_it(api: FlaskClient) -> None:
    answer = api.post("/heartbeats/backpu", json={})

    assert answer.status_code == 404
    assert "PUT /heartbeats/backpu" in answer.get_json()["message"]


def test_the_same_definition_again_changes_nothing_and_another_one_begins_anew(api: FlaskClient) -> None:
    define(api)
    let_time_pass(1000)
    before = row()

    define(api)
    assert (row().due_at, row().updated_at) == (before.due_at, before.updated_at)

    define(api, every_seconds=60)
    assert row().due_at != before.due_at


def test_a_new_definition_does_not_bring_up_what_is_down(api: FlaskClient) -> None:
    define(api)
    api.post(BACKUP, json={"status": "fail"})

    assert define(api, every_seconds=60)["state"] == "down"


def test_a_pause_resolves_and_a_resumption_waits_anew(api: FlaskClient) -> None:
    define(api)
    api.post(BACKUP, json={"status": "fail"})

    assert api.patch(BACKUP, json={"is_paused": True}).get_json()["state"] == "paused"
    assert [each.body["status"] for each in events()] == ["firing", "resolved"]
    assert events()[1].body["reason"] == "paused"
    assert api.post(BACKUP, json={"status": "fail"}).get_json()["state"] == "paused"
    assert signals.sweep() == 0

    resumed = api.patch(BACKUP, json={"is_paused": False}).get_json()
    assert (resumed["state"], resumed["due_at"] is None) == ("up", False)
    assert len(events()) == 2


def test_removing_what_is_down_resolves_it(api: FlaskClient) -> None:
    define(api)
    api.post(BACKUP, json={"status": "fail"})

    assert api.delete(BACKUP).status_code == 204

    assert [each.body["status"] for each in events()] == ["firing", "resolved"]
    assert api.get(BACKUP).status_code == 404


def test_with_windows_a_signal_is_expected_in_the_next_one(api: FlaskClient) -> None:
    night = {"zone": "Europe/Berlin", "intervals": [{"times": ["02:00-04:00"]}]}
    define(api, every_seconds=None, schedule=night)

    expected = api.post(BACKUP).get_json()["expected_at"]

    assert expected[11:] in ("02:00:00Z", "03:00:00Z")  # 04:00 in Berlin
    assert shown(api)["expected_at"] == expected
    assert shown(api)["schedule"] == night


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"every_seconds": None}, "every_seconds"),
        ({"every_seconds": 1}, "every_seconds"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"severity": "awful"}, "severity"),
        ({"schedule": {"intervals": [{"times": ["25:00-26:00"]}]}}, "schedule.intervals.0.times.0"),
        ({"every_seconds": None, "schedule": {"intervals": [{"times": ["00:00-24:00"]}]}}, "schedule"),
        ({"labels": {"a": 1}}, "labels.a.value"),
        ({"interval": 5}, "interval"),
    ],
)
def test_what_cannot_be_expected_is_refused_with_its_field(api: FlaskClient, body: dict[str, Any], field: str) -> None:
    answer = api.put(BACKUP, json={"every_seconds": 60} | body)

    assert answer.status_code == 422
    assert field in refused(answer)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "great"}, "status"),
        ({"exit_code": "1"}, "exit_code"),
        ({"exit_code": 1, "status": "ok"}, "exit_code"),
        ({"message": 5}, "message"),
        ({"code": 5}, "code"),
    ],
)
def test_a_signal_that_is_not_understood_is_refused_with_its_field(
    api: FlaskClient, body: dict[str, Any], field: str
) -> None:
    define(api)

    answer = api.post(BACKUP, json=body)

    assert answer.status_code == 422
    assert field in refused(answer)
    assert row().last_seen_at is None


def test_another_client_has_names_of_its_own(api: FlaskClient) -> None:
    before = define(api)
    other = bearer("other", "heartbeats:read", "heartbeats:write")

    assert api.post(BACKUP, headers=other).status_code == 404
    made = api.put(BACKUP, json={"every_seconds": 60}, headers=other).get_json()

    assert (made["client"], made["every_seconds"]) == ("other", 60)
    assert shown(api) == before


def test_a_name_fits_into_an_address(api: FlaskClient) -> None:
    assert api.put("/heartbeats/no%20spaces", json={"every_seconds": 60}).status_code == 422


def test_lists_are_narrowed_by_state(api: FlaskClient) -> None:
    for name in ("a", "b", "c", "d"):
        define(api, f"/heartbeats/{name}")
    api.post("/heartbeats/b")
    api.post("/heartbeats/c", json={"status": "fail"})
    api.patch("/heartbeats/d", json={"is_paused": True})

    found = {
        state: [each["name"] for each in api.get(f"/heartbeats?state={state}").get_json()]
        for state in ("new", "up", "late", "down", "paused")
    }
    assert found == {"new": ["a"], "up": ["b"], "late": [], "down": ["c"], "paused": ["d"]}
    let_time_pass(3601)
    assert [each["name"] for each in api.get("/heartbeats?state=late").get_json()] == ["a", "b"]
    assert [each["name"] for each in api.get("/heartbeats?limit=2&cursor=a").get_json()] == ["b", "c"]


def test_the_command_line_does_the_same() -> None:
    made = run("heartbeats", "set", "backup", "--every", "3600", "--label", "team=payments")
    assert "/ping/" in made.output

    assert run("heartbeats", "signal", "backup").output == "backup is up.\n"
    assert run("heartbeats", "signal", "backup", "--fail", "disk full").output == "backup is down.\n"
    [found] = json.loads(run("heartbeats", "list", "--state", "down", "--json").output)
    assert (found["last_message"], found["labels"]) == ("disk full", {"team": "payments"})
    assert "disk full" in run("heartbeats", "list").output

    assert "is paused" in run("heartbeats", "pause", "backup").output
    assert "is expected by" in run("heartbeats", "resume", "backup").output
    assert run("heartbeats", "remove", "backup").output == "backup is removed.\n"
    assert run("heartbeats", "set", "x", "--every", "60", "--schedule", "{").exit_code == 2
    assert run("heartbeats", "set", "x", "--every", "60", "--label", "team").exit_code == 2


def test_lengths_of_time_are_written_as_everywhere() -> None:
    assert "nightly" in run("heartbeats", "set", "nightly", "--every", "1h", "--grace", "5m").stdout

    (found,) = json.loads(run("heartbeats", "list", "--json").stdout)
    assert (found["every_seconds"], found["grace_seconds"]) == (3600, 300)
    assert run("heartbeats", "set", "nightly", "--every", "90").exit_code == 0
    assert "write it like 90s, 5m" in run("heartbeats", "set", "nightly", "--every", "soon").stderr
    assert run("heartbeats", "set", "nightly", "--every", "1s").exit_code == 2
