"""No client sees, changes or removes what is another's, by any route: walked as they stand, new ones included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.queries.notifications import Filter
from sentinel.services.access.clients import ADMIN, SCOPES
from sentinel.services.bookkeeping import replays
from sentinel.services.bookkeeping.audit import audit_and_keep
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, stored
from tests.integration.conftest import application
from tests.integration.routes import READING, Call, calls
from tests.integration.rules import client, happen

OWNER = "acme"
MARK = "acme-private"
"""Stands in every text of the owner's, so that an answer that holds it has told something."""

NOTIFY = f'notify("email:{MARK}@example.com"), notify("endpoint:{MARK}")'
RULE = f'when event.type == "{MARK}" then {NOTIFY}, ticket("high", "{MARK}")'
GROUPING_RULE = f'when event.type == "{MARK}-held" group by name then notify("email:{MARK}@example.com")'
BUT_ADMIN = tuple(scope for scope in SCOPES if scope != ADMIN)
RESOURCE_OF = {
    "alerts": "events",
    "senders": "events",
    "stats": "tickets",
    "dead-letters": "notifications",
    "policies": "endpoints",
    "inhibitions": "silences",
    "groups": "notifications",
    "chains": "endpoints",
    "escalation-policies": "endpoints",
    "rotations": "endpoints",
}
RESOURCE_OF |= {"alertmanager_alerts": "events", "alertmanager_silences": "silences"}
"""Blueprints whose calls take the scopes of another resource."""

POLICY = {"ambiguous_policy": "at_most_once"}

TABLES_OF_CLIENTS = """
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'client_id' ORDER BY table_name
"""
ROWS_OF_A_CLIENT = "SELECT to_jsonb(t)::text FROM {table} t WHERE client_id = :client ORDER BY 1"
WATCHED = {
    "notifications",
    "events",
    "rules",
    "endpoints",
    "templates",
    "tickets",
    "api_keys",
    "suppressions",
    "silences",
    "integrations",
}
WATCHED |= {"alerts", "firing_alerts", "inhibitions", "message_groups"}
WATCHED |= {"heartbeats", "drills", "drill_runs", "failover_chains"}
WATCHED |= {"escalation_policies", "rotations", "letter_replays"}


@dataclass(frozen=True, slots=True)
class Owned:
    """The objects of one client, by the path parameter that names their kind."""

    ids: Mapping[str, Any]

    def rows(self) -> dict[str, list[str]]:
        """Everything that the tables hold of this client."""
        with get_engine().connect() as connection:
            tables = connection.execute(text(TABLES_OF_CLIENTS)).scalars().all()
            wanted = {"client": self.ids["client_id"]}
            return {
                table: list(connection.execute(text(ROWS_OF_A_CLIENT.format(table=table)), wanted).scalars())
                for table in tables
            }


@pytest.fixture
def closed(database: Configure) -> Flask:
    """The API as it is in production: no key, no answer."""
    database(SENTINEL_OPEN_MODE="false")
    return application()


