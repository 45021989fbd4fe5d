"""`/drills` and `sentinel drills`: messages that test, at set times, whether people are reached."""

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
from sentinel.models import Drill, Event
from sentinel.services.proving import drill_runs
from tests.integration.calls import execute, refused
from tests.integration.conftest import RunPipeline
from tests.integration.meanwhile import held
from tests.integration.rules import endpoint
from tests.rows import rows

MONDAY = "/drills/monday"
ALWAYS = {"zone": "Europe/Berlin", "intervals": [{"times": ["00:00-24:00"]}]}


@pytest.fixture(autouse=True)
def _targets() -> None:
    endpoint("inbox", "anna", name="anna")
    endpoint("inbox", "bert", name="bert")


def define(api: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = api.put(MONDAY, json={"targets": ["anna", "bert"]} | body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def last_run(api: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{MONDAY}/runs").get_json()[0]
    return found


def events() -> list[Event]:
    with new_session() as session:
        return list(session.scalars(select(Event).order_by(Event.id)))


def time_is_up() -> None:
    execute("UPDATE drill_runs SET due_at = now() WHERE status = 'running'")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_everybody_gets_one_message_that_says_it_is_a_test_on_the_usual_way(
    api: FlaskClient, run_pipeline: RunPipeline
) -> None:
    define(api, text="Answer, please.")

    begun = api.post(f"{MONDAY}/run")
    assert begun.status_code == 202
    assert begun.get_json()["status"] == "running"
    found = rows()
    assert {each.recipient for each in found.values()} == {"anna", "bert"}
    assert all(str(each.subject).startswith("[TEST] ") and "Answer, please." in each.body for each in found.values())

    run_pipeline(list(found), channel="inbox")
    assert drill_runs.sweep() == 0
    time_is_up()
    assert drill_runs.sweep() == 1

    ended = last_run(api)
    assert ended["status"] == "passed"
    assert [(each["target"], each["is_reached"]) for each in ended["results"]] == [("anna", True), ("bert", True)]
    assert events() == []


def test_who_was_not_reached_in_time_is_told_of_until_a_drill_passes(
    api: FlaskClient, run_pipeline: RunPipeline
) -> None:
    define(api)
    api.post(f"{MONDAY}/run")
    run_pipeline([key for key, each in rows().items() if each.recipient == "anna"], channel="inbox")
    time_is_up()
    drill_runs.sweep()

    ended = last_run(api)
    assert ended["status"] == "failed"
    assert [(each["target"], each["is_reached"], each["status"]) for each in ended["results"]] == [
        ("anna", True, "SENT"),
        ("bert", False, "PENDING"),
    ]
    [failed] = events()
    assert (failed.type, failed.body["status"], failed.severity) == ("drill", "firing", "high")
    assert [each["target"] for each in failed.body["unreached"]] == ["bert"]
    assert api.get(MONDAY).get_json()["is_failing"] is True

    before = set(rows())
    api.post(f"{MONDAY}/run")
    run_pipeline([each for each in rows() if each not in before], channel="inbox")
    time_is_up()
    drill_runs.sweep()
    assert [each.body["status"] for each in events()] == ["firing", "resolved"]
    assert api.get(MONDAY).get_json()["is_failing"] is False


def test_a_drill_begins_with_each_interval_of_its_schedule_once(api: FlaskClient) -> None:
    define(api, schedule={"intervals": [{"times": ["10:00-11:00"]}]})
    assert api.get(MONDAY).get_json()["next_at"][11:] == "10:00:00Z"
    execute("UPDATE drills SET next_at = now(), schedule = CAST(:always AS jsonb)", always=json.dumps(ALWAYS))

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: drill_runs.sweep(), range(3)))

    assert sum(counts) == 1
    assert len(rows()) == 2
    assert last_run(api)["started_by"] == "schedule"


def test_a_drill_whose_time_passed_while_nobody_looked_has_failed(api: FlaskClient) -> None:
    define(api, schedule={"intervals": [{"times": ["10:00-11:00"]}]})
    over = {"intervals": [{"times": ["10:00-11:00"], "years": ["2090"]}]}
    execute("UPDATE drills SET next_at = now(), schedule = CAST(:over AS jsonb)", over=json.dumps(over))

    assert drill_runs.sweep() == 1

    ended = last_run(api)
    assert (ended["status"], {each["reason"] for each in ended["results"]}) == ("failed", {"not_held"})
    assert rows() == {}
    assert [each.body["status"] for each in events()] == ["firing"]


def test_a_target_that_is_gone_is_not_reached(api: FlaskClient, run_pipeline: RunPipeline) -> None:
    define(api)
    execute("UPDATE endpoints SET is_enabled = false WHERE name = 'bert'")
    api.post(f"{MONDAY}/run")
    run_pipeline(list(rows()), channel="inbox")
    time_is_up()
    drill_runs.sweep()

    assert [each["reason"] for each in last_run(api)["results"]] == [None, "no_endpoint"]


def test_a_drill_is_not_held_twice_at_once(api: FlaskClient) -> None:
    define(api)
    assert api.post(f"{MONDAY}/run").status_code == 202

    again = api.post(f"{MONDAY}/run")

    assert again.status_code == 409
    assert len(rows()) == 2


def test_what_no_longer_helps_is_not_sent(api: FlaskClient) -> None:
    define(api, within_seconds=120)
    api.post(f"{MONDAY}/run")

    assert all(
        (each.expires_at - each.created_at).total_seconds() == 120 for each in rows().values() if each.expires_at
    )
    assert all(each.expires_at for each in rows().values())


def test_a_drill_that_is_off_is_not_held(api: FlaskClient) -> None:
    assert define(api, schedule={"intervals": [{"times": ["10:00-11:00"]}]}, is_enabled=False)["next_at"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"targets": ["anna", "nobody"]}, "targets.1"),
        ({"targets": []}, "targets"),
        ({"schedule": {"intervals": [{"years": ["2020"]}]}}, "schedule"),
        ({"within_seconds": 0}, "within_seconds"),
    ],
)
def test_a_drill_that_could_not_be_held_is_refused(api: FlaskClient, body: dict[str, Any], field: str) -> None:
    answer = api.put(MONDAY, json={"targets": ["anna"]} | body)

    assert answer.status_code == 422
    assert field in refused(answer)


