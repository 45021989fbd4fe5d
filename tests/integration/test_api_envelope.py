"""What surrounds a request: its JSON, its kind, its size, its address and method."""

from __future__ import annotations

import io
import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.app import create_app
from tests.conftest import Configure
from tests.integration.calls import SMS, bearer, refused, send, send_raw, stored


def _with_metadata(value: bytes) -> bytes:
    return b'{"channel": "sms", "recipient": "+14155552671", "body": "x", "metadata": {"a": ' + value + b"}}"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "is empty"),
        (b"  \n", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b"{'channel': 'sms'}", "is not valid JSON"),
        (b'{"channel": "sms",}', "is not valid JSON"),
        (b"channel=sms", "is not valid JSON"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"\x1f\x8b\x08\x00garbage", "is not UTF-8"),
        ("Größe".encode("latin-1"), "is not UTF-8"),
        (_with_metadata(b"NaN"), "is not valid JSON"),
        (_with_metadata(b"-Infinity"), "is not valid JSON"),
        (_with_metadata(b"9" * 10_000), "is not valid JSON"),
        (_with_metadata(b"1e400"), "is not valid JSON"),
        (_with_metadata(rb'"\ud800"'), "is not valid JSON"),
        (_with_metadata(rb'"\udc00\ud800"'), "is not valid JSON"),
        (_with_metadata(b"[" * 100_000 + b"]" * 100_000), "is not valid JSON"),
        (_with_metadata(b"[" * 900 + b"]" * 900), "deeper than"),
        (_with_metadata(b'{"a":' * 300 + b"1" + b"}" * 300), "deeper than"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else value,
)
@pytest.mark.parametrize("path", ["/notifications", "/notifications/batch"])
def test_what_is_not_json_is_a_400_that_says_why(data: bytes, complaint: str, path: str, api: FlaskClient) -> None:
    response = send_raw(api, data, path, headers={"Idempotency-Key": "k"})

    assert response.status_code == 400
    assert refused(response) == {}
    assert complaint in response.get_json()["message"]
    assert stored() == 0