@pytest.fixture
def owned(closed: Flask) -> Owned:
    """One object of each kind that a path can name, all of them `acme`'s."""
    api, key = closed.test_client(), bearer(OWNER, *BUT_ADMIN)

    def made(path: str, **body: Any) -> Any:
        response = api.post(path, json=body, headers=key)
        assert response.status_code in (201, 202), response.text
        return response.get_json()["id"]

    template = made("/templates", name=MARK, body=f"{MARK} {{{{ severity }}}}")
    endpoint = made("/endpoints", channel="email", target=f"{MARK}@example.net", name=MARK)
    steps = [{"notify": [f"rotation:{MARK}", f"endpoint:{MARK}"]}]
    made("/rotations", name=MARK, members=[MARK], starts_on="2026-11-30")
    override = made(f"/rotations/{MARK}/overrides", member=MARK, ends_at=f"{utc_now() + timedelta(days=9):%FT%TZ}")
    made("/escalation-policies", name=MARK, steps=steps)
    rule = made("/rules", name=MARK, rule=RULE)
    made("/rules", name=f"{MARK} held", rule=GROUPING_RULE)
    happen({"type": f"{MARK}-held", "name": MARK}, of=OWNER)
    [event] = happen({"type": MARK, "name": MARK, "device_id": MARK, "severity": "high"}, of=OWNER)
    notification = made("/notifications", channel="email", recipient=f"{MARK}@example.org", subject=MARK, body=MARK)
    silence = made("/silences", matchers=[{"name": MARK, "value": MARK}], ends_at="2099-12-31T00:00:00Z", comment=MARK)
    matchers = [{"name": MARK, "value": MARK}]
    inhibition = made("/inhibitions", name=MARK, source=matchers, target=matchers, equal=[MARK])
    happen({"status": "firing", "name": MARK}, of=OWNER)
    assert api.post("/api/v2/alerts", json=[{"labels": {MARK: MARK}}], headers=key).status_code == 200
    assert api.put("/delivery-policies/sms", json=POLICY, headers=key).status_code == 200
    chain = {"targets": [{"channel": "email", "recipient": f"{MARK}@example.com"}]}
    assert api.put("/failover-chains/sms", json=chain, headers=key).status_code == 200
    assert api.put(f"/heartbeats/{MARK}", json={"every_seconds": 60}, headers=key).status_code == 200
    assert api.put(f"/drills/{MARK}", json={"targets": [MARK]}, headers=key).status_code == 200
    assert api.post(f"/drills/{MARK}/run", headers=key).status_code == 202
    execute("UPDATE drill_runs SET status = 'passed', finished_at = now()")
    with unit_of_work() as uow:
        replay = replays.begin(uow, Filter(client_id=client(OWNER)), total=1, rate=1, by=MARK).id
    audit_and_keep()
    return Owned(
        {
            "client_id": client(OWNER),
            "template_id": template,
            "endpoint_id": endpoint,
            "rule_id": rule,
            "event_id": event,
            "policy_name": MARK,
            "rotation_name": MARK,
            "override_id": override,
            "ticket_id": api.get("/tickets", headers=key).get_json()[0]["id"],
            "notification_id": notification,
            "replay_id": replay,
            "silence_id": silence,
            "inhibition_id": inhibition,
            "group_id": api.get("/groups", headers=key).get_json()[0]["id"],
            "heartbeat": MARK,
            "drill": MARK,
            "key_id": made("/api-keys", name=MARK),
            "integration_id": made("/integrations", kind="grafana", name=MARK),
            "suppression_id": made("/suppressions", channel="email", recipient=f"{MARK}@example.info", note=MARK),
        }
    )


def answered(app: Flask, call: Call, headers: Mapping[str, str], **query: str) -> TestResponse:
    return app.test_client().open(
        call.path, method=call.method, json=call.body, headers=dict(headers), query_string=query
    )


def told(response: TestResponse, call: Call) -> str:
    """The answer, without the address that it may repeat."""
    text = response.text
    for part in call.path.split("/")[2:] if call.is_item else ():
        text = text.replace(part, "")
    return text


def test_the_owner_has_something_of_everything(owned: Owned) -> None:
    """Nobody can be refused what is not there."""
    rows = owned.rows()

    assert {table for table in rows if rows[table]} >= WATCHED
    assert all(MARK in " ".join(rows[table]) for table in WATCHED)


def test_what_is_the_owners_answers_the_owner(closed: Flask, owned: Owned) -> None:
    """The addresses and bodies of the walk are right: only the key is wrong in the tests below."""
    key = bearer(OWNER, *SCOPES)

    for call in calls(closed, owned.ids):
        if call.method in READING:
            assert answered(closed, call, key).status_code == 200, call


def test_another_clients_key_finds_changes_and_removes_nothing(closed: Flask, owned: Owned) -> None:
    key, before = bearer("other", *BUT_ADMIN), owned.rows()

    for call in calls(closed, owned.ids):
        if call.makes_own:
            continue  # tests/integration/test_heartbeats.py
        response = answered(closed, call, key)
        if call.is_item:
            assert response.status_code in (403, 404), (call, response.text)
        assert MARK not in told(response, call), call
        assert all(value not in told(response, call) for value in owned.ids.values() if isinstance(value, str)), call

    assert owned.rows() == before


def test_another_clients_key_cannot_act_for_the_owner(closed: Flask, owned: Owned) -> None:
    key, before = bearer("other", *BUT_ADMIN), owned.rows()

    for call in calls(closed, owned.ids):
        response = answered(closed, call, key, client=OWNER)
        assert response.status_code in (403, 422), (call, response.text)
        assert MARK not in told(response, call), call

    assert owned.rows() == before


