"""`GET /events/{id}/explain`: why an event was told, or was not."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tests.integration.calls import bearer
from tests.integration.rules import happen, post, rule, told

ORDER = {"type": "order", "amount": 750, "status": "new"}
TELL = 'then notify("email:ops@example.com")'


def explained(api: FlaskClient, event_id: str, query: str = "", **options: Any) -> dict[str, Any]:
    response = api.get(f"/events/{event_id}/explain{query}", **options)
    assert response.status_code == 200, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["outcome"] for each in found["rules"]}


def test_a_rule_that_spoke_names_what_it_sent(api: FlaskClient) -> None:
    known = rule(f'when type == "order" {TELL}', "orders")
    [event] = happen(ORDER)

    found = explained(api, event)

    [fate] = found["rules"]
    [sent] = found["notifications"]
    assert (found["event_id"], found["status"], found["considered"]) == (event, "MATCHED", 1)
    assert (fate["id"], fate["outcome"], fate["failed"], fate["has_changed"]) == (known, "spoke", None, False)
    assert fate["notifications"] == [sent["id"]] == [each.id for each in told(event)]
    assert (sent["channel"], sent["recipient"], sent["status"]) == ("email", "ops@example.com", "PENDING")


def test_a_rule_that_failed_tells_the_condition_and_the_value_it_saw(api: FlaskClient) -> None:
    rule(f'when type == "order" and amount > 1000 {TELL}')
    [event] = happen(ORDER)

    [fate] = explained(api, event)["rules"]

    assert fate["outcome"] == "failed"
    assert (fate["failed"]["text"], fate["failed"]["value"]) == ("amount > 1000", 750)
    assert fate["notifications"] == []


def test_those_that_matched_come_first_then_those_that_failed_latest(api: FlaskClient) -> None:
    rule(f'when type == "refund" {TELL}', "at once")
    rule(f'when type == "order" and amount > 500 and status == "paid" {TELL}', "at the end")
    rule(f'when type == "order" and amount > 1000 and status == "paid" {TELL}', "in the middle")
    rule(f'when type == "order" {TELL}', "matched")
    [event] = happen(ORDER)

    assert list(outcomes(explained(api, event))) == ["matched", "at the end", "in the middle", "at once"]


def test_the_list_is_as_long_as_asked_and_says_how_many_there_are(api: FlaskClient) -> None:
    for number in range(5):
        rule(f"when amount == {number} {TELL}")
    [event] = happen(ORDER)

    found = explained(api, event, "?limit=2")

    assert (len(found["rules"]), found["considered"]) == (2, 5)
    assert api.get(f"/events/{event}/explain?limit=0").status_code == 422
    assert api.get(f"/events/{event}/explain?limit=501").status_code == 422


def test_a_silenced_and_a_throttled_rule_say_so(api: FlaskClient) -> None:
    rule(f"when amount > 1 priority 9 stop {TELL}", "first")
    rule(f"when amount > 1 {TELL}", "second")
    rule(f'when status == "new" priority 99 throttle 1h by type {TELL}', "once an hour")
    happen(ORDER)
    [event] = happen(ORDER)

    assert outcomes(explained(api, event)) == {"first": "spoke", "second": "silenced", "once an hour": "throttled"}


def test_a_rule_that_waits_for_more_says_for_what(api: FlaskClient) -> None:
    rule(f'when type == "order" and count() over 5m > 3 {TELL}')
    [event] = happen(ORDER)

    [fate] = explained(api, event)["rules"]

    assert (fate["outcome"], fate["needs"]) == ("waiting", ["count() over 5m > 3"])


def test_one_rule_is_explained_alone_also_when_it_is_disabled(api: FlaskClient) -> None:
    rule(f"when amount > 1 {TELL}")
    off = rule(f'when type == "order" {TELL}', "off", is_enabled=False)
    [event] = happen(ORDER)

    found = explained(api, event, f"?rule={off}")

    assert outcomes(found) == {"off": "disabled"}
    assert found["considered"] == 1
    assert api.get(f"/events/{event}/explain?rule=99999").status_code == 404


def test_a_rule_that_came_later_was_not_asked_and_is_marked_as_changed(api: FlaskClient) -> None:
    [event] = happen(ORDER)
    rule(f'when type == "order" {TELL}', "too late")

    [fate] = explained(api, event)["rules"]

    assert (fate["outcome"], fate["has_changed"]) == ("not_asked", True)


def test_an_event_that_still_waits_says_so(api: FlaskClient) -> None:
    rule(f'when type == "order" {TELL}', "orders")
    [event] = post(ORDER)

    found = explained(api, event)

    assert (found["status"], outcomes(found)) == ("PENDING", {"orders": "not_asked"})


def test_an_event_that_no_rule_met_has_empty_lists(api: FlaskClient) -> None:
    [event] = happen(ORDER)

    found = explained(api, event)

    assert (found["considered"], found["rules"], found["notifications"]) == (0, [], [])


def test_a_broadcast_is_explained_to_each_client_by_its_own_rules(api: FlaskClient) -> None:
    rule(f'when type == "order" {TELL}', "mine")
    rule(f'when type == "order" {TELL}', "theirs", of="shop")
    [event] = happen(ORDER, is_broadcast=True)

    mine = explained(api, event)
    theirs = explained(api, event, headers=bearer("shop"))

    assert outcomes(mine) == {"mine": "spoke"}
    assert outcomes(theirs) == {"theirs": "spoke"}
    assert {each["id"] for each in mine["notifications"]}.isdisjoint(each["id"] for each in theirs["notifications"])


def test_an_unknown_event_and_another_clients_are_not_found(api: FlaskClient) -> None:
    rule(f'when type == "order" {TELL}', of="shop")
    [event] = happen(ORDER)

    assert api.get(f"/events/{event}/explain", headers=bearer("shop")).status_code == 404
    assert api.get("/events/nothing/explain").status_code == 404


def test_explaining_takes_the_right_to_read_events_and_rules(api: FlaskClient) -> None:
    rule(f'when type == "order" {TELL}')
    [event] = happen(ORDER)
    address = f"/events/{event}/explain"

    assert api.get(address, headers=bearer("default", "events:read")).status_code == 403
    assert api.get(address, headers=bearer("default", "rules:read")).status_code == 403
    shown = api.get(address, headers=bearer("default", "events:read", "rules:read")).get_json()
    assert [each["recipient"] for each in shown["notifications"]] == [None]


def test_the_senders_own_id_finds_the_event(api: FlaskClient) -> None:
    [event] = happen(ORDER | {"event_id": "o-1"})

    assert explained(api, "o-1")["event_id"] == event


def test_why_nothing_was_sent_shows_in_the_notification(api: FlaskClient) -> None:
    rule('when type == "order" then notify("endpoint:*")')
    [event] = happen(ORDER)

    [sent] = explained(api, event)["notifications"]

    assert (sent["status"], sent["reason"]) == ("SUPPRESSED", "no_endpoint")
