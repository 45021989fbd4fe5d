"""What `/rules` and `/events/{id}/explain` answer to requests that succeed is what their description says."""

from __future__ import annotations

import schemathesis
from flask.testing import FlaskClient

from sentinel.app import create_app
from tests.conftest import Configure
from tests.integration.calls import send
from tests.integration.rules import happen

RULE = {"name": "orders", "rule": 'when type == "order" and (a == 1 or b == 2) then notify("email:a@example.com")'}
EVENT = {"type": "order", "a": 1}


def test_what_succeeds_is_as_described(database: Configure) -> None:
    app = create_app()
    described, api = schemathesis.openapi.from_wsgi("/openapi.json", app), app.test_client()
    made = send(api, RULE, "/rules")
    rule_id = made.get_json()["id"]
    address = f"/rules/{rule_id}"
    [event] = happen(EVENT)
    item = "/rules/{rule_id}"
    answers = [
        ("/rules", "POST", 201, made),
        ("/rules", "GET", 200, api.get("/rules")),
        ("/rules/validate", "POST", 200, send(api, {"rule": RULE["rule"]}, "/rules/validate")),
        ("/rules/validate", "POST", 422, send(api, {"rule": "when a"}, "/rules/validate")),
        ("/rules/test", "POST", 200, send(api, {"rule": {"id": rule_id}, "event": EVENT}, "/rules/test")),
        ("/rules/replay", "POST", 200, send(api, {"rule": RULE["rule"]}, "/rules/replay")),
        (f"{item}/replay", "POST", 200, send(api, {}, f"{address}/replay")),
        (item, "GET", 200, api.get(address)),
        (item, "PUT", 200, api.put(address, json=RULE | {"name": "Orders", "version": 1})),
        (item, "PUT", 409, api.put(address, json=RULE | {"version": 1})),
        (item, "PATCH", 200, api.patch(address, json={"is_enabled": True})),
        (f"{item}/disable", "POST", 200, api.post(f"{address}/disable")),
        (f"{item}/enable", "POST", 200, api.post(f"{address}/enable")),
        (f"{item}/history", "GET", 200, api.get(f"{address}/history")),
        ("/rules/packs/{pack}", "POST", 200, api.post("/rules/packs/device_health")),
        ("/events/{event_id}/explain", "GET", 200, api.get(f"/events/{event}/explain")),
        (item, "DELETE", 204, api.delete(address)),
    ]

    for path, method, status, response in answers:
        assert response.status_code == status, (method, path, response.text)
        assert str(status) in described[path][method].definition.raw["responses"]
        described[path][method].validate_response(response)


def test_the_chart_is_described_beside_the_figures(api: FlaskClient) -> None:
    operation = api.get("/openapi.json").get_json()["paths"]["/rules/{rule_id}/replay"]["post"]

    assert set(operation["responses"]["200"]["content"]) == {"application/json", "image/svg+xml"}
