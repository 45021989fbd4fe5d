"""`POST /integrations/…`: who may send, what is stored of it once, and what each sender is answered."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from sentinel.api.parsing import LARGEST_CALLBACK_BYTES
from sentinel.integrations import KINDS, alertmanager, cloudevents, github, grafana, pagerduty, sns
from sentinel.services import integrations
from sentinel.services.matching import matching
from sentinel.settings import get_settings
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, refused, stored
from tests.integration.conftest import application
from tests.integration.rules import told
from tests.integration.senders import SHOP, integration, path_of, post, rows

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
BINARY = {"ce-specversion": "1.0", "ce-id": "b-1", "ce-source": "/s", "ce-type": "t"}


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API as it is in production: no key, no answer."""
    database(SENTINEL_OPEN_MODE="false")
    return application().test_client()


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

    structured = post(api, path, cloudevents.SAMPLE, cloudevents.STRUCTURED + "; charset=utf-8", **key)
    binary = post(api, path, b"<a/>", "text/xml", **key, **BINARY)
    batch = post(api, path, [cloudevents.SAMPLE | {"id": "c-1"}, {}], cloudevents.BATCH, **key)
    empty = post(api, path, [], cloudevents.BATCH, **key)

    assert [each.status_code for each in (structured, binary, batch, empty)] == [202, 202, 207, 207]
    assert [each["status"] for each in batch.get_json()] == [202, 422]
    assert empty.get_json() == []
    assert [row.event_id for row in rows()] == [
        f"cloudevents:{name}" for name in ("/shop/checkout A234-1234-1234", "/s b-1", "/shop/checkout c-1")
    ]
    assert rows()[1].body["data"] == "<a/>"


@pytest.mark.parametrize(
    ("kind", "headers", "data", "status"),
    [
        ("application/json", {}, b"{}", 422),
        ("text/plain", {}, b"x", 422),
        ("application/json", {"ce-id": "1"}, b"{}", 422),
        (cloudevents.STRUCTURED, {}, b"{", 400),
        ("application/json", BINARY, b"{", 400),
        ("text/plain", BINARY | {"ce-time": "0001-01-01T00:00:00+10:00"}, b"x", 422),
        ("text/plain", BINARY | {"ce-time": "9999-12-31T23:59:59-10:00"}, b"x", 422),
    ],
)
def test_what_is_no_cloudevent_is_refused(
    api: FlaskClient, kind: str, headers: dict[str, str], data: bytes, status: int
) -> None:
    answer = post(api, "/integrations/cloudevents", data, kind, **bearer(SHOP), **headers)

    assert answer.status_code == status, answer.text
    assert stored("events") == 0


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


@pytest.mark.parametrize("by_address", [False, True])
def test_a_body_of_unknown_length_that_is_too_large_is_refused_and_not_cut(
    api: FlaskClient, *, by_address: bool
) -> None:
    path = path_of(integration(api, "cloudevents")) if by_address else "/integrations/cloudevents"
    most = LARGEST_CALLBACK_BYTES if by_address else get_settings().max_batch_body_bytes

    answers = [
        api.post(
            path,
            data=b"x" * size,
            content_type="text/plain",
            headers=BINARY | bearer(SHOP) | {"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        )
        for size in (most + 1, 0)
    ]

    assert [each.status_code for each in answers] == [413, 202]
    assert [row.body.get("data") for row in rows()] == [None]


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


def test_an_address_stays_out_of_the_log_of_what_goes_wrong_there(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = integration(api, "grafana")
    monkeypatch.setattr(integrations, "sender_at", lambda *_: 1 / 0)

    answer = post(api, path_of(made), grafana.SAMPLE)

    assert answer.status_code == 500
    assert "/integrations/grafana/<uuid:integration_id>" in caplog.text
    assert made["id"] not in caplog.text
