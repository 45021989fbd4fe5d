"""/metrics while the database hangs: it is told in time, for a scrape does not wait as long as a statement may."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from sentinel.app import create_app
from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from sentinel.services.watching import gauges
from tests.conftest import Configure
from tests.system import eventually
from tests.wires import Wire

TOKEN = {"Authorization": "Bearer letmein"}

SOON = 6.0
"""Seconds: the wait for an answer, and a slow machine; Prometheus gives up after ten."""


@pytest.fixture
def wire(database: Configure, servers: Servers) -> Iterator[Wire]:
    """The database behind a proxy, with the limits that statements have by themselves."""
    proxy = Wire(servers.database_url)
    database(DATABASE_URL=proxy.url, SENTINEL_METRICS_TOKEN="letmein")
    yield proxy
    get_engine().dispose()
    proxy.close()


@pytest.fixture
def api(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """The API behind that proxy, whose every read of the metrics asks."""
    monkeypatch.setattr(gauges, "FRESH_SECONDS", 0.0)
    gauges.get_gauges.forget()
    return create_app().test_client()


def database_up(api: FlaskClient) -> bool:
    """Whether /metrics says so."""
    lines = api.get("/metrics", headers=TOKEN).get_data(as_text=True).splitlines()
    (found,) = [line for line in lines if line.startswith('part_up{part="database"}')]
    return float(found.split()[1]) == 1


def test_a_database_that_hangs_is_told_within_seconds_and_asked_once(wire: Wire, api: FlaskClient) -> None:
    assert database_up(api)
    wire.stall()

    began = time.monotonic()
    assert not database_up(api)
    said = wire.said
    assert time.monotonic() - began < SOON

    assert not database_up(api)
    assert wire.said == said
    wire.flow()
    eventually(lambda: database_up(api), seconds=10, message="the database to be up again")


def test_readers_at_the_same_moment_wait_together(wire: Wire) -> None:
    assert gauges.Gauges().read()["part_up", "database"] == 1
    asked = gauges.Gauges()
    wire.stall()

    began = time.monotonic()
    with ThreadPoolExecutor(3) as readers:
        found = list(readers.map(lambda _: asked.read()["part_up", "database"], range(3)))

    assert found == [0, 0, 0]
    assert time.monotonic() - began < SOON


def test_an_answer_that_came_too_late_is_told_to_the_next_reader(
    wire: Wire, api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "ANSWER_SECONDS", 0.1)
    wire.stall()
    assert not database_up(api)
    question = gauges.get_gauges()._question
    assert question is not None
    wire.flow()
    assert question.result(timeout=10)["part_up", "database"] == 1
    said = wire.said

    assert database_up(api)
    assert wire.said == said


def test_an_answer_that_is_old_is_told_to_nobody(wire: Wire, api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "ANSWER_SECONDS", 0.1)
    wire.stall()
    assert not database_up(api)
    wire.flow()
    question = gauges.get_gauges()._question
    assert question is not None
    question.result(timeout=10)
    monkeypatch.setattr(gauges, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(gauges, "ANSWER_SECONDS", 10.0)
    said = wire.said

    assert database_up(api)
    assert wire.said > said


def test_a_mistake_in_the_question_reaches_its_reader_and_the_next_one_asks_anew(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = gauges.Gauges()
    with monkeypatch.context() as broken:
        broken.delattr(gauges, "_zeros")
        with pytest.raises(NameError):
            found.read()

    assert found.read()["part_up", "database"] == 1


def test_a_process_ends_though_its_question_has_not(database: Configure, wire: Wire) -> None:
    database(SENTINEL_DATABASE_CONNECT_TIMEOUT_SECONDS="20")
    wire.stall()
    code = "from sentinel.services.watching.gauges import Gauges; print(Gauges().read()['part_up', 'database'])"

    began = time.monotonic()
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert told.stdout.splitlines()[-1] == "0"
    assert time.monotonic() - began < 15  # the login that hears nothing takes twenty