def test_the_command_line_does_the_same(run_pipeline: RunPipeline) -> None:
    assert "sentinel drills run monday" in run("drills", "set", "monday", "anna", "bert").output
    assert "2 targets are told" in run("drills", "run", "monday").output
    run_pipeline([key for key, each in rows().items() if each.recipient == "anna"], channel="inbox")
    assert "under way" in run("drills", "history", "monday").output
    time_is_up()
    drill_runs.sweep()

    assert "bert (PENDING)" in run("drills", "history", "monday").output
    assert json.loads(run("drills", "history", "monday", "--json").output)[0]["status"] == "failed"
    assert json.loads(run("drills", "list", "--json").output)[0]["targets"] == ["anna", "bert"]
    assert "anna, bert" in run("drills", "list").output
    assert run("drills", "remove", "monday").output == "monday is removed.\n"
    with new_session() as session:
        assert session.scalar(select(Drill)) is None


def test_a_target_that_the_settings_do_not_allow_any_more_is_not_reached_and_holds_up_nobody(api: FlaskClient) -> None:
    endpoint("webhook", "https://hooks.example.com/x", name="hook")
    define(api, targets=["hook", "anna"])
    execute("UPDATE endpoints SET target = 'https://10.0.0.5/x' WHERE name = 'hook'")  # its network was allowed once

    assert api.post(f"{MONDAY}/run").status_code == 202

    assert [each.recipient for each in rows().values()] == ["anna"]
    time_is_up()
    drill_runs.sweep()
    assert [(each["target"], each["reason"]) for each in last_run(api)["results"]] == [
        ("hook", "invalid"),
        ("anna", None),
    ]


@pytest.mark.parametrize("broken", ["_hold", "_judge"])
def test_our_own_mistake_with_one_drill_holds_up_no_other(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    for name in ("bad", "good"):
        schedule = {"intervals": [{"times": ["10:00-11:00"]}]}
        assert api.put(f"/drills/{name}", json={"targets": ["anna"], "schedule": schedule}).status_code == 200
        if broken == "_judge":
            api.post(f"/drills/{name}/run")
    time_is_up()
    execute("UPDATE drills SET next_at = now(), schedule = CAST(:always AS jsonb)", always=json.dumps(ALWAYS))
    if broken == "_judge":
        execute("UPDATE drills SET next_at = NULL")
    healthy = getattr(drill_runs, broken)

    def mistaken(uow: Any, *rows_of_one: Any) -> None:
        healthy(uow, *rows_of_one)
        if any(getattr(each, "name", None) == "bad" for each in rows_of_one):
            raise ValueError("a mistake of ours")

    monkeypatch.setattr(drill_runs, broken, mistaken)
    drill_runs.sweep()

    runs = {name: api.get(f"/drills/{name}/runs").get_json() for name in ("bad", "good")}
    expected = {"_hold": (0, ["running"]), "_judge": (1, ["failed"])}[broken]
    assert (len(runs["bad"]), [each["status"] for each in runs["good"]]) == expected
    assert [each["status"] for each in runs["bad"]] == ["running"] * len(runs["bad"])


def test_a_drill_and_a_run_that_somebody_holds_are_passed_by(api: FlaskClient) -> None:
    define(api, schedule={"intervals": [{"times": ["10:00-11:00"]}]})
    api.post(f"{MONDAY}/run")
    time_is_up()

    for table in ("drill_runs", "drills"):
        with held(f"SELECT 1 FROM {table} FOR UPDATE"):
            assert drill_runs.sweep() == 0
    assert drill_runs.sweep() == 1
    execute("UPDATE drills SET next_at = now()")
    with held("SELECT 1 FROM drills FOR UPDATE"):
        assert drill_runs.sweep() == 0
    assert drill_runs.sweep() == 1
