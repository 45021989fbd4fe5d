"""`POST /integrations/…`: who may send, what is stored of it once, and what each sender is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from sentinel import metrics
from sentinel.app import create_app
from sentinel.db import get_engine
from sentinel.integrations import KINDS, alertmanager, cloudevents, github, grafana, pagerduty, sns
from sentinel.services.matching import matching
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, refused, stored
from tests.integration.rules import told

SHOP = "shop"
SECRET = "a-secret-of-both"
ALERT = alertmanager.SAMPLE["alerts"][0]
SAMPLES = {
    "alertmanager": alertmanager.SAMPLE,
    "grafana": grafana.SAMPLE,
    "cloudevents": cloudevents.SAMPLE,
    "pagerduty": pagerduty.SAMPLE,
    "github": github.SAMPLE,
    "sns": sns.SAMPLE,
}
BY_KEY = ("alertmanager", "grafana", "cloudevents")
TYPES = {"cloudevents": cloudevents.STRUCTURED}


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API as it is in production: no key, no answer."""
    database(SENTINEL_OPEN_MODE="false")
    return create_app().test_client()


def integration(api: FlaskClient, kind: str, **more: Any) -> dict[str, Any]:
    """Make one of client `shop`."""
    body = {"kind": kind, "name": f"{kind} {stored('integrations')}"} | more
    response = api.post("/integrations", json=body, headers=bearer(SHOP))
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.get_json()
    return made


def path_of(made: dict[str, Any]) -> str:
    return f"/integrations/{made['kind']}/{made['id']}"


