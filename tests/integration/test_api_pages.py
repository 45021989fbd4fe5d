"""The documentation pages load nothing from outside."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

ELSEWHERE = re.compile(r"""(?:https?:)?//[a-z0-9]""", re.IGNORECASE)
REFERENCES = re.compile(r'(?:src|href)="([^"]+)"')


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_names_no_address_elsewhere(path: str, api: FlaskClient) -> None:
    response = api.get(path)

    assert response.status_code == 200
    assert ELSEWHERE.findall(response.text) == []


def test_the_description_names_addresses_elsewhere_in_examples_only(api: FlaskClient) -> None:
    description = api.get("/openapi.json").get_json()

    assert ELSEWHERE.findall(json.dumps(_without_examples(description))) == []
    assert ELSEWHERE.findall(json.dumps(description)) != []


def _without_examples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_examples(below) for name, below in value.items() if name != "example"}
    return [_without_examples(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "kinds"),
    [("/docs", {"text/css", "text/javascript"}), ("/redoc", {"text/javascript"})],
)
def test_what_a_page_loads_is_here_and_of_its_kind(path: str, kinds: set[str], api: FlaskClient) -> None:
    page = api.get(path)
    wanted = [each for each in REFERENCES.findall(page.text) if not each.startswith("data:")]

    answers = [api.get(each, buffered=True) for each in wanted]

    assert page.mimetype == "text/html"
    assert {each.status_code for each in answers} == {200}
    assert {each.mimetype for each in answers} == kinds
    assert all(len(each.data) > 10_000 for each in answers)
    assert all("max-age=86400" in each.headers["Cache-Control"] for each in answers)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_browser_is_told_to_load_nothing_from_elsewhere(path: str, api: FlaskClient) -> None:
    policy = api.get(path).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ELSEWHERE.findall(policy) == []


@pytest.mark.parametrize("name", ["nope.js", "..%2F__init__.py", "%2e%2e/__init__.py", "swagger_bundle.js", ""])
def test_no_other_file_is_served(name: str, api: FlaskClient) -> None:
    assert api.get(f"/docs/assets/{name}").status_code == 404


def test_an_unchanged_asset_is_not_sent_again(api: FlaskClient) -> None:
    tag = api.get("/docs/assets/swagger.css", buffered=True).headers["ETag"]

    response = api.get("/docs/assets/swagger.css", headers={"If-None-Match": tag}, buffered=True)

    assert (response.status_code, response.data) == (304, b"")