def test_what_another_client_names_in_a_body_is_looked_for_among_its_own(closed: Flask, owned: Owned) -> None:
    api, key, before = closed.test_client(), bearer("other", *BUT_ADMIN), owned.rows()
    rule = f'when event.type == "x" then notify("endpoint:{MARK}")'
    endpoint = {"channel": "email", "target": "me@example.com"}

    answers = [
        api.post("/rules", json={"name": "r", "rule": rule}, headers=key),
        api.post("/endpoints", json=endpoint | {"rule_id": owned.ids["rule_id"]}, headers=key),
        api.post("/endpoints", json=endpoint | {"template": MARK}, headers=key),
        api.post("/rules/test", json={"rule": RULE, "event_id": owned.ids["event_id"]}, headers=key),
        api.post("/events", json={"type": MARK, "device_id": MARK}, headers=key),
        api.get(f"/notifications?event={owned.ids['event_id']}", headers=key),
        api.get(f"/notifications?cursor={owned.ids['notification_id']}", headers=key),
        api.get(f"/notifications?recipient={MARK}@example.org", headers=key),
        api.get(f"/endpoints?rule_id={owned.ids['rule_id']}", headers=key),
    ]

    assert [each.status_code for each in answers[:4]] == [422] * 4, [each.text for each in answers]
    assert answers[4].status_code == 202
    assert [each.get_json() for each in answers[5:]] == [[]] * 4
    assert owned.rows() == before


def test_a_key_without_scopes_opens_nothing(closed: Flask, owned: Owned) -> None:
    key, before = bearer("scopeless"), owned.rows()
    execute("UPDATE api_keys SET scopes = '{}' WHERE client_id = (SELECT id FROM clients WHERE name = 'scopeless')")

    for call in calls(closed, owned.ids):
        response = answered(closed, call, key)
        assert response.status_code == 403, (call, response.text)
        assert MARK not in told(response, call), call

    assert owned.rows() == before


@pytest.mark.parametrize("state", ["revoked", "expired", "of a client that is off", "absent"])
@pytest.mark.parametrize("name", [OWNER, "other"])
def test_a_key_that_does_not_work_opens_nothing(state: str, name: str, closed: Flask, owned: Owned) -> None:
    expires_at = utc_now() - timedelta(seconds=1) if state == "expired" else None
    key = bearer(name, *SCOPES, expires_at=expires_at)
    if state == "revoked":
        execute("UPDATE api_keys SET revoked_at = now() WHERE scopes @> ARRAY['admin'::varchar]")
    if state == "of a client that is off":
        execute("UPDATE clients SET is_active = false WHERE name = :name", name=name)
    before, walked = owned.rows(), list(calls(closed, owned.ids))

    for call in walked:
        response = answered(closed, call, {} if state == "absent" else key)
        assert response.status_code == 401, (call, response.text)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="sentinel"'
        assert MARK not in told(response, call), call

    assert len(walked) >= 70
    assert owned.rows() == before
    assert stored("clients") <= 3


@pytest.mark.parametrize("resource", sorted({scope.partition(":")[0] for scope in BUT_ADMIN} - {"keys"}))
def test_a_key_for_one_resource_opens_no_other(resource: str, closed: Flask, owned: Owned) -> None:
    key = bearer(OWNER, *(scope for scope in BUT_ADMIN if scope.startswith(f"{resource}:")))

    for call in calls(closed, owned.ids):
        blueprint = call.endpoint.partition(".")[0]
        if RESOURCE_OF.get(blueprint, blueprint) != resource:
            assert answered(closed, call, key).status_code == 403, call


def test_a_key_that_reads_changes_nothing(closed: Flask, owned: Owned) -> None:
    key = bearer(OWNER, *(scope for scope in BUT_ADMIN if scope.endswith(":read")))
    before = owned.rows()

    statuses = {str(call): answered(closed, call, key).status_code for call in calls(closed, owned.ids)}

    assert statuses["GET /rules"] == 200
    assert statuses["POST /rules"] == 403
    assert owned.rows() == before


def test_a_key_that_writes_reads_nothing(closed: Flask, owned: Owned) -> None:
    key = bearer(OWNER, *(scope for scope in BUT_ADMIN if not scope.endswith(":read")))

    for call in calls(closed, owned.ids):
        if call.method in READING:
            assert answered(closed, call, key).status_code == 403, call