def post(api: FlaskClient, path: str, body: Any, kind: str = "application/json", **headers: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(path, data=data, content_type=kind, headers=named)


def by_github(api: FlaskClient, path: str, body: Any, secret: str = SECRET, **changes: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    kind = changes.pop("kind", "application/json")
    headers = {"X_GitHub_Event": "issues", "X_GitHub_Delivery": "d-1", "X_Hub_Signature_256": signature} | changes
    return post(api, path, data, kind, **headers)


def rows() -> list[Any]:
    statement = text("""
        SELECT e.*, c.name AS client FROM events e JOIN clients c ON c.id = e.client_id ORDER BY e.id
    """)
    with get_engine().connect() as connection:
        return list(connection.execute(statement))


# --- With an API key


@pytest.mark.parametrize("kind", BY_KEY)
def test_what_comes_with_a_key_is_an_event_of_its_client(api: FlaskClient, kind: str) -> None:
    key = bearer(SHOP, "events:write")

    answer = post(api, f"/integrations/{kind}", SAMPLES[kind], TYPES.get(kind, "application/json"), **key)

    assert answer.status_code == (202 if kind == "cloudevents" else 207)
    [row] = rows()
    assert (row.client, row.status, row.is_broadcast) == (SHOP, "PENDING", False)
    told = answer.get_json() if kind == "cloudevents" else answer.get_json()[0]["event"]
    assert told == {"event_id": row.event_id, "id": str(row.id), "status": "accepted"}


@pytest.mark.parametrize("kind", BY_KEY)
def test_the_same_again_is_a_duplicate_and_stored_once(api: FlaskClient, kind: str) -> None:
    key = bearer(SHOP)

    answers = [
        post(api, f"/integrations/{kind}", SAMPLES[kind], TYPES.get(kind, "application/json"), **key).get_json()
        for _ in range(2)
    ]

    first, again = [each if kind == "cloudevents" else each[0]["event"] for each in answers]
    assert (first["status"], again["status"]) == ("accepted", "duplicate")
    assert first["id"] == again["id"]
    assert stored("events") == 1


@pytest.mark.parametrize("kind", BY_KEY)
def test_without_a_key_that_may_write_events_nothing_is_taken_in(api: FlaskClient, kind: str) -> None:
    path, body = f"/integrations/{kind}", SAMPLES[kind]

    assert post(api, path, body).status_code == 401
    assert post(api, path, body, Authorization="Bearer sntl_wrong").status_code == 401
    assert post(api, path, body, **bearer(SHOP, "events:read")).status_code == 403
    assert stored("events") == 0


def test_a_key_for_broadcasts_has_alerts_heard_by_all_unless_it_says_otherwise(api: FlaskClient) -> None:
    key = bearer(SHOP, "events:write", "events:broadcast")
    other = alertmanager.SAMPLE | {"alerts": [ALERT | {"fingerprint": "other"}]}

    post(api, "/integrations/alertmanager", alertmanager.SAMPLE, **key)
    post(api, "/integrations/alertmanager?audience=own", other, **key)

    assert [row.is_broadcast for row in rows()] == [True, False]


def test_valid_alerts_are_stored_though_others_are_refused_each_told_in_its_place(api: FlaskClient) -> None:
    body = alertmanager.SAMPLE | {"alerts": [ALERT | {"status": "odd"}, ALERT, ALERT | {"labels": {"severity": "\0"}}]}

    answer = post(api, "/integrations/alertmanager", body, **bearer(SHOP))

    assert answer.status_code == 207
    results = answer.get_json()
    assert [(each["index"], each["status"]) for each in results] == [(0, 422), (1, 202), (2, 422)]
    assert results[0]["errors"][0]["field"] == "alerts.0.status"
    assert "NUL" in results[2]["errors"][0]["message"]
    assert stored("events") == 1


def test_a_request_of_which_nothing_can_be_stored_is_refused(api: FlaskClient) -> None:
    body = alertmanager.SAMPLE | {"alerts": [ALERT | {"status": "odd"}, 5]}

    answer = post(api, "/integrations/alertmanager", body, **bearer(SHOP))

    assert answer.status_code == 422
    assert set(refused(answer)) == {"alerts.0.status", "alerts.1"}


def test_a_group_of_many_alerts_may_be_as_large_as_a_batch_of_events(api: FlaskClient) -> None:
    alerts = [ALERT | {"fingerprint": str(number), "annotations": {"text": "x" * 1000}} for number in range(500)]

    answer = post(api, "/integrations/alertmanager", alertmanager.SAMPLE | {"alerts": alerts}, **bearer(SHOP))

    assert answer.status_code == 207
    assert stored("events") == 500


def test_cloudevents_come_in_three_modes(api: FlaskClient) -> None:
    key, path = bearer(SHOP), "/integrations/cloudevents"
    headers = {"ce-specversion": "1.0", "ce-id": "b-1", "ce-source": "/s", "ce-type": "t"}

    structured = post(api, path, cloudevents.SAMPLE, cloudevents.STRUCTURED + "; charset=utf-8", **key)
    binary = post(api, path, b"<a/>", "text/xml", **key, **headers)
    batch = post(api, path, [cloudevents.SAMPLE | {"id": "c-1"}, {}], cloudevents.BATCH, **key)
    empty = post(api, path, [], cloudevents.BATCH, **key)

    assert [each.status_code for each in (structured, binary, batch, empty)] == [202, 202, 207, 207]
    assert [each["status"] for each in batch.get_json()] == [202, 422]
    assert empty.get_json() == []
    assert [row.event_id for row in rows()] == [
        f"cloudevents:{name}" for name in ("/shop/checkout:A234-1234-1234", "/s:b-1", "/shop/checkout:c-1")
    ]
    assert rows()[1].body["data"] == "<a/>"


@pytest.mark.parametrize(
    ("kind", "headers", "data", "status"),
    [
        ("application/json", {}, b"{}", 422),
        ("text/plain", {}, b"x", 422),
        ("application/json", {"ce-id": "1"}, b"{}", 422),
        (cloudevents.STRUCTURED, {}, b"{", 400),
        ("application/json", {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}, b"{", 400),
    ],
)
def test_what_is_no_cloudevent_is_refused(
    api: FlaskClient, kind: str, headers: dict[str, str], data: bytes, status: int
) -> None:
    answer = post(api, "/integrations/cloudevents", data, kind, **bearer(SHOP), **headers)

    assert answer.status_code == status, answer.text
    assert stored("events") == 0


# --- To an address


@pytest.mark.parametrize("kind", BY_KEY)
def test_what_comes_to_an_address_is_an_event_of_its_client_alone(api: FlaskClient, kind: str) -> None:
    path = path_of(integration(api, kind))

    answer = post(api, path, SAMPLES[kind], TYPES.get(kind, "application/json"))

    assert answer.status_code in (202, 207)
    assert [(row.client, row.is_broadcast) for row in rows()] == [(SHOP, False)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_that_is_not_there_takes_nothing(api: FlaskClient, kind: str) -> None:
    others = [each for each in KINDS if each != kind]
    made, elsewhere = integration(api, kind), integration(api, others[0])
    path = path_of(made)

    def answers(to: str) -> int:
        return post(api, to, SAMPLES[kind]).status_code

    assert answers(f"/integrations/{kind}/00000000-0000-4000-8000-000000000000") == 404
    assert answers(f"/integrations/{kind}/{elsewhere['id']}") == 404
    assert api.patch(f"/integrations/{made['id']}", json={"is_enabled": False}, headers=bearer(SHOP)).status_code == 200
    assert answers(path) == 404
    api.patch(f"/integrations/{made['id']}", json={"is_enabled": True}, headers=bearer(SHOP))
    execute("UPDATE clients SET is_active = false WHERE name = 'shop'")
    assert answers(path) == 404
    assert stored("events") == 0


def test_a_body_may_be_as_large_as_reports_of_providers_and_no_larger(api: FlaskClient) -> None:
    path = path_of(integration(api, "grafana"))

    answers = [post(api, path, grafana.SAMPLE | {"message": "x" * size}) for size in (1_000_000, 1_100_000)]

    assert [each.status_code for each in answers] == [207, 413]


def test_rules_hear_what_other_systems_send(api: FlaskClient) -> None:
    rule = 'when type == "alert" and status == "firing" and labels.host == "db-1" then notify("inbox:ann")'
    api.post("/rules", json={"name": "r", "rule": rule}, headers=bearer(SHOP))
    path = path_of(integration(api, "grafana"))
    resolved = grafana.SAMPLE["alerts"][0] | {"status": "resolved"}

    for body in (grafana.SAMPLE, grafana.SAMPLE, grafana.SAMPLE | {"alerts": [resolved]}):
        post(api, path, body)
    matching.match([str(row.id) for row in rows()])

    assert [row.status for row in rows()] == ["MATCHED", "UNMATCHED"]
    assert [(each.channel, each.recipient) for each in told()] == [("inbox", "ann")]


# --- PagerDuty


@pytest.mark.parametrize("path", ["/integrations/pagerduty", "/integrations/pagerduty/v2/enqueue"])
def test_an_event_of_pagerduty_is_taken_in_and_answered_as_pagerduty_does(api: FlaskClient, path: str) -> None:
    key = bearer(SHOP, "events:write")["Authorization"].partition(" ")[2]

    answer = post(api, path, pagerduty.SAMPLE | {"routing_key": key})

    assert (answer.status_code, answer.get_json()) == (
        202,
        {"status": "success", "message": "Event processed", "dedup_key": "db-1/disk"},
    )
    [row] = rows()
    assert (row.client, row.severity, row.name) == (SHOP, "high", "disk")
    assert key not in json.dumps(row.body)


def test_the_key_of_a_trigger_is_told_so_that_it_can_be_resolved(api: FlaskClient) -> None:
    key = bearer(SHOP)["Authorization"].partition(" ")[2]
    body = {name: value for name, value in pagerduty.SAMPLE.items() if name != "dedup_key"} | {"routing_key": key}

    told = post(api, "/integrations/pagerduty", body).get_json()["dedup_key"]
    post(api, "/integrations/pagerduty", {"routing_key": key, "event_action": "resolve", "dedup_key": told})

    assert [(row.body["dedup_key"], row.body["status"]) for row in rows()] == [(told, "firing"), (told, "resolved")]


def test_the_id_of_an_integration_is_a_routing_key_of_the_length_that_senders_expect(api: FlaskClient) -> None:
    made = integration(api, "pagerduty")
    key = made["id"].replace("-", "")

    by_routing_key = post(api, "/integrations/pagerduty/v2/enqueue", pagerduty.SAMPLE | {"routing_key": key})
    by_address = post(api, path_of(made), pagerduty.SAMPLE | {"routing_key": "anything"})

    assert (len(key), by_routing_key.status_code, by_address.status_code) == (32, 202, 202)
    assert [row.client for row in rows()] == [SHOP, SHOP]


@pytest.mark.parametrize("routing_key", ["", None, 5, "sntl_wrong", "0" * 32, "x"])
def test_a_routing_key_that_is_none_is_refused_as_pagerduty_does(api: FlaskClient, routing_key: Any) -> None:
    answer = post(api, "/integrations/pagerduty", pagerduty.SAMPLE | {"routing_key": routing_key})

    assert answer.status_code == 400
    assert answer.get_json()["status"] == "invalid event"
    assert "routing_key" in answer.get_json()["errors"][0]
    assert stored("events") == 0


def test_a_routing_key_without_the_scope_is_refused(api: FlaskClient) -> None:
    key = bearer(SHOP, "events:read")["Authorization"].partition(" ")[2]

    answer = post(api, "/integrations/pagerduty", pagerduty.SAMPLE | {"routing_key": key})

    assert (answer.status_code, stored("events")) == (400, 0)
    assert "events:write" in answer.get_json()["errors"][0]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b"", "empty"),
        (b'{"routing_key": "KEY", "event_action": "trigger"}', "payload"),
        (b'{"routing_key": "KEY", "event_action": "resolve", "dedup_key": "a\\u0000b"}', "NUL"),
    ],
)
def test_an_event_that_pagerduty_would_refuse_is_refused_in_its_shape(
    api: FlaskClient, body: bytes, named: str
) -> None:
    key = bearer(SHOP)["Authorization"].partition(" ")[2]

    answer = post(api, "/integrations/pagerduty", body.replace(b"KEY", key.encode()))

    assert answer.status_code == 400
    assert set(answer.get_json()) == {"status", "message", "errors"}
    assert named in answer.get_json()["errors"][0]
    assert key not in answer.text


