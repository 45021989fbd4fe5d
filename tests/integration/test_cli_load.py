"""`sentinel load` against the API over real connections."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from werkzeug.serving import make_server

from sentinel.app import create_app
from sentinel.cli import cli
from sentinel.db import new_session
from sentinel.errors import SentinelError
from sentinel.models import Event
from tests.conftest import Configure
from tests.integration.calls import bearer, stored
from tests.system import SENTINEL, eventually

REFUSAL = {"code": 503, "status": "Service Unavailable", "message": "not now", "errors": []}


def run(*arguments: str) -> Result:
    """Run the command; no event leaves by accident."""
    return CliRunner().invoke(cli, ["load", *arguments])


def summary(result: Result) -> dict[str, str]:
    """The figures at the end, by their names."""
    return dict(re.split(r" {2,}", line.strip()) for line in result.stdout.splitlines())


@pytest.fixture
def url(database: Configure) -> Iterator[str]:
    """The API behind a socket."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def bodies() -> list[dict[str, object]]:
    """What is stored, in the order of its numbers."""
    with new_session() as session:
        found = list(session.scalars(select(Event.body)))
    return sorted(found, key=lambda each: int(str(each.get("alert_id") or each["event_id"]).rpartition("-")[2]))


def test_alerts_arrive_as_they_are_printed(url: str) -> None:
    printed = run("alerts", "--count", "40", "--seed", "7", "--dry-run")

    result = run("alerts", "--count", "40", "--seed", "7", "--rate", "0", "--batch", "7", "--url", url)

    assert (result.exit_code, printed.exit_code) == (0, 0), result.output
    assert bodies() == [json.loads(line) for line in printed.stdout.splitlines()]
    found = summary(result)
    assert (found["accepted"], found["duplicates"], found["refused"], found["failed"]) == ("40", "0", "0", "0")
    assert float(found["answer p50 ms"]) > 0


def test_a_second_run_of_a_seed_is_all_duplicates_unless_its_ids_are_fresh(url: str) -> None:
    command = ("devices", "--count", "10", "--seed", "1", "--rate", "0", "--url", url)
    results = [run(*command), run(*command), run(*command, "--fresh-ids")]

    assert [summary(each)["accepted"] for each in results] == ["10", "0", "10"]
    assert [summary(each)["duplicates"] for each in results] == ["0", "10", "0"]
    assert stored("events") == 20


def test_low_rates_are_single_posts_and_keep_their_time(url: str) -> None:
    began = time.monotonic()

    result = run("devices", "--count", "21", "--rate", "40", "--url", url)

    assert time.monotonic() - began >= 0.5
    assert summary(result)["accepted"] == "21"
    assert stored("events") == 21


def test_it_ends_after_its_duration(url: str) -> None:
    began = time.monotonic()

    result = run("alerts", "--duration", "0.5", "--rate", "0", "--batch", "1", "--url", url)

    assert result.exit_code == 0, result.output
    assert 0.4 <= time.monotonic() - began < 10
    assert int(summary(result)["accepted"]) == stored("events") > 0


def test_events_belong_to_the_client_of_the_key(url: str) -> None:
    key = bearer("shop")["Authorization"].removeprefix("Bearer ")

    assert run("alerts", "--count", "5", "--rate", "0", "--url", url, "--key", key).exit_code == 0

    owner = requests.get(f"{url}/events", headers={"Authorization": f"Bearer {key}"}, timeout=10).json()
    assert {each["client"] for each in owner} == {"shop"}
    assert len(owner) == 5


def test_a_key_that_is_refused_ends_the_load_at_once(url: str) -> None:
    result = run("alerts", "--count", "1000", "--rate", "0", "--batch", "1", "--url", url, "--key", "sntl_nope")

    assert isinstance(result.exception, SentinelError)
    assert "401" in str(result.exception)
    assert stored("events") == 0


