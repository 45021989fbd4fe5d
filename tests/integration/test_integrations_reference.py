"""docs/reference/integrations.md against the API: each sample is sent as it stands there."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.integrations import sns_signatures
from tests.conftest import Configure
from tests.integration.amazon import Amazon
from tests.integration.calls import bearer
from tests.integration.conftest import application

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "integrations.md").read_text()
SYSTEMS = ("Alertmanager", "Grafana", "CloudEvents", "PagerDuty", "GitHub", "Amazon SNS")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS = "01a1fdd7-63b3-7115-b059-3f5d84ddbd02"


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of one system."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    answer: Any
    event: dict[str, Any]
    rule: str


def section(name: str) -> Section:
    about = PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    blocks = BLOCK.findall(about)
    request = next(content for kind, content in blocks if kind in ("sh", "http"))
    answer, event = [json.loads(content) for kind, content in blocks if kind == "json"][:2]
    rule = next(content for kind, content in blocks if not kind)
    return Section(
        re.findall(r"/integrations/[\w/-]+", request)[0], _headers(request), _body(request), answer, event, rule
    )


def _headers(request: str) -> dict[str, str]:
    pairs = re.findall(r"(?:-H '|^)([\w-]+): ([^'\n]+)", request, re.MULTILINE)
    return {name: value for name, value in pairs if name not in ("Authorization", "X-Hub-Signature-256")}


def _body(request: str) -> dict[str, Any]:
    found = re.search(r"<<'EOF'\n(.*?)\nEOF|BODY='(.*?)'\n|\n\n(.*)", request, re.DOTALL)
    assert found is not None
    body: dict[str, Any] = json.loads(next(each for each in found.groups() if each))
    return body


@pytest.fixture
def amazon(httpserver: HTTPServer) -> Amazon:
    sns_signatures.certificate_at.cache_clear()
    return Amazon(httpserver)


@pytest.fixture
def api(database: Configure, amazon: Amazon) -> FlaskClient:
    database(SENTINEL_OPEN_MODE="false", SENTINEL_SNS_BASE_URL=amazon.base)
    return application().test_client()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_documented_request_is_answered_and_stored_as_documented(name: str, api: FlaskClient, amazon: Amazon) -> None:
    told, key = section(name), bearer("shop")

    answer = _sent(api, told, key, amazon)

    stored_id, stored = _stored()
    assert json.loads(answer.replace(stored_id, OURS)) == told.answer
    assert stored == told.event
    trial = api.post("/rules/test", json={"rule": told.rule, "event": told.event}, headers=key).get_json()
    assert trial["matched"] is True, trial


def _sent(api: FlaskClient, told: Section, key: dict[str, str], amazon: Amazon) -> str:
    path, headers, body = told.path, dict(told.headers), told.body
    kind = path.split("/")[2]
    if kind in ("github", "sns"):
        made = api.post("/integrations", json={"kind": kind, "name": "x"}, headers=key).get_json()
        path = f"/integrations/{kind}/{made['id']}"
    if kind == "sns":
        certificate = amazon.signed()["SigningCertURL"]
        body = amazon.signed(**body | {"SigningCertURL": certificate}, version=body["SignatureVersion"])
    if kind == "pagerduty":
        body = body | {"routing_key": key["Authorization"].partition(" ")[2]}
    data = json.dumps(body).encode()
    if kind == "github":
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(made["secret"].encode(), data, hashlib.sha256).hexdigest()
    response = api.post(path, data=data, headers=headers | (key if kind not in ("github", "sns", "pagerduty") else {}))
    assert response.status_code in (202, 207), response.text
    return response.text


def _stored() -> tuple[str, dict[str, Any]]:
    with get_engine().connect() as connection:
        return tuple(connection.execute(text("SELECT id::text, body FROM events")).one())
