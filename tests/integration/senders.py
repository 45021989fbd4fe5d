"""Integrations and what is sent to them, as the tests of senders need them."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from sentinel.db import get_engine
from tests.integration.calls import bearer, stored

SHOP = "shop"


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


def rows() -> list[Any]:
    statement = text("""
        SELECT e.*, c.name AS client FROM events e JOIN clients c ON c.id = e.client_id ORDER BY e.id
    """)
    with get_engine().connect() as connection:
        return list(connection.execute(statement))
