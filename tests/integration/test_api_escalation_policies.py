"""`/escalation-policies` and `/rotations`: what can be written, what is refused and why, and what holds on to them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.calls import refused, send
from tests.integration.rules import endpoint

SMS = "sms:+1 (415) 555-2671"
PRIMARY: dict[str, Any] = {"name": "primary", "steps": [{"notify": [SMS]}]}
TURNS: dict[str, Any] = {"name": "primary", "members": ["ann", "bob"], "starts_on": "2026-03-28", "shift_days": 1}


def made(api: FlaskClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = send(api, body, path)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.get_json()
    return found


@pytest.fixture
def people(api: FlaskClient) -> FlaskClient:
    """The API of a client with two endpoints that have names."""
    endpoint("sms", "+14155552671", name="ann")
    endpoint("email", "bob@example.com", name="bob")
    return api


def test_a_policy_is_kept_with_its_targets_in_one_spelling(api: FlaskClient) -> None:
    found = made(api, "/escalation-policies", PRIMARY | {"repeat": 2, "default_for": ["critical"]})

    assert found["steps"] == [{"wait_seconds": 0, "notify": ["sms:+14155552671"]}]
    assert (found["repeat"], found["repeat_wait_seconds"], found["default_for"]) == (2, 300, ["critical"])
    assert api.get("/escalation-policies/primary").get_json() == found
    assert api.get("/escalation-policies?name=primary").get_json() == [found]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "no spaces"}, "name"),
        ({"steps": []}, "steps"),
        ({"steps": [{"notify": []}]}, "steps.0.notify"),
        ({"steps": [{"notify": ["nobody"]}]}, "steps.0.notify.0"),
        ({"steps": [{"notify": ["sms:12"]}]}, "steps.0.notify.0"),
        ({"steps": [{"notify": [SMS, "pager:1"]}]}, "steps.0.notify.1"),
        ({"steps": [{"notify": ["endpoint:cid"]}]}, "steps.0.notify.0"),
        ({"steps": [{"notify": ["rotation:none"]}]}, "steps.0.notify.0"),
        ({"steps": [{"notify": [SMS], "wait_seconds": -1}]}, "steps.0.wait_seconds"),
        ({"repeat_wait_seconds": 1}, "repeat_wait_seconds"),
        ({"acknowledge_timeout_seconds": 1}, "acknowledge_timeout_seconds"),
        ({"default_for": ["urgent"]}, "default_for.0"),
        ({"stepps": []}, "stepps"),
    ],
)
def test_a_policy_that_could_not_work_is_refused_with_the_field(
    people: FlaskClient, change: dict[str, Any], field: str
) -> None:
    response = send(people, PRIMARY | change, "/escalation-policies")

    assert response.status_code == 422
    assert list(refused(response)) == [field]


def test_a_name_and_a_severity_are_taken_once(api: FlaskClient) -> None:
    made(api, "/escalation-policies", PRIMARY | {"default_for": ["critical", "high"]})

    same_name = send(api, PRIMARY, "/escalation-policies")
    same_severity = send(api, PRIMARY | {"name": "other", "default_for": ["high"]}, "/escalation-policies")

    assert (same_name.status_code, same_severity.status_code) == (409, 409)
    assert 'there is an escalation policy "primary" already' in same_name.get_json()["message"]
    assert '"primary" is the default for high already' in same_severity.get_json()["message"]


def test_a_policy_is_replaced_by_who_has_read_it(api: FlaskClient) -> None:
    made(api, "/escalation-policies", PRIMARY)

    changed = api.put("/escalation-policies/primary", json=PRIMARY | {"version": 1, "repeat": 3})
    stale = api.put("/escalation-policies/primary", json=PRIMARY | {"version": 1})

    assert (changed.status_code, changed.get_json()["version"], changed.get_json()["repeat"]) == (200, 2, 3)
    assert stale.status_code == 409


def test_a_rule_binds_only_a_policy_that_is_there_and_holds_on_to_it(api: FlaskClient) -> None:
    rule = {"name": "r", "rule": 'when type == "x" then ticket("high", "x", policy="primry")'}
    made(api, "/escalation-policies", PRIMARY)

    unknown = send(api, rule, "/rules")
    made(api, "/rules", rule | {"rule": rule["rule"].replace("primry", "primary")})
    held = api.delete("/escalation-policies/primary")

    assert (unknown.status_code, held.status_code) == (422, 409)
    assert "there is no escalation policy 'primry'" in unknown.text
    assert 'did you mean \\"primary\\"?' in unknown.text
    assert "bound by the rules r" in held.get_json()["message"]
    assert api.delete("/escalation-policies/primary?force=true").status_code == 204
    assert api.get("/escalation-policies/primary").status_code == 404


def test_a_rule_is_tried_with_its_policy_and_what_it_resolves(api: FlaskClient) -> None:
    made(api, "/escalation-policies", PRIMARY)
    rule = 'when type == "x" then ticket("high", "x", merge="id", policy="primary"), resolve(merge="id, region")'

    trial = send(api, {"rule": rule, "event": {"type": "x", "id": 7}}, "/rules/test").get_json()

    assert [each["policy"] for each in trial["tickets"]] == ["primary"]
    assert trial["resolves"] == [None]


def test_members_take_turns_at_the_local_time_over_a_clock_change(people: FlaskClient) -> None:
    made(people, "/rotations", TURNS | {"zone": "Europe/Berlin"})

    def on_call(at: str) -> dict[str, Any]:
        response = people.get("/rotations/primary/on-call", query_string={"at": at})
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.get_json()
        return found

    assert on_call("2026-03-29T06:59:00Z") == {
        "member": "ann",
        "since": "2026-03-28T08:00:00Z",
        "until": "2026-03-29T07:00:00Z",
        "is_override": False,
    }
    assert on_call("2026-03-29T07:00:00Z")["member"] == "bob"
    assert people.get("/rotations/primary/on-call").get_json()["member"] in ("ann", "bob")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"members": ["ann", "cid"]}, "members.1"),
        ({"members": []}, "members"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"handover": "9 o'clock"}, "handover"),
        ({"handover": "24:00"}, "handover"),
        ({"starts_on": "tomorrow"}, "starts_on"),
        ({"shift_days": 0}, "shift_days"),
    ],
)
def test_a_rotation_that_could_not_work_is_refused_with_the_field(
    people: FlaskClient, change: dict[str, Any], field: str
) -> None:
    response = send(people, TURNS | change, "/rotations")

    assert response.status_code == 422
    assert list(refused(response)) == [field]


def test_somebody_stands_in_and_that_can_be_taken_back(people: FlaskClient) -> None:
    made(people, "/rotations", TURNS | {"members": ["ann"]})
    ends = {"member": "bob", "ends_at": "2027-02-01T00:00:00Z"}
    there = made(people, "/rotations/primary/overrides", ends)

    assert people.get("/rotations/primary/on-call").get_json()["member"] == "bob"
    assert [each["id"] for each in people.get("/rotations/primary/overrides").get_json()] == [there["id"]]
    assert send(people, ends | {"member": "cid"}, "/rotations/primary/overrides").status_code == 422
    assert send(people, ends | {"ends_at": "2020-01-01T00:00:00Z"}, "/rotations/primary/overrides").status_code == 422

    assert people.delete(f"/rotations/primary/overrides/{there['id']}").status_code == 204
    assert people.delete(f"/rotations/primary/overrides/{there['id']}").status_code == 404
    assert people.get("/rotations/primary/on-call").get_json()["member"] == "ann"


def test_an_endpoint_is_held_by_the_policies_and_rotations_that_tell_it(people: FlaskClient) -> None:
    made(people, "/rotations", TURNS)
    made(people, "/escalation-policies", PRIMARY | {"steps": [{"notify": ["endpoint:ann"]}]})
    (ann,) = people.get("/endpoints?name=ann").get_json()

    held = people.delete(f"/endpoints/{ann['id']}")

    assert held.status_code == 409
    assert "is told by escalation policy primary, rotation primary" in held.get_json()["message"]
    assert people.delete(f"/endpoints/{ann['id']}?force=true").status_code == 204


def test_a_rotation_is_held_by_the_policies_that_tell_it(people: FlaskClient) -> None:
    made(people, "/rotations", TURNS)
    made(people, "/escalation-policies", PRIMARY | {"steps": [{"notify": ["rotation:primary"]}]})

    held = people.delete("/rotations/primary")

    assert held.status_code == 409
    assert "told by the escalation policies primary" in held.get_json()["message"]
    changed = people.put("/rotations/primary", json=TURNS | {"version": 1, "members": ["bob"]})
    assert (changed.status_code, changed.get_json()["members"]) == (200, ["bob"])
    assert people.delete("/rotations/primary?force=true").status_code == 204
