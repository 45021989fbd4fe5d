"""`POST /integrations/github/{id}`: what is signed with the secret of both is taken in once."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel import metrics
from sentinel.integrations import github
from tests.conftest import Configure
from tests.integration.calls import bearer, refused, stored
from tests.integration.conftest import application
from tests.integration.senders import SHOP, integration, path_of, post, rows

SECRET = "a-secret-of-both"


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API as it is in production: no key, no answer."""
    database(SENTINEL_OPEN_MODE="false")
    return application().test_client()


def by_github(api: FlaskClient, path: str, body: Any, secret: str = SECRET, **changes: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    kind = changes.pop("kind", "application/json")
    headers = {"X_GitHub_Event": "issues", "X_GitHub_Delivery": "d-1", "X_Hub_Signature_256": signature} | changes
    return post(api, path, data, kind, **headers)


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
