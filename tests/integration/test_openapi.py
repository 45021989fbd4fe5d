"""The OpenAPI description is valid, complete, and what the API does: schemathesis calls every operation by it."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from sentinel.app import create_app
from sentinel.services.access.clients import SCOPES
from sentinel.settings import Settings, get_settings
from tests.conftest import Configure
from tests.integration.calls import SMS, bearer, execute, send

OPERATIONS = [
    ("GET", "/notifications"),
    ("POST", "/notifications"),
    ("POST", "/notifications/batch"),
    ("GET", "/notifications/{notification_id}"),
    ("GET", "/notifications/{notification_id}/timeline"),
    ("POST", "/notifications/{notification_id}/retry"),
    ("POST", "/notifications/{notification_id}/cancel"),
    ("GET", "/events"),
    ("POST", "/events"),
    ("POST", "/events/batch"),
    ("GET", "/events/{event_id}"),
    ("POST", "/v1/alerts"),
    ("GET", "/rules"),
    ("POST", "/rules"),
    ("POST", "/rules/validate"),
    ("POST", "/rules/test"),
    ("POST", "/rules/replay"),
    ("POST", "/rules/{rule_id}/replay"),
    ("GET", "/events/{event_id}/explain"),
    ("POST", "/rules/packs/{pack}"),
    ("GET", "/rules/{rule_id}"),
    ("PUT", "/rules/{rule_id}"),
    ("PATCH", "/rules/{rule_id}"),
    ("DELETE", "/rules/{rule_id}"),
    ("POST", "/rules/{rule_id}/enable"),
    ("POST", "/rules/{rule_id}/disable"),
    ("GET", "/rules/{rule_id}/history"),
    ("GET", "/endpoints"),
    ("POST", "/endpoints"),
    ("GET", "/endpoints/{endpoint_id}"),
    ("PUT", "/endpoints/{endpoint_id}"),
    ("PATCH", "/endpoints/{endpoint_id}"),
    ("DELETE", "/endpoints/{endpoint_id}"),
    ("POST", "/endpoints/{endpoint_id}/rotate-secret"),
    ("POST", "/endpoints/{endpoint_id}/test"),
    ("GET", "/templates"),
    ("POST", "/templates"),
    ("POST", "/templates/preview"),
    ("GET", "/templates/{template_id}"),
    ("PUT", "/templates/{template_id}"),
    ("DELETE", "/templates/{template_id}"),
    ("POST", "/templates/{template_id}/preview"),
    ("GET", "/clients"),
    ("POST", "/clients"),
    ("GET", "/clients/{client_id}"),
    ("PATCH", "/clients/{client_id}"),
    ("DELETE", "/clients/{client_id}"),
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("GET", "/api-keys/{key_id}"),
    ("DELETE", "/api-keys/{key_id}"),
    ("GET", "/providers"),
    ("POST", "/providers/{name}/hold"),
    ("POST", "/providers/{name}/resume"),
    ("GET", "/tickets"),
    ("GET", "/tickets/recent"),
    ("GET", "/tickets/{ticket_id}"),
    ("PATCH", "/tickets/{ticket_id}"),
    ("GET", "/tickets/{ticket_id}/timeline"),
    ("GET", "/escalation-policies"),
    ("POST", "/escalation-policies"),
    ("GET", "/escalation-policies/{policy_name}"),
    ("PUT", "/escalation-policies/{policy_name}"),
    ("DELETE", "/escalation-policies/{policy_name}"),
    ("GET", "/rotations"),
    ("POST", "/rotations"),
    ("GET", "/rotations/{rotation_name}"),
    ("PUT", "/rotations/{rotation_name}"),
    ("DELETE", "/rotations/{rotation_name}"),
    ("GET", "/rotations/{rotation_name}/on-call"),
    ("GET", "/rotations/{rotation_name}/overrides"),
    ("POST", "/rotations/{rotation_name}/overrides"),
    ("DELETE", "/rotations/{rotation_name}/overrides/{override_id}"),
    ("GET", "/stats"),
    ("GET", "/dead-letters"),
    ("POST", "/dead-letters/replay"),
    ("POST", "/dead-letters/{notification_id}/replay"),
    ("GET", "/dead-letters/replays"),
    ("GET", "/dead-letters/replays/{replay_id}"),
    ("POST", "/dead-letters/replays/{replay_id}/stop"),
    ("GET", "/audit"),
    ("GET", "/ping"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/ready"),
    ("GET", "/health/ready"),
    ("POST", "/callbacks/twilio"),
    ("POST", "/callbacks/sendgrid"),
    ("GET", "/integrations"),
    ("POST", "/integrations"),
    ("GET", "/integrations/{integration_id}"),
    ("PATCH", "/integrations/{integration_id}"),
    ("DELETE", "/integrations/{integration_id}"),
    ("POST", "/integrations/alertmanager"),
    ("POST", "/integrations/alertmanager/{integration_id}"),
    ("POST", "/integrations/grafana"),
    ("POST", "/integrations/grafana/{integration_id}"),
    ("POST", "/integrations/cloudevents"),
    ("POST", "/integrations/cloudevents/{integration_id}"),
    ("POST", "/integrations/pagerduty"),
    ("POST", "/integrations/pagerduty/v2/enqueue"),
    ("POST", "/integrations/pagerduty/{integration_id}"),
    ("POST", "/integrations/github/{integration_id}"),
    ("POST", "/integrations/sns/{integration_id}"),
    ("GET", "/heartbeats"),
    ("GET", "/heartbeats/{heartbeat}"),
    ("PUT", "/heartbeats/{heartbeat}"),
    ("POST", "/heartbeats/{heartbeat}"),
    ("PATCH", "/heartbeats/{heartbeat}"),
    ("DELETE", "/heartbeats/{heartbeat}"),
    *((method, f"/ping/{{heartbeat_id}}{end}") for method in ("GET", "POST") for end in ("", "/fail", "/{exit_code}")),
    ("GET", "/drills"),
    ("GET", "/drills/{drill}"),
    ("PUT", "/drills/{drill}"),
    ("DELETE", "/drills/{drill}"),
    ("POST", "/drills/{drill}/run"),
    ("GET", "/drills/{drill}/runs"),
    ("GET", "/failover-chains"),
    ("GET", "/failover-chains/{channel}"),
    ("PUT", "/failover-chains/{channel}"),
    ("DELETE", "/failover-chains/{channel}"),
    ("GET", "/delivery-policies"),
    ("GET", "/delivery-policies/{channel}"),
    ("PUT", "/delivery-policies/{channel}"),
    ("DELETE", "/delivery-policies/{channel}"),
    ("GET", "/suppressions"),
    ("POST", "/suppressions"),
    ("POST", "/suppressions/batch"),
    ("GET", "/suppressions/{suppression_id}"),
    ("DELETE", "/suppressions/{suppression_id}"),
    ("GET", "/groups"),
    ("GET", "/groups/{group_id}"),
    ("DELETE", "/groups/{group_id}"),
    ("POST", "/groups/{group_id}/flush"),
    ("GET", "/silences"),
    ("POST", "/silences"),
    ("GET", "/silences/{silence_id}"),
    ("PUT", "/silences/{silence_id}"),
    ("DELETE", "/silences/{silence_id}"),
    ("POST", "/silences/preview"),
    ("GET", "/inhibitions"),
    ("POST", "/inhibitions"),
    ("GET", "/inhibitions/{inhibition_id}"),
    ("PUT", "/inhibitions/{inhibition_id}"),
    ("DELETE", "/inhibitions/{inhibition_id}"),
]

# The description cannot say when a text is a phone number or a mail address: that depends on the channel, so what is
# valid by the description may still be refused. All other checks that schemathesis knows are made.
LEFT_OUT: list[Any] = [positive_data_acceptance]
IN_BATCHES: list[Any] = [*LEFT_OUT, negative_data_rejection]
"""A batch is answered with 207, item by item, though some are refused."""

UNJUDGED = ("/ping", "/ready", "/health", "/callbacks/")
"""Beginnings of addresses that ask nobody for a key, so nobody can lack one."""

EXAMPLES = examples(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def app(database: Configure) -> Flask:
    """The API in open mode."""
    return create_app()


@pytest.fixture
def described(app: Flask) -> BaseSchema:
    """The API by its own description."""
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.fixture
def keys(database: Configure) -> list[dict[str, str]]:
    """What callers show in production: mostly a key that may do everything; one that may not, a wrong one, none."""
    database(SENTINEL_OPEN_MODE="false")
    return [bearer("default", *SCOPES)] * 5 + [bearer("other"), {"Authorization": "Bearer sntl_wrong"}, {}]


@lru_cache(maxsize=1)
def judged(settings: Settings) -> BaseSchema:
    """The API that asks for keys: to put it together, and to read our sources for words to try, takes a second."""
    return schemathesis.openapi.from_wsgi("/openapi.json", create_app(settings))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_described(method: str, path: str, keys: list[dict[str, str]]) -> None:
    operation = judged(get_settings())[path][method]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @EXAMPLES
    @given(case=cases, key=st.sampled_from(keys))
    def check(case: Case[Any], key: dict[str, str]) -> None:
        answer = case.call(headers=key)
        # Text that is too long in its schema may be too long for a body: that is a refusal, too.
        is_refused = answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        is_batch = path.endswith("/batch") or answer.status_code == HTTPStatus.MULTI_STATUS
        left_out = IN_BATCHES if is_batch or is_refused else LEFT_OUT
        case.validate_response(answer, excluded_checks=left_out)

    check()


def test_what_succeeds_is_as_described(described: BaseSchema, app: Flask) -> None:
    """Random ids find nothing; this follows real ones."""
    api = app.test_client()
    made = send(api)
    known = made.get_json()["id"]
    one, item = "/notifications", "/notifications/{notification_id}"
    answers = [
        (one, "POST", 202, made),
        (one, "GET", 200, api.get("/notifications")),
        (f"{one}/batch", "POST", 207, send(api, [SMS, {}, SMS | {"recipient": "1"}], "/notifications/batch")),
        (item, "GET", 200, api.get(f"/notifications/{known}")),
        (f"{item}/timeline", "GET", 200, api.get(f"/notifications/{known}/timeline")),
        (f"{item}/retry", "POST", 409, api.post(f"/notifications/{known}/retry")),
        (f"{item}/cancel", "POST", 200, api.post(f"/notifications/{known}/cancel")),
    ]
    execute("UPDATE notifications SET status = 'FAILED', queue_at = NULL")
    answers.append((f"{item}/retry", "POST", 202, api.post(f"/notifications/{known}/retry")))

    for path, method, status, response in answers:
        assert response.status_code == status, (method, path)
        assert str(status) in described[path][method].definition.raw["responses"]
        described[path][method].validate_response(response)


def test_events_that_succeed_are_as_described(described: BaseSchema, app: Flask) -> None:
    api = app.test_client()
    made = send(api, {"event_id": "o-1", "type": "order"}, "/events")
    known = made.get_json()["id"]
    answers = [
        ("/events", "POST", 202, made),
        ("/events", "POST", 202, send(api, {"event_id": "o-1"}, "/events")),
        ("/events", "GET", 200, api.get("/events")),
        ("/events/batch", "POST", 207, send(api, [{}, [], {"event_id": "o-1"}], "/events/batch")),
        ("/events/{event_id}", "GET", 200, api.get(f"/events/{known}")),
        ("/events/{event_id}", "GET", 200, api.get("/events/o-1")),
        ("/v1/alerts", "POST", 202, send(api, {"user_id": "u"}, "/v1/alerts")),
    ]

    for path, method, status, response in answers:
        assert response.status_code == status, (method, path)
        described[path][method].validate_response(response)


def test_the_description_is_valid_openapi_3_1(described: BaseSchema) -> None:
    described.validate()

    assert described.specification.version == "3.1.0"


def test_no_operation_is_left_out(app: Flask) -> None:
    paths = app.test_client().get("/openapi.json").get_json()["paths"]

    found = {(method.upper(), path) for path, item in paths.items() for method in item if method != "parameters"}

    assert found == set(OPERATIONS)


def test_an_operation_says_what_it_does_and_how_it_may_be_refused(app: Flask) -> None:
    paths = app.test_client().get("/openapi.json").get_json()["paths"]

    for method, path in OPERATIONS:
        operation: dict[str, Any] = paths[path][method.lower()]
        assert operation["summary"], (method, path)
        if not path.startswith(UNJUDGED) and operation.get("security") != []:
            expected = _refusals(method, path) | ({"422"} if "parameters" in operation else set())
            assert expected <= set(operation["responses"]), (method, path)


NEVER_IN_CONFLICT = frozenset({"/heartbeats/{heartbeat}"})
"""Whoever posts here says something that is so, whatever stands there."""


def _refusals(method: str, path: str) -> set[str]:
    """The codes that a method at an address must at least describe."""
    expected = {"401", "403", "429", "503"}
    if method == "POST":
        expected |= {"415"} if path in NEVER_IN_CONFLICT else {"409", "415"}
    if "{" in path:
        return expected | {"404"}
    return expected | ({"400", "413", "422"} if method == "POST" else set())


def test_every_documented_answer_has_a_shape(app: Flask) -> None:
    description = app.test_client().get("/openapi.json").get_json()

    for path, item in description["paths"].items():
        for method in set(item) - {"parameters"}:
            for status, answer in item[method]["responses"].items():
                if status == "204":
                    continue
                name = answer.get("$ref", "").rpartition("/")[2]
                shaped = description["components"]["responses"][name] if name else answer
                assert shaped["content"]["application/json"]["schema"], (method, path, status)
