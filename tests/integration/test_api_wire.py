"""The API behind its real server: what a test client cannot show."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from sentinel.settings import Settings
from sentinel.stand_ins.callbacks import EVENT_PUBLIC_KEY
from tests.conftest import Configure
from tests.integration.calls import SMS, stored
from tests.system import eventually, running_system

LARGEST = 2000
KIND = {"Content-Type": "application/json"}
THREADS: int = Settings.model_fields["api_threads"].default


@pytest.fixture
def port(database: Configure, tmp_path: Path) -> Iterator[int]:
    """The port of a server as `sentinel api` runs it."""
    variables = {"SENTINEL_MAX_BODY_BYTES": str(LARGEST), "SENDGRID_WEBHOOK_PUBLIC_KEY": EVENT_PUBLIC_KEY}
    with running_system(tmp_path, **variables) as system:
        system.start_api()
        yield system.port


def _call(port: int, method: str, path: str, **options: object) -> tuple[int, HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, **options)  # type: ignore[arg-type]
        response = connection.getresponse()
        return response.status, response, response.read()
    finally:
        connection.close()


def _chunks(data: bytes) -> Iterator[bytes]:
    """A body whose length nobody says beforehand."""
    for start in range(0, len(data), 50):
        yield data[start : start + 50]


def test_the_server_hands_requests_on_as_they_came(port: int) -> None:
    kind = {"Content-Type": "application/json"}
    small, large = json.dumps(SMS).encode(), json.dumps(SMS | {"body": "x" * LARGEST}).encode()

    status, response, body = _call(port, "POST", "/notifications", body=small, headers=kind)
    assert (status, response.headers["Location"]) == (202, f"/notifications/{json.loads(body)['id']}")
    assert _call(port, "GET", response.headers["Location"])[0] == 200

    # A length that is said, one that is not, and none at all.
    assert _call(port, "POST", "/notifications", body=large, headers=kind)[0] == 413
    assert _call(port, "POST", "/notifications", body=_chunks(large), headers=kind)[0] == 413
    assert _call(port, "POST", "/notifications", body=_chunks(small), headers=kind)[0] == 202
    assert _call(port, "POST", "/notifications", headers=kind)[0] == 400
    assert _call(port, "POST", f"{response.headers['Location']}/cancel")[0] == 200

    status, response, body = _call(port, "HEAD", "/notifications")
    assert (status, body) == (200, b"")
    assert _call(port, "DELETE", "/notifications")[1].headers["Allow"]
    assert _call(port, "GET", "/notifications", headers={"Host": "sentinel.example.com"})[0] == 401
    assert stored() == 2


def _begun(port: int, path: str, **headers: str) -> socket.socket:
    """A request whose body stops after its first byte."""
    lines = ["POST " + path + " HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", "Content-Length: 100"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall("\r\n".join([*lines, "", "{"]).encode())
    return connection


def _signature() -> dict[str, str]:
    """What SendGrid sends, of the right time; whether it is right is known only with the body."""
    prefix = "X_Twilio_Email_Event_Webhook"
    return {f"{prefix}_Signature": "MEUCIQ==", f"{prefix}_Timestamp": str(int(time.time()))}


def _count_answered(connections: list[socket.socket]) -> int:
    """How many of these have an answer within a second."""
    deadline, answered = time.monotonic() + 1, 0
    for each in connections:
        each.settimeout(max(0.01, deadline - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            answered += each.recv(12) == b"HTTP/1.1 503"
    return answered


def test_bodies_that_never_come_hold_up_nobody_else(port: int) -> None:
    """There are more connections than the server has threads, and each would keep one."""
    wrong = [_begun(port, "/notifications", Authorization=f"Bearer sntl_{number}") for number in range(THREADS + 8)]
    paths = ("/callbacks/sendgrid", "/integrations/pagerduty")
    unsigned = [_begun(port, paths[number % 2], **_signature()) for number in range(THREADS + 8)]
    try:
        assert {each.recv(12) for each in wrong} == {b"HTTP/1.1 401"}
        assert _count_answered(unsigned) == THREADS + 8 - THREADS // 2
        assert _call(port, "GET", "/ping")[0] == 200
        assert _call(port, "POST", "/notifications", body=json.dumps(SMS).encode(), headers=KIND)[0] == 202
    finally:
        for each in (*wrong, *unsigned):
            each.close()

    def is_answered() -> bool:
        return _call(port, "POST", "/callbacks/sendgrid", body=b"[]", headers=KIND)[0] == 403

    eventually(is_answered, seconds=10, message="a report is read again")


def test_headers_without_end_are_refused_by_the_server(port: int) -> None:
    assert _call(port, "GET", "/ping", headers={"X-Long": "a" * 2_000_000})[0] == 431
    assert _call(port, "GET", "/ping", headers={f"X-{number}": "a" for number in range(200)})[0] == 431


def test_a_bomb_is_refused_by_its_header_before_it_is_unpacked(port: int) -> None:
    bomb = gzip.compress(b" " * 10_000_000)[:LARGEST]

    for encoding in ("gzip", "deflate", "br", "gzip, identity"):
        headers = KIND | {"Content-Encoding": encoding}
        assert _call(port, "POST", "/notifications", body=bomb, headers=headers)[0] == 415


def test_the_server_says_nothing_about_its_making(port: int) -> None:
    for method, path in (("GET", "/ping"), ("GET", "/nope"), ("DELETE", "/notifications"), ("GET", "/docs")):
        response = _call(port, method, path)[1]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"\d", response.headers.get("Server", ""))
        assert "X-Powered-By" not in response.headers
        assert not any(name.lower().startswith("access-control-") for name in response.headers)
