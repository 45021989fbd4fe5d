"""`/rules` as their writers meet them: made, listed, replaced, switched, deleted, remembered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.rules.limits import SCANNED_RULES
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, refused, send, stored

ORDERS = 'when event.type == "order" and amount > 500 then notify("email:Ops@Example.com")'
PLAIN = {"name": "Big orders", "rule": ORDERS}
SCANNED = 'when status != "ok" then suppress()'


def make(api: FlaskClient, body: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A rule that is accepted."""
    response = send(api, (body or PLAIN) | changes, "/rules")
    assert response.status_code == 201, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def put(api: FlaskClient, rule_id: int, body: Any, **options: Any) -> TestResponse:
    return api.put(f"/rules/{rule_id}", json=body, **options)


def place(response: TestResponse) -> dict[str, Any]:
    """The one error of a refused rule."""
    assert response.status_code == 422
    [error] = response.get_json()["errors"]
    found: dict[str, Any] = error
    return found


def test_a_rule_is_made_and_shown_as_written_and_as_understood(api: FlaskClient) -> None:
    response = send(api, PLAIN, "/rules")

    made = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/rules/{made['id']}"
    assert (made["name"], made["version"], made["is_enabled"], made["client"]) == ("Big orders", 1, True, "default")
    assert made["rule"] == ORDERS
    assert made["canonical"] == 'when type == "order" and amount > 500 then notify("email:Ops@example.com")'
    assert made["index"] == "indexed on type"
    assert api.get(f"/rules/{made['id']}").get_json() == made


def test_the_workers_find_the_targets_in_their_one_spelling(api: FlaskClient) -> None:
    make(api, rule='when a == 1 then notify("sms:+1 (415) 555-2671")')

    assert stored("rules WHERE syntax::text LIKE '%+14155552671%'") == 1
    assert stored("rules WHERE text LIKE '%(415)%'") == 1


def test_an_error_in_the_text_is_told_with_its_place_and_nothing_is_stored(api: FlaskClient) -> None:
    text = "when type == order\nthen notify(email)"
    error = place(send(api, {"name": "x", "rule": text}, "/rules"))

    assert (error["field"], error["line"], error["column"], error["length"]) == ("rule", 1, 14, 5)
    assert error["value"] == "order"
    assert "expected a value" in error["message"]
    assert error["hint"] == error["remedy"] == 'text values need quotes, e.g. "order"'
    assert "a text in quotes" in error["expected"]
    assert stored("rules") == stored("rule_versions") == 0


@pytest.mark.parametrize(
    ("action", "column", "message", "hint"),
    [
        ('notify("emial:a@b.c")', 25, "unknown channel 'emial'", "did you mean"),
        ('notify("email:nobody")', 26, "'email:nobody' is not a mail address", "oncall@example.com"),
        ('notify("sms:12345")', 26, "'sms:12345' is not a phone number", "E.164"),
        ('notify("endpoint:on-cal")', 35, "there is no endpoint 'on-cal'", 'did you mean "on-call"?'),
        ('notify("endpoint:zzz")', 35, "there is no endpoint 'zzz'", "POST /endpoints"),
        ('notify("endpoint:on-call", template="shrt")', 55, "there is no template 'shrt'", 'did you mean "short"?'),
        ('notify("endpoint:on-call", template="zzz")', 55, "there is no template 'zzz'", "POST /templates"),
    ],
)
def test_a_target_that_cannot_be_told_is_named(
    action: str, column: int, message: str, hint: str, api: FlaskClient
) -> None:
    give_endpoint(1, "on-call")
    give_template(1, "short")

    error = place(send(api, {"name": "x", "rule": f"when a == 1 then {action}"}, "/rules"))

    assert message in error["message"]
    assert hint in error["hint"]
    assert (error["line"], error["column"]) == (1, column)


def give_endpoint(client_id: int, name: str) -> None:
    execute(
        "INSERT INTO endpoints (client_id, name, channel, target, version, created_at, updated_at) "
        "VALUES (:client_id, :name, 'email', 'a@example.com', 1, now(), now())",
        client_id=client_id,
        name=name,
    )


def give_template(client_id: int, name: str) -> None:
    execute(
        "INSERT INTO templates (client_id, name, body, version, created_at, updated_at) "
        "VALUES (:client_id, :name, 'x', 1, now(), now())",
        client_id=client_id,
        name=name,
    )


def test_names_that_the_client_has_are_accepted_and_a_star_always_is(api: FlaskClient) -> None:
    give_endpoint(1, "on-call")
    give_template(1, "short")

    make(api, rule='when a == 1 then notify("endpoint:on-call", template="short"), notify("endpoint:*")')


