"""Load tests: rows with leases, carried out by processes that may be killed, over real HTTP."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from werkzeug.serving import make_server

from sentinel.app import create_app
from sentinel.cli import cli
from sentinel.db import new_session
from sentinel.errors import ConflictError, ForbiddenError, InvalidInputError
from sentinel.models import ApiKey, Client, Event, LoadTest
from sentinel.queries.load_tests import Turn
from sentinel.services.access import clients
from sentinel.services.loading import jobs, running, starting
from sentinel.services.loading.plans import Wish
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import execute, stored
from tests.system import SENTINEL, eventually


def until(is_so: Callable[[], object], message: str) -> None:
    """Wait for what another process or thread does."""
    eventually(is_so, seconds=30, message=message)


Begin = Callable[..., str]
QUICK = Wish(rate=500, count=40, burst=40, seed=7)


@pytest.fixture
def url(database: Configure) -> Iterator[str]:
    """The API behind a socket, where load tests find it."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    database(SENTINEL_LOAD_TEST_URL=address)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """What a sweep would start a process for."""
    found: list[Turn] = []
    monkeypatch.setattr(starting, "start", found.append)
    return found


def begin(wish: Wish = QUICK, client: str = "default") -> str:
    with unit_of_work() as uow:
        clients.create_key(uow, client, "makes the client")
        return jobs.begin(uow, clients.active_caller(uow, client), wish).id


def row(load_test_id: str) -> LoadTest:
    with new_session() as session:
        return session.scalars(select(LoadTest).where(LoadTest.id == load_test_id)).one()


def bodies() -> list[dict[str, Any]]:
    with new_session() as session:
        return list(session.scalars(select(Event.body)))


def own_keys() -> list[ApiKey]:
    with new_session() as session:
        return list(session.scalars(select(ApiKey).where(ApiKey.name.like("load test %"))))


def lose_leases() -> None:
    execute("UPDATE load_tests SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def test_a_load_test_is_carried_out_by_its_turn_and_told_to_its_end(url: str, turns: list[Turn]) -> None:
    load_test_id = begin()
    assert row(load_test_id).status == "waiting"

    assert starting.sweep() == 1
    assert starting.sweep() == 0
    running.resume(turns[0])

    done = row(load_test_id)
    assert (done.status, done.accepted, done.answered, done.place, done.problem) == ("finished", 40, 40, 40, None)
    assert done.p50_ms is not None
    assert done.curve[-1][1] == 40
    assert {each["alert_id"] for each in bodies()} == {f"{done.label}-{number}" for number in range(1, 41)}
    with unit_of_work() as uow:
        outcome = jobs.outcome(uow, done)
    assert (outcome.events, outcome.messages) == ({"PENDING": 40}, {})
    assert [key.revoked_at is not None for key in own_keys()] == [True]  # workers cannot know whether one is needed


def test_another_client_gets_a_key_that_ends_with_its_load_test(url: str, turns: list[Turn]) -> None:
    load_test_id = begin(client="shop")
    starting.sweep()

    running.resume(turns[0])

    assert row(load_test_id).status == "finished"
    (key,) = own_keys()
    assert (key.scopes, key.revoked_at is not None, key.expires_at is not None) == (["events:write"], True, True)
    with new_session() as session:
        owners = set(session.scalars(select(Client.name).join(Event, Event.client_id == Client.id)))
    assert owners == {"shop"}


def test_a_process_that_is_killed_leaves_its_place_to_the_next_and_nothing_is_doubled(
    url: str, turns: list[Turn]
) -> None:
    load_test_id = begin(Wish(rate=100, count=150, seed=7), client="shop")
    starting.sweep()
    command = [SENTINEL, "load", "resume", turns[0].id, "--lease", turns[0].lease_id]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        until(lambda: row(load_test_id).place > 0, "nothing was offered")
        process.send_signal(signal.SIGKILL)
    cut = row(load_test_id)
    assert cut.status == "running"
    assert 0 < cut.place < 150

    lose_leases()
    assert starting.sweep() == 1
    running.resume(turns[1])

    done = row(load_test_id)
    assert (done.status, done.place, done.answered, done.failed, done.refused) == ("finished", 150, 150, 0, 0)
    assert done.accepted >= cut.accepted
    assert stored("events") == 150
    assert all(key.revoked_at is not None for key in own_keys())
    with pytest.raises(ConflictError, match="not ours"):
        running.resume(turns[0])


def test_one_runs_at_a_time_and_the_next_when_it_has_ended(database: Configure, turns: list[Turn]) -> None:
    first, second = begin(), begin()

    assert [starting.sweep(), starting.sweep()] == [1, 0]
    assert [each.id for each in turns] == [first]
    database(SENTINEL_LOAD_TESTS_AT_ONCE="2")
    assert starting.sweep() == 1
    assert [each.id for each in turns] == [first, second]


def test_one_that_waits_stops_at_once_and_one_whose_process_is_gone_with_the_next_sweep(turns: list[Turn]) -> None:
    first, second = begin(), begin()
    starting.sweep()
    for each in (first, second):
        with unit_of_work() as uow:
            jobs.stop(uow, each, by="ann")
    assert [row(each).status for each in (first, second)] == ["running", "stopped"]

    lose_leases()
    starting.sweep()

    assert (row(first).status, row(first).problem, len(turns)) == ("stopped", "stopped by ann", 1)
    with unit_of_work() as uow, pytest.raises(ConflictError, match="has ended: stopped"):
        jobs.stop(uow, first, by="ann")


def test_one_that_runs_sees_that_it_is_to_stop(url: str, turns: list[Turn]) -> None:
    load_test_id = begin(Wish(rate=20, count=1000))
    starting.sweep()
    thread = threading.Thread(target=running.resume, args=(turns[0],))
    thread.start()
    until(lambda: row(load_test_id).place > 0, "nothing was offered")

    with unit_of_work() as uow:
        jobs.stop(uow, load_test_id, by="ann")
    thread.join(timeout=30)

    done = row(load_test_id)
    assert (done.status, done.problem) == ("stopped", "stopped by ann")
    assert done.answered == done.place == stored("events") < 1000


def test_what_cannot_go_on_fails_with_its_reason(url: str, turns: list[Turn]) -> None:
    load_test_id = begin(client="shop")
    execute("UPDATE clients SET is_active = false WHERE name = 'shop'")
    starting.sweep()

    running.resume(turns[0])

    done = row(load_test_id)
    assert done.status == "failed"
    assert "401" in str(done.problem)
    assert all(key.revoked_at is not None for key in own_keys())


def test_one_that_was_killed_after_it_had_given_up_does_not_end_as_if_all_was_answered(
    httpserver: HTTPServer, url: str, turns: list[Turn], database: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/ping").respond_with_data("")
    httpserver.expect_request("/events").respond_with_json({"message": "not now", "errors": []}, 503)
    database(SENTINEL_LOAD_TEST_URL=httpserver.url_for(""))
    monkeypatch.setattr("sentinel.services.loading.plans.PATIENCE_SECONDS", 0.2)
    load_test_id = begin(Wish(rate=1, count=2))
    starting.sweep()
    with monkeypatch.context() as dying:
        dying.setattr(running._Run, "_end", killed)
        with pytest.raises(KeyboardInterrupt):
            running.resume(turns[0])
    execute("UPDATE load_tests SET plan = plan || jsonb_build_object('url', CAST(:url AS text))", url=url)
    lose_leases()
    starting.sweep()

    running.resume(turns[1])

    done = row(load_test_id)
    assert (done.status, done.failed, "503 not now" in str(done.problem)) == ("failed", 1, True)


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_what_is_started_again_and_again_in_vain_fails(turns: list[Turn]) -> None:
    load_test_id = begin()
    for _ in range(starting.MOST_STARTS):
        assert starting.sweep() == 1
        lose_leases()

    starting.sweep()

    assert (row(load_test_id).status, len(turns)) == ("failed", starting.MOST_STARTS)
    assert "nothing came of it" in str(row(load_test_id).problem)


def test_production_refuses_load_unless_it_is_meant(database: Configure) -> None:
    production = {"SENTINEL_ENV": "production", "SENTINEL_SMS_PROVIDER": "sandbox"}
    database(**production)
    with pytest.raises(ForbiddenError, match="SENTINEL_LOAD_TESTS=true"):
        begin()

    database(**production, SENTINEL_LOAD_TESTS="true", SENTINEL_LOAD_TEST_MAX_EVENTS="39")
    with pytest.raises(InvalidInputError, match="count"):
        begin()


def test_what_was_begun_before_production_refused_it_is_not_started(database: Configure, turns: list[Turn]) -> None:
    load_test_id = begin()
    database(SENTINEL_ENV="production", SENTINEL_SMS_PROVIDER="sandbox")

    starting.sweep()

    assert (row(load_test_id).status, turns) == ("failed", [])
    assert "SENTINEL_LOAD_TESTS=true" in str(row(load_test_id).problem)


def test_an_address_of_ipv6_stands_in_brackets(database: Configure) -> None:
    for host, expected in (("::1", "[::1]"), ("::", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("api.local", "api.local")):
        database(SENTINEL_API_HOST=host, SENTINEL_API_PORT="8123")
        assert jobs.address() == f"http://{expected}:8123"


def test_the_sweep_starts_a_process_of_its_own(url: str) -> None:
    load_test_id = begin()

    starting.sweep()

    until(lambda: not row(load_test_id).is_open, "it has not ended")
    assert row(load_test_id).status == "finished"
    until(lambda: starting.sweep() == 0 and not starting._children, "nobody asked how it ended")


def test_the_command_line_lists_shows_and_stops_them(turns: list[Turn]) -> None:
    load_test_id = begin(client="shop")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["load", "jobs", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert row(load_test_id).label in run("list", "--client", "shop").replace("\n", "")
    assert '"rate": 500' in run("show", load_test_id, "--json")
    assert "waiting" in run("show", load_test_id)
    run("stop", load_test_id)
    assert row(load_test_id).status == "stopped"
    assert '"status": "stopped"' in run("list", "--json")