def test_nesting_that_people_use_is_accepted(api: FlaskClient) -> None:
    response = send_raw(api, _with_metadata(b"[" * 50 + b"]" * 50))

    assert response.status_code == 202
    assert api.get(response.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    "kind", [None, "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "json"]
)
@pytest.mark.parametrize("path", ["/notifications", "/notifications/batch"])
def test_a_body_of_another_kind_is_a_415(kind: str | None, path: str, api: FlaskClient) -> None:
    response = send_raw(api, json.dumps(SMS).encode(), path, content_type=kind)

    assert response.status_code == 415
    assert refused(response) == {}
    assert "application/json" in response.get_json()["message"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.acme+json"])
def test_json_may_be_called_by_its_other_names(kind: str, api: FlaskClient) -> None:
    response = send_raw(api, json.dumps(SMS).encode(), content_type=kind)

    assert response.status_code == 202


@pytest.mark.parametrize("data", [json.dumps(SMS).encode(), b"\x1f\x8b\x08\x00garbage"])
def test_a_compressed_body_is_refused_by_its_header(data: bytes, api: FlaskClient) -> None:
    response = send_raw(api, data, headers={"Content-Encoding": "gzip"})

    assert response.status_code == 415
    assert "Content-Encoding" in response.get_json()["message"]


@pytest.mark.parametrize("kind", [None, "application/json"])
def test_an_empty_request_is_asked_for_a_body(kind: str | None, api: FlaskClient) -> None:
    response = api.post("/notifications", content_type=kind)

    assert response.status_code == 400
    assert response.get_json()["message"].startswith("The body is empty")


def test_a_single_notification_may_be_so_large_and_a_batch_larger(database: Configure) -> None:
    database(SENTINEL_MAX_BODY_BYTES="1000", SENTINEL_MAX_BATCH_BODY_BYTES="3000")
    api = create_app().test_client()
    middle, large = SMS | {"body": "x" * 1500}, SMS | {"body": "x" * 3500}

    assert send(api, middle).status_code == 413
    assert send(api, [middle], "/notifications/batch").status_code == 207
    response = send(api, [large], "/notifications/batch")

    assert response.status_code == 413
    assert refused(response) == {}
    assert "3000 bytes" in response.get_json()["message"]


def test_a_body_without_a_length_is_counted_while_it_is_read(database: Configure) -> None:
    database(SENTINEL_MAX_BODY_BYTES="1000")
    api = create_app().test_client()
    data = json.dumps(SMS | {"body": "x" * 1500}).encode()

    response = _send_chunked(api, data)

    assert response.status_code == 413


def test_a_body_without_a_length_is_read_when_it_is_small_enough(api: FlaskClient) -> None:
    data = json.dumps(SMS).encode()

    response = _send_chunked(api, data)

    assert response.status_code == 202


def _send_chunked(api: FlaskClient, data: bytes) -> TestResponse:
    """As a server hands a chunked body on: no length, but an end."""
    return api.post(
        "/notifications",
        input_stream=io.BytesIO(data),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/nope", "/notifications/x/nope"])
def test_an_unknown_address_is_a_404_whatever_the_method(method: str, path: str, api: FlaskClient) -> None:
    response = api.open(path, method=method)

    assert response.status_code == 404
    if method != "HEAD":
        assert refused(response) == {}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/notifications", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("PATCH", "/notifications", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/notifications", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/notifications/00000000-0000-0000-0000-000000000000", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/notifications/00000000-0000-0000-0000-000000000000/retry", {"OPTIONS", "POST"}),
        ("GET", "/notifications/00000000-0000-0000-0000-000000000000/cancel", {"OPTIONS", "POST"}),
        ("POST", "/health", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/docs", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_that_is_not_there_is_a_405_with_allow(
    method: str, path: str, allowed: set[str], api: FlaskClient
) -> None:
    response = api.open(path, method=method)

    assert response.status_code == 405
    assert refused(response) == {}
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_head_answers_like_get_without_a_body(api: FlaskClient) -> None:
    address = send(api).headers["Location"]

    response = api.head(address)

    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Content-Length"] == api.get(address).headers["Content-Length"]


def test_options_lists_the_methods(api: FlaskClient) -> None:
    response = api.options("/notifications")

    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/notifications", 200),
        ("GET", "/nope", 404),
        ("DELETE", "/notifications", 405),
        ("POST", "/notifications", 400),
        ("GET", "/notifications?limit=x", 422),
        ("OPTIONS", "/notifications", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/health", 200),
        ("GET", "/docs", 200),
        ("GET", "/login", 200),
        ("GET", "/docs/assets/swagger.js", 200),
    ],
)
def test_every_answer_carries_the_security_headers(method: str, path: str, status: int, api: FlaskClient) -> None:
    response = api.open(path, method=method)

    assert response.status_code == status
    assert_secure(response)
    assert "Strict-Transport-Security" not in response.headers


def test_so_do_a_refusal_an_error_of_ours_and_too_many_requests(
    database: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    database(SENTINEL_OPEN_MODE="false", SENTINEL_API_RATE="2/hour")
    api = create_app().test_client()
    monkeypatch.setattr("sentinel.api.stats.current_caller", None)

    answers = [api.get("/notifications"), api.get("/stats", headers=bearer("mine")), *[api.get("/x") for _ in range(2)]]

    assert [each.status_code for each in answers] == [401, 500, 404, 429]
    for each in answers:
        assert_secure(each)


def assert_secure(response: TestResponse) -> None:
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    if response.mimetype != "text/html":
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    if response.mimetype != "text/javascript":
        assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null"])
def test_pages_of_other_sites_may_not_read_answers(origin: str, api: FlaskClient) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}

    for response in (api.get("/stats", headers=asked), api.options("/notifications", headers=asked)):
        assert not any(name.lower().startswith("access-control-") for name, _ in response.headers)


def test_behind_https_browsers_are_told_to_stay_with_it(database: Configure) -> None:
    database(PUBLIC_BASE_URL="https://sentinel.example.com")

    response = create_app().test_client().get("/health")

    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
