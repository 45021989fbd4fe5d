"""`POST /rules/test`: a rule tried on an event, with the words that would be sent. Nothing is stored."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tests.integration.calls import bearer, execute, refused, send, stored
from tests.integration.rules import endpoint, rule

ORDER = {"type": "order", "amount": 750, "severity": "HIGH"}
RULE = 'when type == "order" and amount > 500 severity critical then notify("email:ops@example.com")'


def tried(api: FlaskClient, text: Any, event: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    response = api.post("/rules/test", json={"rule": text, "event": ORDER if event is None else event}, **options)
    assert response.status_code == 200, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def test_a_rule_that_matches_shows_what_would_be_sent_and_stores_nothing(api: FlaskClient) -> None:
    trial = tried(api, RULE)

    [message] = trial["messages"]
    assert (trial["matched"], trial["failed"], trial["severity"]) == (True, None, "critical")
    assert [each["holds"] for each in trial["findings"]] == [True, True]
    assert (message["channel"], message["recipient"], message["reason"]) == ("email", "ops@example.com", None)
    assert "750" in message["body"]
    assert stored("notifications") == stored("rules") == stored("events") == 0


def test_a_rule_that_fails_shows_the_first_condition_that_did_and_the_value_it_saw(api: FlaskClient) -> None:
    trial = tried(api, RULE, {"type": "order", "amount": "750"})

    assert trial["matched"] is False
    assert trial["failed"] == {"text": "amount > 500", "holds": False, "value": "750", "note": "type", "parts": []}
    assert trial["messages"] == trial["tickets"] == []


def test_a_missing_field_is_told_as_missing(api: FlaskClient) -> None:
    failed = tried(api, RULE, {"type": "order"})["failed"]

    assert (failed["text"], failed["value"], failed["note"]) == ("amount > 500", None, "missing")


def test_a_stored_rule_is_tried_by_its_id_with_its_own_endpoints(api: FlaskClient) -> None:
    known = rule('when type == "order" then notify("endpoint:*")', "Big orders")
    endpoint("email", "own@example.com", rule_id=known)
    endpoint("email", "other@example.com")

    [message] = tried(api, {"id": known})["messages"]

    assert message["recipient"] == "own@example.com"
    assert "Big orders" in message["body"]


def test_a_rule_without_an_enabled_endpoint_says_that_nothing_would_be_sent(api: FlaskClient) -> None:
    [message] = tried(api, 'when type == "order" then notify("endpoint:*")')["messages"]

    assert message["reason"] == "no_endpoint"


def test_the_message_is_worded_by_the_template_that_is_asked_for(api: FlaskClient) -> None:
    execute(
        "INSERT INTO templates (client_id, name, subject, body, version, created_at, updated_at) "
        "VALUES (1, 'short', 'Order', 'worth {{ event.amount }}', 1, now(), now())"
    )

    [message] = tried(api, 'when type == "order" then notify("email:a@example.com", template="short")')["messages"]

    assert (message["subject"], message["body"]) == ("Order", "worth 750")


def test_tickets_are_shown_with_their_titles(api: FlaskClient) -> None:
    text = 'when amount > 1 then ticket("high", "Order of {amount:.1f}", merge="type")'

    [ticket] = tried(api, text)["tickets"]

    assert (ticket["severity"], ticket["title"]) == ("high", "Order of 750.0")
    assert "order" in ticket["merge_key"]


def test_what_one_event_cannot_answer_is_named_and_taken_as_given(api: FlaskClient) -> None:
    options = "for 1m throttle 3 per 1h, 7 per 1d by user"
    text = f'when type == "order" and count() over 5m by user > 3 {options} then notify("email:a@b.c")'

    trial = tried(api, text)

    assert trial["matched"] is True
    assert trial["needs"] == ["count() over 5m by user > 3", "for 1m", "throttle 3 per 1h, 7 per 1d"]
    assert trial["findings"][1]["note"] == "window"


def test_a_bad_rule_an_unknown_one_and_a_bad_event_are_refused(api: FlaskClient) -> None:
    bad = api.post("/rules/test", json={"rule": "when amount = 5 then suppress()", "event": {}})

    assert bad.get_json()["errors"][0]["column"] == 13
    assert api.post("/rules/test", json={"rule": {"id": 99}, "event": {}}).status_code == 404
    assert set(refused(send(api, {"rule": {"id": "7"}, "event": {}}, "/rules/test"))) == {"rule"}
    assert set(refused(send(api, {"rule": RULE, "event": [1]}, "/rules/test"))) == {"event"}
    assert set(refused(send(api, {"rule": RULE, "event": {"severity": 5}}, "/rules/test"))) == {"severity"}
    assert set(refused(send(api, {}, "/rules/test"))) == {"rule", "event"}


def test_another_clients_rule_cannot_be_tried(api: FlaskClient) -> None:
    known = rule(RULE)

    answer = api.post("/rules/test", json={"rule": {"id": known}, "event": ORDER}, headers=bearer("shop"))

    assert answer.status_code == 404
