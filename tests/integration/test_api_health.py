"""Health, and what the API answers while the database or the broker is away."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from sentinel.app import create_app
from sentinel.clock import utc_now
from tests.conftest import Configure
from tests.integration.calls import execute, refused, send, stored


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that is taken, but where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def without_database(database: Configure, dead_port: int) -> FlaskClient:
    """The API with a database that cannot be reached."""
    database(DATABASE_URL=f"postgresql://sentinel:geheim@127.0.0.1:{dead_port}/sentinel")
    return create_app().test_client()


@pytest.mark.parametrize("path", ["/health", "/health/live", "/ping", "/ready", "/health/ready"])
def test_a_healthy_process_says_ok_and_the_time(path: str, api: FlaskClient) -> None:
    response = api.get(path)

    body = response.get_json()
    assert response.status_code == 200
    assert body["status"] == "ok"
    assert abs((datetime.fromisoformat(body["time"]) - utc_now()).total_seconds()) < 60


@pytest.mark.parametrize("path", ["/health", "/health/live", "/ping"])
def test_a_process_lives_though_the_database_is_away(path: str, without_database: FlaskClient) -> None:
    assert without_database.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/ready", "/health/ready"])
def test_a_process_without_database_is_not_ready_and_names_it(path: str, without_database: FlaskClient) -> None:
    response = without_database.get(path)

    assert response.status_code == 503
    assert response.get_json()["status"] == "unavailable"
    assert set(response.get_json()["down"]) == {"database"}
    assert "geheim" not in response.text


def test_without_a_database_nothing_is_accepted_and_the_caller_knows(
    without_database: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger().addHandler(caplog.handler)

    answers = [
        send(without_database),
        send(without_database, [{}], "/notifications/batch"),
        without_database.get("/notifications"),
        without_database.get("/notifications/00000000-0000-0000-0000-000000000000/timeline"),
        without_database.post("/notifications/00000000-0000-0000-0000-000000000000/retry"),
    ]

    for response in answers:
        assert response.status_code == 503
        assert refused(response) == {}
        assert response.headers["Retry-After"] == "2"
        assert "Idempotency-Key" in response.get_json()["message"]
        assert "geheim" not in response.text
    assert caplog.text.count("database_unavailable") == len(answers)
    assert "geheim" not in caplog.text


def test_a_missing_setting_is_an_error_of_ours_and_goes_to_the_log(
    database: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    database(DATABASE_URL="mysql://root:geheim@127.0.0.1/x")
    api = create_app().test_client()
    logging.getLogger().addHandler(caplog.handler)

    response = send(api)

    assert response.status_code == 500
    assert response.get_json()["message"] == "Something went wrong on our side; the log of this process says what."
    assert "DATABASE_URL must be a postgresql:// URL" in caplog.text
    assert "geheim" not in caplog.text + response.text


def test_without_a_broker_everything_is_accepted_and_stored(database: Configure, dead_port: int) -> None:
    database(REDIS_URL=f"redis://127.0.0.1:{dead_port}/0")
    api = create_app().test_client()

    answers = [send(api) for _ in range(20)]

    assert {each.status_code for each in answers} == {202}
    assert stored() == 20
    assert api.get("/ready").status_code == 200


def test_a_retry_without_a_broker_is_stored_too(database: Configure, dead_port: int) -> None:
    database(REDIS_URL=f"redis://127.0.0.1:{dead_port}/0")
    api = create_app().test_client()
    address = send(api).headers["Location"]
    execute("UPDATE notifications SET status = 'FAILED', queue_at = NULL")

    response = api.post(f"{address}/retry")

    assert (response.status_code, response.get_json()["status"]) == (202, "PENDING")
