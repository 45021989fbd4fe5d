"""The API behind its real server: what a test client cannot show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.conftest import Configure
from tests.integration.calls import SMS, stored
from tests.system import running_system

LARGEST = 2000


@pytest.fixture
def port(database: Configure, tmp_path: Path) -> Iterator[int]:
    """The port of a server as `sentinel api` runs it."""
    with running_system(tmp_path, SENTINEL_MAX_BODY_BYTES=str(LARGEST)) as system:
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
