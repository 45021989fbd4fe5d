"""PagerDuty's Events API v2: whose key it is, what is stored, and answers in PagerDuty's shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.integrations import pagerduty
from tests.conftest import Configure
from tests.integration.calls import bearer, stored
from tests.integration.conftest import application
from tests.integration.senders import SHOP, integration, path_of, post, rows


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API as it is in production: no key, no answer."""
    database(SENTINEL_OPEN_MODE="false")
    return application().test_client()


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