def test_another_clients_endpoint_is_unknown(api: FlaskClient) -> None:
    key = bearer("shop")
    give_endpoint(1, "on-call")

    refusal = api.post("/rules", json={"name": "x", "rule": 'when a == 1 then notify("endpoint:on-call")'}, headers=key)

    assert place(refusal)["hint"].startswith("make the endpoint first")


def test_the_short_form_becomes_a_rule_of_the_language(api: FlaskClient) -> None:
    made = make(api, {"severity": "high", "source": "api", "name": "timeout"})

    assert made["name"] == "HIGH/api/timeout"
    assert made["rule"] == (
        'when lower(severity) == "high" and source == "api" and name == "timeout" then notify("endpoint:*")'
    )


def test_the_short_form_takes_stars_and_targets(api: FlaskClient) -> None:
    made = make(api, {"severity": "*", "source": "api", "name": "*", "notify": ["email:a@B.c", "endpoint:*"]})

    assert made["name"] == "*/api/*"
    assert made["rule"] == 'when source == "api" then notify("email:a@b.c"), notify("endpoint:*")'


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "x"}, {"rule"}),
        ({}, {"name"}),
        ({"name": "x", "severity": "high"}, {"source"}),
        ({"name": "x", "notify": ["email:a@b.c"]}, {"severity", "source"}),
        (PLAIN | {"severity": "high"}, {"severity"}),
        (PLAIN | {"is_enabled": "yes"}, {"is_enabled"}),
        (PLAIN | {"nme": "x"}, {"nme"}),
        (PLAIN | {"name": "a\nb"}, {"name"}),
        (PLAIN | {"name": "x" * 201}, {"name"}),
        (PLAIN | {"rule": "a\x00b"}, {"rule"}),
        ({"severity": "urgent", "source": "api", "name": "x"}, {"severity"}),
        ({"severity": "high", "source": "a" * 150, "name": "x" * 150}, {"name"}),
        ({"severity": "high", "source": "a", "name": "x", "notify": ["ops"]}, {"notify.0"}),
        ({"severity": "high", "source": "a", "name": "x", "notify": ["email:a@b.c", "email:x"]}, {"notify.1"}),
        ({"severity": "high", "source": "a", "name": "x", "notify": ["pager:x"]}, {"notify.0"}),
    ],
)
def test_a_field_that_cannot_be_is_named(body: Any, fields: set[str], api: FlaskClient) -> None:
    response = send(api, body, "/rules")

    assert response.status_code == 422
    assert set(refused(response)) == fields
    assert stored("rules") == 0


def test_a_name_is_taken_once_per_client(api: FlaskClient) -> None:
    make(api)

    again = send(api, PLAIN, "/rules")
    other = api.post("/rules", json=PLAIN, headers=bearer("shop"))

    assert again.status_code == 409
    assert '"Big orders"' in again.get_json()["message"]
    assert other.status_code == 201


def test_the_list_is_empty_and_then_in_the_order_of_making(api: FlaskClient) -> None:
    assert api.get("/rules").get_json() == []

    names = [make(api, name=name)["name"] for name in ("c", "a", "b")]

    assert [each["name"] for each in api.get("/rules").get_json()] == names


def test_the_list_comes_in_pages(api: FlaskClient) -> None:
    for number in range(5):
        make(api, name=f"rule {number}")

    seen, address = [], "/rules?limit=2"
    while address:
        response = api.get(address)
        seen += [each["name"] for each in response.get_json()]
        following = json.loads(response.headers["X-Pagination"])["next_cursor"]
        address = f"/rules?limit=2&cursor={following}" if following else ""

    assert seen == [f"rule {number}" for number in range(5)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=Big orders", ["Big orders"]),
        ("name=Big", []),
        ("is_enabled=true", ["Big orders"]),
        ("is_enabled=false", ["50% off"]),
        ("q=BIG", ["Big orders"]),
        ("q=type", ["Big orders"]),
        ("q=%25", ["50% off"]),
        ("q=_", []),
    ],
)
def test_the_list_is_narrowed(query: str, names: list[str], api: FlaskClient) -> None:
    make(api)
    make(api, name="50% off", rule="when a == 1 then suppress()", is_enabled=False)

    assert [each["name"] for each in api.get(f"/rules?{query}").get_json()] == names


@pytest.mark.parametrize("query", ["limit=0", "is_enabled=maybe", "cursor=x", "cursor=99999999999", "nme=x", "q="])
def test_a_wrong_parameter_is_refused(query: str, api: FlaskClient) -> None:
    assert api.get(f"/rules?{query}").status_code == 422


