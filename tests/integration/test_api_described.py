"""What succeeds on endpoints, templates, clients and keys is as the description says; random ids find nothing there."""

from __future__ import annotations

import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.calls import send

EMAIL = {"channel": "email", "target": "a@example.com"}
HOOK = {"channel": "webhook", "target": "https://example.com/hook", "name": "hook", "user_id": "u"}
WORDS = {"name": "a", "subject": "b", "body": "c"}

Answers = list[tuple[str, str, int, TestResponse]]


def validate(api: FlaskClient, answers: Answers) -> None:
    """Compare each (path, method, status, answer) with the description."""
    app: Flask = api.application
    described = schemathesis.openapi.from_wsgi("/openapi.json", app)
    for path, method, status, response in answers:
        assert response.status_code == status, (method, path, response.get_data(as_text=True))
        assert str(status) in described[path][method].definition.raw["responses"]
        described[path][method].validate_response(response)


def test_answers_of_endpoints_are_as_described(api: FlaskClient) -> None:
    made, hook = send(api, EMAIL, "/endpoints"), send(api, HOOK, "/endpoints")
    one, item = "/endpoints", "/endpoints/{endpoint_id}"
    path, hook_path = f"{one}/{made.get_json()['id']}", f"{one}/{hook.get_json()['id']}"

    validate(
        api,
        [
            (one, "POST", 201, made),
            (one, "POST", 201, hook),
            (one, "POST", 409, send(api, HOOK, "/endpoints")),
            (one, "GET", 200, api.get(one)),
            (item, "GET", 200, api.get(path)),
            (item, "PUT", 200, api.put(path, json=EMAIL | {"version": 1})),
            (item, "PUT", 409, api.put(path, json=EMAIL | {"version": 1})),
            (item, "PATCH", 200, api.patch(path, json={"is_enabled": False})),
            (f"{item}/test", "POST", 202, api.post(f"{path}/test")),
            (f"{item}/rotate-secret", "POST", 200, api.post(f"{hook_path}/rotate-secret")),
            (f"{item}/rotate-secret", "POST", 409, api.post(f"{path}/rotate-secret")),
            (item, "DELETE", 204, api.delete(path)),
        ],
    )


def test_answers_of_templates_are_as_described(api: FlaskClient) -> None:
    made = send(api, WORDS, "/templates")
    one, item = "/templates", "/templates/{template_id}"
    path = f"{one}/{made.get_json()['id']}"

    validate(
        api,
        [
            (one, "POST", 201, made),
            (one, "POST", 409, send(api, WORDS, "/templates")),
            (one, "GET", 200, api.get(one)),
            (f"{one}/preview", "POST", 200, send(api, {"channel": "sms"}, "/templates/preview")),
            (f"{one}/preview", "POST", 422, send(api, {"body": "{{ x }}"}, "/templates/preview")),
            (item, "GET", 200, api.get(path)),
            (item, "PUT", 200, api.put(path, json=WORDS | {"version": 1})),
            (f"{item}/preview", "POST", 200, api.post(f"{path}/preview", json={})),
            (item, "DELETE", 204, api.delete(path)),
        ],
    )


def test_answers_of_clients_and_keys_are_as_described(api: FlaskClient) -> None:
    made, key = send(api, {"name": "shop"}, "/clients"), send(api, {"name": "CI"}, "/api-keys")
    one, item = "/clients", "/clients/{client_id}"
    path, key_path = f"{one}/{made.get_json()['id']}", f"/api-keys/{key.get_json()['id']}"

    validate(
        api,
        [
            (one, "POST", 201, made),
            (one, "POST", 409, send(api, {"name": "shop"}, "/clients")),
            (one, "GET", 200, api.get(one)),
            (item, "GET", 200, api.get(path)),
            (item, "PATCH", 200, api.patch(path, json={"is_active": False})),
            (item, "DELETE", 204, api.delete(path)),
            ("/api-keys", "POST", 201, key),
            ("/api-keys", "GET", 200, api.get("/api-keys")),
            ("/api-keys/{key_id}", "GET", 200, api.get(key_path)),
            ("/api-keys/{key_id}", "DELETE", 204, api.delete(key_path)),
        ],
    )