def test_a_busy_api_is_waited_for_as_long_as_it_asks(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/ping").respond_with_data("")
    httpserver.expect_oneshot_request("/events").respond_with_json(REFUSAL, 503, {"Retry-After": "1"})
    httpserver.expect_oneshot_request("/events").respond_with_json(REFUSAL, 429, {"Retry-After": "0"})
    httpserver.expect_oneshot_request("/events").respond_with_json({"status": "accepted"}, 202)
    began = time.monotonic()

    result = run("alerts", "--count", "1", "--rate", "0", "--url", httpserver.url_for(""))

    assert time.monotonic() - began >= 1
    found = summary(result)
    assert (found["accepted"], found["put off"], found["failed"], result.exit_code) == ("1", "2", "0", 0)


def test_what_is_never_taken_is_counted_and_said(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.cli.load.PATIENCE_SECONDS", 1.0)
    httpserver.expect_request("/ping").respond_with_data("")
    httpserver.expect_request("/events/batch").respond_with_json(REFUSAL, 503, {"Retry-After": "0"})

    result = run("alerts", "--count", "6", "--batch", "3", "--rate", "0", "--url", httpserver.url_for(""))

    assert result.exit_code == 1
    assert summary(result)["failed"] == "6"
    assert "503 not now" in result.stderr


def test_a_request_is_tried_until_a_deadline_however_often_it_is_put_off(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.cli.load.PATIENCE_SECONDS", 4.0)
    httpserver.expect_request("/ping").respond_with_data("")
    for _ in range(6):
        httpserver.expect_oneshot_request("/events").respond_with_json(REFUSAL, 503, {"Retry-After": "0"})
    httpserver.expect_oneshot_request("/events").respond_with_json({"status": "accepted"}, 202)

    result = run("alerts", "--count", "1", "--rate", "0", "--url", httpserver.url_for(""))

    found = summary(result)
    assert (found["accepted"], found["put off"], found["failed"], result.exit_code) == ("1", "6", "0", 0)


def test_however_long_the_api_asks_to_wait_the_last_try_is_made_at_the_deadline(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.cli.load.PATIENCE_SECONDS", 1.0)
    httpserver.expect_request("/ping").respond_with_data("")
    httpserver.expect_oneshot_request("/events").respond_with_json(REFUSAL, 429, {"Retry-After": "3600"})
    httpserver.expect_oneshot_request("/events").respond_with_json({"status": "accepted"}, 202)

    result = run("alerts", "--count", "1", "--rate", "0", "--url", httpserver.url_for(""))

    assert summary(result)["accepted"] == "1"


def test_refused_events_are_counted_and_the_reason_is_said(httpserver: HTTPServer) -> None:
    error = {"field": "type", "value": 5, "message": "is not a text", "remedy": "…"}
    items = [
        {"index": 0, "status": 422, "errors": [error]},
        {"index": 1, "status": 202, "event": {"status": "duplicate"}},
    ]
    httpserver.expect_request("/ping").respond_with_data("")
    httpserver.expect_request("/events/batch").respond_with_json(items, 207)

    result = run("alerts", "--count", "2", "--batch", "2", "--rate", "0", "--url", httpserver.url_for(""))

    found = summary(result)
    assert (found["refused"], found["duplicates"], result.exit_code) == ("1", "1", 1)
    assert "type: is not a text" in result.stderr


def test_an_address_where_nobody_answers_is_said(database: Configure) -> None:
    result = run("alerts", "--count", "1", "--url", "http://127.0.0.1:9")

    assert isinstance(result.exception, SentinelError)
    assert "nobody answers at http://127.0.0.1:9" in str(result.exception)


@pytest.mark.parametrize("url", ["http://192.0.2.1:8000", "https://example.com", "http://[2001:db8::1]:8000"])
def test_another_machine_is_not_burdened_by_accident(url: str, database: Configure) -> None:
    result = run("alerts", "--count", "1", "--url", url)

    assert isinstance(result.exception, SentinelError)
    assert "--yes" in str(result.exception)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://"])
def test_what_is_no_address_is_refused(url: str, database: Configure) -> None:
    result = run("alerts", "--count", "1", "--url", url, "--yes")

    assert "is no address" in str(result.exception)


def test_a_sum_that_is_not_100_is_said(database: Configure) -> None:
    result = run("alerts", "--severity", "HIGH:30,LOW:60", "--dry-run")

    assert "adds up to 90 and not to 100" in str(result.exception)


def test_printing_without_an_end_is_refused(database: Configure) -> None:
    result = run("alerts", "--rate", "0", "--dry-run")

    assert "--count" in str(result.exception)


def heard_by_children() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_with_the_summary(url: str, tmp_path: Path) -> None:
    command = [SENTINEL, "load", "devices", "--rate", "50", "--duration", "60", "--url", url]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard_by_children,  # noqa: PLW1509 - no thread of ours holds a lock that signal() wants
    ) as process:
        eventually(lambda: stored("events") >= 5, seconds=30, message="a few events")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "accepted" in out