def test_put_replaces_and_counts_the_version_up(api: FlaskClient) -> None:
    made = make(api)

    changed = put(api, made["id"], {"name": "Orders", "rule": "when a == 1 then suppress()", "version": 1})

    assert changed.status_code == 200
    shown = changed.get_json()
    assert (shown["name"], shown["version"], shown["index"]) == ("Orders", 2, "indexed on a")
    assert api.get(f"/rules/{made['id']}").get_json() == shown


def test_put_of_what_is_there_already_changes_nothing(api: FlaskClient) -> None:
    made = make(api)

    assert put(api, made["id"], PLAIN | {"version": 1}).get_json() == made
    assert stored("rule_versions") == 1


def test_put_of_the_same_text_brings_what_workers_read_up_to_date(api: FlaskClient) -> None:
    made, other = make(api), make(api, name="other", rule="when a == 1 then suppress()")
    execute(
        "UPDATE rules SET syntax = o.syntax FROM rules o WHERE rules.id = :id AND o.id = :other",
        id=made["id"],
        other=other["id"],
    )

    again = put(api, made["id"], PLAIN | {"version": 1}).get_json()

    assert (again["version"], again["canonical"]) == (2, made["canonical"])


def test_put_with_a_stale_version_names_the_present_one(api: FlaskClient) -> None:
    made = make(api)
    put(api, made["id"], PLAIN | {"name": "Orders", "version": 1})

    stale = put(api, made["id"], PLAIN | {"name": "Mine", "version": 1})

    assert stale.status_code == 409
    assert "version 2" in stale.get_json()["message"]
    assert api.get(f"/rules/{made['id']}").get_json()["name"] == "Orders"


def test_put_needs_the_version_and_a_free_name(api: FlaskClient) -> None:
    made = make(api)
    make(api, name="Orders")

    assert set(refused(put(api, made["id"], PLAIN))) == {"version"}
    assert put(api, made["id"], PLAIN | {"name": "Orders", "version": 1}).status_code == 409
    assert put(api, made["id"], PLAIN | {"version": 2**40}).status_code == 422


def test_a_rule_is_switched_off_and_on(api: FlaskClient) -> None:
    made = make(api)
    address = f"/rules/{made['id']}"

    off = api.patch(address, json={"is_enabled": False, "version": 1}).get_json()
    stale = api.patch(address, json={"is_enabled": True, "version": 1})
    still_off = api.post(f"{address}/disable").get_json()
    on = api.post(f"{address}/enable").get_json()

    assert (off["is_enabled"], off["version"], off["rule"]) == (False, 2, ORDERS)
    assert stale.status_code == 409
    assert still_off == off
    assert (on["is_enabled"], on["version"]) == (True, 3)


def test_a_deleted_rule_is_gone_but_remembered(api: FlaskClient) -> None:
    made = make(api)
    address = f"/rules/{made['id']}"

    assert api.delete(address).status_code == 204
    assert api.delete(address).status_code == 404
    assert api.get(address).status_code == 404
    assert [each["change"] for each in api.get(f"{address}/history").get_json()] == ["deleted", "created"]


def test_the_history_tells_who_changed_what(api: FlaskClient) -> None:
    key = bearer("default", "rules:write", "rules:read")
    made = make(api)
    address = f"/rules/{made['id']}"
    api.put(address, json=PLAIN | {"rule": "when a == 1 then suppress()", "version": 1}, headers=key)
    api.post(f"{address}/disable", headers=key)
    api.post(f"{address}/enable")

    history = api.get(f"{address}/history").get_json()

    prefix = key["Authorization"].removeprefix("Bearer ")[:12]
    assert [each["version"] for each in history] == [4, 3, 2, 1]
    assert [each["change"] for each in history] == ["enabled", "disabled", "changed", "created"]
    assert [each["changed_by"] for each in history] == ["open mode", prefix, prefix, "open mode"]
    assert history[-1]["rule"] == ORDERS
    assert history[0]["rule"] == "when a == 1 then suppress()"


@pytest.mark.parametrize("rule_id", ["0", "2147483648", "99999999999999999999", "x", "-1"])
def test_an_unknown_rule_is_not_found(rule_id: str, api: FlaskClient) -> None:
    answers = [
        api.get(f"/rules/{rule_id}"),
        api.get(f"/rules/{rule_id}/history"),
        api.delete(f"/rules/{rule_id}"),
        api.post(f"/rules/{rule_id}/enable"),
        api.put(f"/rules/{rule_id}", json=PLAIN | {"version": 1}),
    ]

    assert {each.status_code for each in answers} == {404}


def test_another_clients_rule_is_not_found(api: FlaskClient) -> None:
    made = make(api)
    key = bearer("shop")
    address = f"/rules/{made['id']}"

    answers = [
        api.get(address, headers=key),
        api.get(f"{address}/history", headers=key),
        api.delete(address, headers=key),
        api.post(f"{address}/disable", headers=key),
        api.put(address, json=PLAIN | {"version": 1}, headers=key),
    ]

    assert {each.status_code for each in answers} == {404}
    assert api.get("/rules", headers=key).get_json() == []
    assert api.get(address).get_json() == made


