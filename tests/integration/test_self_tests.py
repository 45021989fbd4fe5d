"""Self-tests: only when an event of our own has gone the whole way does the outside hear that we live."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select

from sentinel import monitoring
from sentinel.cli import cli
from sentinel.db import new_session
from sentinel.errors import ConfigurationError
from sentinel.models import Event, SelfTest
from sentinel.services.bookkeeping import audit
from sentinel.services.matching import matching
from sentinel.services.proving import self_tests
from sentinel.services.watching.diagnosis.flow import check_self_tests
from sentinel.services.watching.gauges import Gauges
from sentinel.settings import get_settings, load_settings
from sentinel.stand_ins import ProviderStandIn
from tests.conftest import Configure
from tests.integration.calls import execute, stored
from tests.integration.conftest import RunPipeline, live_settings
from tests.rows import rows

URLS = "https://hc.example.com/ping/secret,https://other.example.com/"


@pytest.fixture
def on(database: Configure) -> None:
    """Self-tests are on, and tell two services."""
    database(SENTINEL_SELF_TEST_SECONDS="300", SENTINEL_DEAD_MAN_URLS=URLS)


def held() -> list[SelfTest]:
    with new_session() as session:
        return list(session.scalars(select(SelfTest).order_by(SelfTest.started_at)))


def work(run_pipeline: RunPipeline) -> None:
    """Do what workers do: match what waits, deliver what comes of it to the inbox."""
    with new_session() as session:
        waiting = list(session.scalars(select(Event.id).where(Event.status == "PENDING")))
    matching.match(waiting)
    run_pipeline([key for key, each in rows().items() if each.channel == "inbox"], channel="inbox")


def calls() -> list[str]:
    return sorted(each.recipient for each in rows().values() if each.channel == "webhook")


@pytest.mark.usefixtures("on")
def test_only_what_was_sent_in_time_calls_the_dead_mans_switches(run_pipeline: RunPipeline) -> None:
    assert self_tests.sweep() == 1
    assert self_tests.sweep() == 0
    assert calls() == []

    work(run_pipeline)
    assert self_tests.sweep() == 1

    [passed] = held()
    assert (passed.status, [each["stage"] for each in passed.stages]) == (
        "passed",
        ["stored", "matched", "tried", "sent"],
    )
    assert calls() == sorted(URLS.split(","))
    assert self_tests.sweep() == 0
    assert len(calls()) == 2
    call = next(each for each in rows().values() if each.channel == "webhook")
    assert call.expires_at is not None
    assert (call.expires_at - passed.started_at).total_seconds() == 300


@pytest.mark.usefixtures("on")
def test_one_that_is_late_has_failed_and_calls_nobody(run_pipeline: RunPipeline) -> None:
    self_tests.sweep()
    execute("UPDATE self_tests SET due_at = now()")

    self_tests.sweep()
    work(run_pipeline)
    self_tests.sweep()

    [failed] = held()
    assert (failed.status, str(failed.reason).startswith("late: its event was not matched")) == ("failed", True)
    assert calls() == []


@pytest.mark.usefixtures("on")
def test_a_proof_that_is_old_by_now_calls_nobody(run_pipeline: RunPipeline) -> None:
    self_tests.sweep()
    work(run_pipeline)
    execute("UPDATE self_tests SET started_at = now() - interval '301 s'")

    self_tests.sweep()

    assert held()[0].status == "passed"
    assert calls() == []


@pytest.mark.usefixtures("on")
def test_several_at_once_begin_one_and_the_next_comes_after_the_period(run_pipeline: RunPipeline) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: self_tests.sweep(), range(4)))
    assert len(held()) == 1

    work(run_pipeline)
    self_tests.sweep()
    execute("UPDATE self_tests SET started_at = now() - interval '301 s'")
    self_tests.sweep()
    assert [each.status for each in held()] == ["passed", "running"]


def test_without_the_setting_nothing_happens() -> None:
    assert self_tests.sweep() == 0

    assert (held(), stored("clients")) == ([], 1)


@pytest.mark.usefixtures("on")
def test_users_meet_nothing_of_it_and_the_books_balance(api: FlaskClient, run_pipeline: RunPipeline) -> None:
    self_tests.sweep()
    work(run_pipeline)
    self_tests.sweep()

    assert api.get("/notifications").get_json() == []
    assert api.get("/events").get_json() == []
    assert api.get("/rules").get_json() == []
    report = audit.audit_and_keep()
    assert report.discrepancies == 0


@pytest.mark.usefixtures("on")
def test_operators_hear_once_of_a_failure_and_once_of_its_end(database: Configure, run_pipeline: RunPipeline) -> None:
    database(SENTINEL_SELF_TEST_SECONDS="300", SENTINEL_OPERATOR_TARGETS="email:ops@example.com")
    for is_well in (False, False, True, True):
        self_tests.sweep()
        if is_well:
            work(run_pipeline)
        else:
            execute("UPDATE self_tests SET due_at = now() WHERE status = 'running'")
        self_tests.sweep()
        execute("UPDATE self_tests SET started_at = started_at - interval '1000 s'")

    told = [str(each.subject) for each in rows().values() if each.channel == "email"]
    assert sorted(told) == ["Sentinel's self-test has failed", "Sentinel's self-test passes again"]


@pytest.mark.usefixtures("on")
def test_gauges_and_the_doctor_tell_how_it_went(run_pipeline: RunPipeline, database: Configure) -> None:
    self_tests.sweep()
    execute("UPDATE self_tests SET due_at = now()")
    self_tests.sweep()

    values = Gauges().read()
    assert values["self_test_failed",] == 1
    assert values["self_test_age_seconds",] >= 0
    finding, hint = check_self_tests(held()[0], get_settings(), now=held()[0].due_at)
    assert (finding.level.value, "late" in finding.message) == ("broken", True)
    assert hint.remedy == "set SENTINEL_WEBHOOK_PROVIDER=webhook"

    database(SENTINEL_SELF_TEST_SECONDS="0", SENTINEL_DEAD_MAN_URLS="")
    assert ("self_test_failed",) not in Gauges().read()
    assert list(check_self_tests(None, get_settings(), now=held()[0].due_at)) == []


def test_a_switch_that_cannot_be_called_is_named_by_its_place(database: Configure, run_pipeline: RunPipeline) -> None:
    database(SENTINEL_SELF_TEST_SECONDS="300", SENTINEL_DEAD_MAN_URLS=f"{URLS},http://127.0.0.1:9/secret")
    self_tests.sweep()
    work(run_pipeline)
    self_tests.sweep()

    assert len(calls()) == 2
    found = check_self_tests(held()[0], get_settings(), now=held()[0].due_at)
    [wrong] = [each for each in found if each.level.value == "broken"]
    assert "URL 3 leads to a private" in wrong.message
    assert "secret" not in wrong.message


def test_the_command_prints_each_stage_with_its_time(
    run_pipeline: RunPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.cli.self_test.sleep", lambda _: work(run_pipeline))

    done = CliRunner().invoke(cli, ["self-test"], catch_exceptions=False)

    assert done.exit_code == 0
    assert all(stage in done.output for stage in ("stored", "matched", "tried", "sent", "passed"))
    assert calls() == []
    again = CliRunner().invoke(cli, ["self-test", "--json"], catch_exceptions=False)
    assert json.loads(again.stdout)["status"] == "passed"


@pytest.mark.usefixtures("on")
def test_the_command_calls_no_switch(run_pipeline: RunPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.cli.self_test.sleep", lambda _: work(run_pipeline))

    done = CliRunner().invoke(cli, ["self-test"], catch_exceptions=False)

    assert (done.exit_code, calls()) == (0, [])


def test_the_command_fails_where_nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.cli.self_test.sleep", lambda _: execute("UPDATE self_tests SET due_at = now()"))

    done = CliRunner().invoke(cli, ["self-test"], catch_exceptions=False)

    assert done.exit_code == 1
    assert "failed: late" in done.output


def test_a_switch_is_really_called(database: Configure, run_pipeline: RunPipeline) -> None:
    with ProviderStandIn() as stand_in:
        url = f"{stand_in.url}/hooks/open/dead-man"
        database(**live_settings(stand_in.url), SENTINEL_SELF_TEST_SECONDS="300", SENTINEL_DEAD_MAN_URLS=url)
        self_tests.sweep()
        work(run_pipeline)
        self_tests.sweep()
        run_pipeline([key for key, each in rows().items() if each.channel == "webhook"], channel="webhook")

    [call] = [each for each in rows().values() if each.channel == "webhook"]
    assert call.status == "SENT"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"dead_man_urls": URLS}, "SENTINEL_SELF_TEST_SECONDS"),
        ({"dead_man_urls": "hc.example.com", "self_test_seconds": 60}, "URL 1 must be like"),
    ],
)
def test_settings_that_would_call_without_proof_are_refused(variables: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refusal:
        load_settings(**variables)

    assert "secret" not in str(refusal.value)


def test_there_are_alerts_for_it() -> None:
    assert "self_test_failed" in monitoring.rules()