# --- GitHub


def test_a_signed_delivery_of_github_is_taken_in_once(api: FlaskClient) -> None:
    path = path_of(integration(api, "github", secret=SECRET))

    answers = [by_github(api, path, github.SAMPLE) for _ in range(2)]

    assert [each.status_code for each in answers] == [202, 202]
    assert [each.get_json()["status"] for each in answers] == ["accepted", "duplicate"]
    [row] = rows()
    assert (row.type, row.source, row.name, row.event_id) == ("github.issues", "acme/shop", "opened", "github:d-1")
    assert row.body["payload"]["issue"]["number"] == 7


def test_github_sends_forms_unless_told_otherwise(api: FlaskClient) -> None:
    path = path_of(integration(api, "github", secret=SECRET))
    form = f"payload={quote(json.dumps(github.SAMPLE))}".encode()

    answer = by_github(api, path, form, kind="application/x-www-form-urlencoded")
    empty = by_github(api, path, b"other=1", kind="application/x-www-form-urlencoded")

    assert (answer.status_code, empty.status_code) == (202, 400)
    assert rows()[0].body["payload"] == github.SAMPLE


def test_a_ping_is_answered_and_nothing_is_stored(api: FlaskClient) -> None:
    path = path_of(integration(api, "github", secret=SECRET))

    answer = by_github(api, path, {"zen": "Design for failure."}, X_GitHub_Event="ping")

    assert (answer.status_code, answer.get_json()) == (200, {"message": "pong"})
    assert by_github(api, path, {}, secret="wrong", X_GitHub_Event="ping").status_code == 403
    assert stored("events") == 0


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "ü"])
def test_a_delivery_that_somebody_else_signed_is_refused_and_counted(api: FlaskClient, signature: str) -> None:
    path = path_of(integration(api, "github", secret=SECRET))

    answer = by_github(api, path, github.SAMPLE, X_Hub_Signature_256=signature)

    assert (answer.status_code, stored("events")) == (403, 0)
    assert metrics.totals()["integrations_refused_total", "github"] == 1


def test_a_secret_that_is_replaced_holds_from_the_next_delivery_on(api: FlaskClient) -> None:
    made = integration(api, "github")
    path = path_of(made)

    before = by_github(api, path, github.SAMPLE, secret=made["secret"])
    api.patch(f"/integrations/{made['id']}", json={"secret": SECRET}, headers=bearer(SHOP))
    after = by_github(api, path, github.SAMPLE, secret=made["secret"])

    assert (before.status_code, after.status_code) == (202, 403)
    assert by_github(api, path, github.SAMPLE).status_code == 202


def test_what_no_delivery_can_be_is_refused_by_name(api: FlaskClient) -> None:
    path = path_of(integration(api, "github", secret=SECRET))

    assert refused(by_github(api, path, [])) == {"request": "is not an object"}
    assert set(refused(by_github(api, path, {}, X_GitHub_Delivery=""))) == {"X-GitHub-Delivery"}
    assert by_github(api, path, b"{").status_code == 400
