"""`/groups`, the grouping of endpoints and rules in the API, and `sentinel groups`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from sentinel.cli import cli
from sentinel.errors import NotFoundError
from tests.integration.groups import Clock, alert, fire, open_groups, resolve, sent, subjects
from tests.integration.rules import endpoint, happen, rule, told

RULE = 'when event.type == "alert" group by labels.cluster then notify("slack:#ops")'
NOWHERE = "0199f0c2-7c1e-7e4b-9d55-0242ac120002"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def made(api: FlaskClient, **grouping: Any) -> Any:
    body = {"channel": "slack", "target": "#ops", "name": "ops", "grouping": grouping}
    return api.post("/endpoints", json=body)


def test_open_groups_are_listed_and_shown_with_what_they_hold(clock: Clock, api: FlaskClient) -> None:
    number = rule(RULE)
    fire("db-1", "db-2")

    (listed,) = api.get("/groups").get_json()
    shown = api.get(f"/groups/{listed['id']}").get_json()

    assert (listed["firing"], listed["resolved"], listed["held"]) == (2, 0, 2)
    assert (listed["scope"], listed["rule_id"], listed["labels"]) == ("rule", number, {"labels.cluster": "a"})
    assert {each["told"] for each in shown["alerts"]} == {"resolved"}
    assert shown["held_ids"] == sorted(row.id for row in told())


def test_the_list_can_be_narrowed_and_comes_in_pages(clock: Clock, api: FlaskClient) -> None:
    rule('when event.type == "alert" group by labels.instance then notify("slack:#ops"), notify("sms:+14155552671")')
    fire("db-1", "db-2")

    first = api.get("/groups?channel=sms&limit=1")
    cursor = json.loads(first.headers["X-Pagination"])["next_cursor"]
    second = api.get(f"/groups?channel=sms&limit=1&cursor={cursor}")

    assert len({first.get_json()[0]["id"], second.get_json()[0]["id"]}) == 2
    assert json.loads(second.headers["X-Pagination"])["next_cursor"] is None
    assert api.get("/groups?endpoint_id=7").get_json() == []


def test_a_group_can_be_told_before_its_time(clock: Clock, api: FlaskClient) -> None:
    rule(RULE.replace("then", "pause 1h then"))
    fire("db-1", "db-2")
    (group,) = open_groups()

    answer = api.post(f"/groups/{group.id}/flush")

    assert (answer.status_code, subjects()) == (200, ["[FIRING:2] cluster=a"])
    assert answer.get_json() == {"group_id": group.id, "notification_id": sent()[0].id}


def test_a_group_that_is_gone_is_not_found(clock: Clock, api: FlaskClient) -> None:
    for answer in (api.get(f"/groups/{NOWHERE}"), api.post(f"/groups/{NOWHERE}/flush"), api.get("/groups/x")):
        assert answer.status_code == 404


def test_operators_list_and_flush_groups(clock: Clock) -> None:
    rule(RULE)
    fire("db-1", "db-2")
    (group,) = open_groups()

    listed = CliRunner().invoke(cli, ["groups", "list", "--client", "default"], catch_exceptions=False)
    as_json = CliRunner().invoke(cli, ["groups", "list", "--json"], catch_exceptions=False)
    flushed = CliRunner().invoke(cli, ["groups", "flush", group.id], catch_exceptions=False)
    again = CliRunner().invoke(cli, ["groups", "flush", NOWHERE])

    assert "labels.cluster=a" in listed.stdout
    assert json.loads(as_json.stdout)[0]["held"] == 2
    assert flushed.stdout == f"Group {group.id} is told by {sent()[0].id}.\n"
    assert isinstance(again.exception, NotFoundError)


def test_a_list_of_groups_shows_no_tokens(clock: Clock) -> None:
    rule(f'when type == "alert" group then notify("push:pover://{"u" * 30}@{"t" * 30}")')
    fire("db-1")

    listed = CliRunner().invoke(cli, ["groups", "list"], catch_exceptions=False).stdout

    assert "push:pover://•••" in listed
    assert "tttt" not in listed


def test_a_group_that_nobody_ends_can_be_forgotten(clock: Clock, api: FlaskClient) -> None:
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)
    fire("db-3")
    (group,) = open_groups()

    assert api.delete(f"/groups/{group.id}").status_code == 204

    assert clock.flush_after(5 * 3600) == 0
    assert [row.status for row in told() if row.event_id] == ["SUPPRESSED", "SUPPRESSED", "CANCELLED"]
    fire("db-4")
    (again,) = open_groups()
    dropped = CliRunner().invoke(cli, ["groups", "drop", again.id], catch_exceptions=False)
    assert dropped.stdout == f"Group {again.id} is forgotten; messages cancelled: 1.\n"


def test_an_endpoint_shows_its_grouping_complete(api: FlaskClient) -> None:
    answer = made(api, group_by=["labels.alertname", 'event["odd name"]'], group_wait_seconds=10)

    assert answer.get_json()["grouping"] == {
        "group_by": ["labels.alertname", 'event["odd name"]'],
        "group_wait_seconds": 10,
        "group_interval_seconds": 300,
        "repeat_interval_seconds": 14_400,
        "pause_seconds": 0,
        "send_resolved": True,
        "flap_changes": 5,
        "flap_seconds": 900,
    }


def test_an_endpoint_without_a_grouping_lets_each_message_go_alone(clock: Clock, api: FlaskClient) -> None:
    found = made(api).get_json()
    body = {"channel": "slack", "target": "#ops", "name": "ops", "version": 1}
    rule('when event.type == "alert" then notify("endpoint:ops")')
    fire("db-1")
    assert sent() == []

    changed = api.put(f"/endpoints/{found['id']}", json=body | {"grouping": None})
    fire("db-2")

    assert (changed.get_json()["grouping"], len(sent())) == (None, 1)


@pytest.mark.parametrize(
    ("grouping", "field"),
    [
        ({"group_by": "labels.cluster"}, "grouping.group_by"),
        ({"group_by": ["labels..cluster"]}, "grouping.group_by.0"),
        ({"group_by": ["a, b"]}, "grouping.group_by.0"),
        ({"group_by": ["*", "a"]}, "grouping.group_by.0"),
        ({"group_by": ["a"] * 11}, "grouping.group_by"),
        ({"group_wait_seconds": -1}, "grouping.group_wait_seconds"),
        ({"group_interval_seconds": 0}, "grouping.group_interval_seconds"),
        ({"group_interval_seconds": None}, "grouping.group_interval_seconds"),
        ({"pause_seconds": True}, "grouping.pause_seconds"),
        ({"send_resolved": "no"}, "grouping.send_resolved"),
        ({"wait": 30}, "grouping.wait"),
    ],
)
def test_what_is_wrong_with_a_grouping_is_named(api: FlaskClient, grouping: dict[str, Any], field: str) -> None:
    answer = made(api, **grouping)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.get_json()["errors"]] == [field]


def test_a_webhook_of_statuses_is_not_grouped(api: FlaskClient) -> None:
    body = {"channel": "webhook", "target": "https://example.com/x", "purpose": "statuses", "grouping": {}}

    assert api.post("/endpoints", json=body).get_json()["errors"][0]["field"] == "grouping"


def test_a_trial_says_in_which_group_a_message_would_wait(api: FlaskClient) -> None:
    answer = api.post("/rules/test", json={"rule": RULE, "event": alert()})

    group = {"scope": "rule", "labels": {"labels.cluster": "a"}, "is_each": False, "wait_seconds": 30}
    assert answer.get_json()["messages"][0]["group"] == group


def test_a_replay_counts_the_groups_of_each_target(api: FlaskClient) -> None:
    happen(*(alert(instance=each) for each in ("db-1", "db-1", "db-2")))

    answer = api.post("/rules/replay", json={"rule": RULE.replace("cluster", "instance"), "hours": 1})

    assert [(each["count"], each["groups"]) for each in answer.get_json()["targets"]] == [(3, 2)]


def test_a_webhook_gets_the_list_itself(clock: Clock) -> None:
    endpoint("webhook", "https://example.com/hook", name="ops", grouping='{"group_by": ["labels.cluster"]}')
    rule('when event.type == "alert" then notify("endpoint:ops")')
    happen(alert(instance="db-1", annotations={"summary": "disk is full"}), alert(instance="db-2"))

    clock.flush_after(30)

    group = sent()[0].details["group"]
    assert (group["firing"], group["labels"], group["left_out"]) == (2, {"labels.cluster": "a"}, 0)
    assert {each["title"] for each in group["alerts"]} == {"disk is full", "alert"}
    assert {each["labels"]["instance"] for each in group["alerts"]} == {"db-1", "db-2"}


def test_a_template_that_knows_of_groups_words_them_and_another_does_not_lose_the_rest(
    clock: Clock, api: FlaskClient
) -> None:
    knowing = "{{ group.firing }} fire, {{ group.resolved }} not: {{ alerts | join(', ', 'title') }}"
    api.post("/templates", json={"name": "many", "body": knowing, "subject": "{{ group.number }}"})
    api.post("/templates", json={"name": "one", "body": "{{ event.labels.instance }} is full"})
    for number, template in enumerate(("many", "one")):
        rule(f'when event.type == "alert" group then notify("slack:#{number}", template="{template}")')
    fire("db-1", "db-2")
    clock.flush_after(30)
    resolve("db-2")
    clock.flush_after(300)

    bodies = {row.recipient: row.body for row in sent()}
    assert bodies["#0"] == "1 fire, 1 not: alert, alert"
    assert bodies["#1"].startswith("FIRING alert")
