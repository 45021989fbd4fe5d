"""Requests to the API as its tests send them, and what they look for in the answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from sentinel.db import get_engine
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work

SMS: dict[str, Any] = {"channel": "sms", "recipient": "+14155552671", "body": "Disk full"}
EMAIL: dict[str, Any] = {"channel": "email", "recipient": "oncall@example.com", "body": "Disk full"}


def send(api: FlaskClient, body: Any = None, path: str = "/notifications", **headers: str) -> TestResponse:
    """POST `body` as JSON; `Idempotency_Key="k"` becomes the header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(
        path, data=json.dumps(SMS if body is None else body), content_type="application/json", headers=named
    )


def send_raw(api: FlaskClient, data: bytes, path: str = "/notifications", **options: Any) -> TestResponse:
    """POST bytes that say they are JSON."""
    return api.post(path, data=data, **{"content_type": "application/json"} | options)


def bearer(client: str, *scopes: str, **options: Any) -> dict[str, str]:
    """Make an API key for a client (made too, if new); gives back the header that carries it."""
    with unit_of_work() as uow:
        _, key = clients.create_key(uow, client, "test", scopes=scopes, **options)
    return {"Authorization": f"Bearer {key}"}


def refused(response: TestResponse) -> dict[str, str]:
    """Field → message of a refusal, after a look at the shape that every error has."""
    body = response.get_json()
    assert set(body) == {"code", "status", "message", "errors"}, body
    assert body["code"] == response.status_code
    assert all(set(each) == {"field", "value", "message", "remedy"} for each in body["errors"])
    assert all(each["remedy"] for each in body["errors"])
    return {each["field"]: each["message"] for each in body["errors"]}


def stored(table: str = "notifications") -> int:
    """Count the rows of a table."""
    with get_engine().connect() as connection:
        count: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        return count


def execute(statement: str, **values: Any) -> None:
    """Change rows behind the API's back."""
    with get_engine().begin() as connection:
        connection.execute(text(statement), values)


def at_once(times: int, call: Callable[[int], TestResponse]) -> list[TestResponse]:
    """Call `call(0)`, `call(1)` … at the same moment, each from a thread of its own."""
    start = threading.Barrier(times)
    answers: list[TestResponse] = []

    def work(number: int) -> None:
        start.wait()
        answers.append(call(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