def test_an_admin_acts_for_a_client_by_name(api: FlaskClient) -> None:
    bearer("shop")
    send(api, PLAIN, "/rules?client=shop")

    assert [each["client"] for each in api.get("/rules?client=shop").get_json()] == ["shop"]
    assert api.get("/rules").get_json() == []


def test_reading_takes_one_scope_and_writing_another(api: FlaskClient) -> None:
    made = make(api)
    reader, other = bearer("default", "rules:read"), bearer("default", "events:write")

    assert api.get("/rules", headers=reader).status_code == 200
    assert api.post("/rules", json=PLAIN, headers=reader).status_code == 403
    assert api.delete(f"/rules/{made['id']}", headers=reader).status_code == 403
    assert api.post("/rules/validate", json={"rule": ORDERS}, headers=reader).status_code == 200
    assert api.get("/rules", headers=other).status_code == 403


def test_validation_tells_how_a_rule_is_understood_and_what_may_surprise(api: FlaskClient) -> None:
    opinion = send(api, {"rule": 'when not status == "ok" then suppress()'}, "/rules/validate").get_json()

    assert opinion["canonical"] == 'when not status == "ok" then suppress()'
    assert opinion["index"] == "scan"
    assert "also true when status is missing" in opinion["warnings"][0]
    assert "every event asks it" in opinion["warnings"][1]
    assert stored("rules") == 0


def test_validation_of_a_good_rule_has_no_warnings_and_of_a_bad_one_its_place(api: FlaskClient) -> None:
    good = send(api, {"rule": ORDERS}, "/rules/validate").get_json()
    bad = send(api, {"rule": "when amount = 5 then suppress()"}, "/rules/validate")

    assert good["warnings"] == []
    assert place(bad)["column"] == 13


def test_rules_that_every_event_asks_are_few(api: FlaskClient) -> None:
    for number in range(SCANNED_RULES):
        make(api, name=f"scan {number}", rule=SCANNED)

    one_more = send(api, {"name": "one more", "rule": SCANNED}, "/rules")
    disabled = make(api, name="disabled", rule=SCANNED, is_enabled=False)
    enabling = api.post(f"/rules/{disabled['id']}/enable")
    indexed = make(api, name="indexed")
    turned = put(api, indexed["id"], {"name": "indexed", "rule": SCANNED, "version": 1})

    assert "50 such rules" in refused(one_more)["rule"]
    assert enabling.status_code == turned.status_code == 422
    assert api.post("/rules", json={"name": "x", "rule": SCANNED}, headers=bearer("shop")).status_code == 201


def test_a_client_has_at_most_so_many_rules(api: FlaskClient, database: Configure) -> None:
    database(SENTINEL_MAX_RULES="2")
    first = make(api, name="1")
    make(api, name="2")

    third = send(api, PLAIN, "/rules")

    assert "more rules than a client may have" in refused(third)["rule"]
    assert put(api, first["id"], PLAIN | {"version": 1}).status_code == 200


def test_a_shipped_pack_is_copied_and_what_is_there_stays(api: FlaskClient) -> None:
    mine = make(api, name="Device degraded", rule="when a == 1 then suppress()")

    first = api.post("/rules/packs/device_health").get_json()
    again = api.post("/rules/packs/device_health").get_json()

    assert [each["name"] for each in first["installed"]] == [
        "Device offline",
        "High temperature",
        "Elevated temperature",
    ]
    assert first["kept"] == ["Device degraded"]
    assert again["installed"] == []
    assert len(again["kept"]) == 4
    assert api.get(f"/rules/{mine['id']}").get_json() == mine
    assert "priority 40 stop" in first["installed"][0]["rule"]


def test_an_unknown_pack_is_not_found(api: FlaskClient) -> None:
    response = api.post("/rules/packs/nothing")

    assert response.status_code == 404
    assert "device_health" in response.get_json()["message"]


def test_a_deleted_rule_takes_its_endpoints_along(api: FlaskClient) -> None:
    made = make(api)
    give_endpoint(1, "its own")
    execute("UPDATE endpoints SET rule_id = :rule_id", rule_id=made["id"])

    api.delete(f"/rules/{made['id']}")

    assert stored("endpoints") == 0


def test_every_change_is_in_the_log_that_workers_read(api: FlaskClient) -> None:
    made = make(api)
    put(api, made["id"], PLAIN | {"name": "Orders", "version": 1})
    api.delete(f"/rules/{made['id']}")

    assert stored(f"rule_changes WHERE rule_id = {made['id']}") == 3
