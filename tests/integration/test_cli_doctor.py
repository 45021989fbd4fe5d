"""`sentinel doctor` on real servers: well, and with one thing broken at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import text

from sentinel.broker import celery
from sentinel.channels.registry import CHANNELS
from sentinel.cli import cli
from sentinel.clock import utc_now
from sentinel.db import get_engine, new_session
from sentinel.embedded.servers import Servers
from sentinel.queries.diagnosis import Backlog, server
from sentinel.services.sending import breaker
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.diagnosis import workers
from sentinel.services.watching.diagnosis.database import check_pools, check_schema
from sentinel.services.watching.diagnosis.findings import Finding, Level
from sentinel.services.watching.diagnosis.flow import check_backlog, check_sweepers
from sentinel.services.watching.diagnosis.redis_server import check_redis
from sentinel.services.watching.diagnosis.workers import Workers, check_workers
from tests.conftest import Configure
from tests.integration.conftest import Accept

START_SECONDS = 60


@pytest.fixture(autouse=True)
def _short_answers(database: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens in most of these tests: do not wait long to learn it."""
    assert celery.conf.broker_url  # read once in a process: before a test names a server that does not exist
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.2)


def diagnosed() -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Exit code, and the findings by subject."""
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    findings: dict[str, list[dict[str, Any]]] = {}
    for each in json.loads(result.stdout)["findings"]:
        findings.setdefault(each["subject"], []).append(each)
    return result.exit_code, findings


def levels(findings: list[dict[str, Any]]) -> list[str]:
    return [each["level"] for each in findings]


@contextmanager
def running(state_dir: Path, *commands: tuple[str, ...]) -> Iterator[None]:
    """`sentinel …` processes of this test's environment."""
    environment = os.environ | {"SENTINEL_STATE_DIR": str(state_dir)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "sentinel", *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        for command in commands
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=START_SECONDS)


def is_connected(findings: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether the worker has a connection at this moment: it gives one back that it does not need."""
    return "sentinel alice 1" in findings["connections"][1]["message"]


def test_a_running_system_is_well(database: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 2.0)
    all_queues = (
        "worker",
        "--name",
        "alice",
        "--pipeline",
        *(word for each in CHANNELS for word in ("--channel", each)),
    )

    with running(tmp_path, all_queues, ("beat",)):
        deadline = time.monotonic() + START_SECONDS
        code, findings = diagnosed()
        while (code or not is_connected(findings)) and time.monotonic() < deadline:
            code, findings = diagnosed()

    assert [each for found in findings.values() for each in found if each["level"] == "broken"] == []
    assert all("alice@" in each["message"] for each in findings["workers"])
    assert "at most 2 processes (API 1, workers 1)" in findings["connections"][1]["message"]
    assert is_connected(findings)
    assert code == 0


def test_without_workers_each_queue_names_the_command_that_is_missing(database: Configure) -> None:
    code, findings = diagnosed()

    assert code == 1
    assert set(levels(findings["workers"])) == {"broken"}
    assert "run `sentinel worker --channel sms`" in [each["remedy"] for each in findings["workers"]]
    assert levels(findings["schema"] + findings["redis"] + findings["broker"]) == ["ok"] * 5


def test_an_unreachable_database_is_named_and_no_other_check_is_lost(database: Configure) -> None:
    database(DATABASE_URL="postgresql://someone:hidden@127.0.0.1:1/nothing")

    code, findings = diagnosed()

    assert code == 1
    assert levels(findings["database"]) == ["broken"]
    assert "hidden" not in json.dumps(findings)
    assert "backlog" not in findings
    assert levels(findings["redis"]) == ["ok"] * 3


def test_an_unreachable_redis_is_named(database: Configure) -> None:
    database(REDIS_URL="redis://:hidden@127.0.0.1:1/0")

    code, findings = diagnosed()

    assert code == 1
    assert levels(findings["redis"]) == ["broken"]
    assert "hidden" not in json.dumps(findings)


def test_a_schema_that_is_behind_is_broken_and_its_tables_are_not_asked(
    database: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.cli.doctor.revisions", lambda: (None, "0001"))

    code, findings = diagnosed()

    assert code == 1
    assert findings["schema"][0]["remedy"] == "run `sentinel db upgrade`"
    assert "backlog" not in findings


def test_the_report_for_people_says_what_to_do(database: Configure) -> None:
    result = CliRunner().invoke(cli, ["doctor"])

    assert result.exit_code == 1
    assert "broken   workers          pipeline: nobody listens" in result.stdout
    assert "→ run `sentinel worker --pipeline`" in result.stdout
    assert " broken, " in result.stdout.splitlines()[-1]


def test_rows_that_nobody_looks_at_are_broken(accept: Accept) -> None:
    accept()
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE notifications SET queue_at = now() - interval '5 minutes'"))

    _, findings = diagnosed()

    assert levels(findings["backlog"]) == ["broken"]
    assert "1 waiting" in findings["backlog"][0]["message"]


def test_an_account_that_is_held_is_a_warning_with_the_way_out(database: Configure) -> None:
    with unit_of_work() as uow:
        breaker.hold(uow, "sandbox", reason="being moved")

    (found,) = diagnosed()[1]["provider account"]

    assert (found["level"], found["message"]) == ("warning", "sandbox is held: being moved")
    assert "sentinel providers resume sandbox" in found["remedy"]


def test_a_paused_account_is_a_warning_with_its_hint(database: Configure) -> None:
    with get_engine().begin() as connection:
        values = "('twilio', now() + interval '1 hour', 'auth', 'check the token', now())"
        query = f"INSERT INTO provider_accounts VALUES {values}"
        connection.execute(text(query))

    _, findings = diagnosed()

    assert [(each["level"], each["remedy"]) for each in findings["provider account"]] == [
        ("warning", "check the token")
    ]


TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x", "TWILIO_FROM_NUMBER": "+15005550006"}
SENDGRID = {"SENDGRID_API_KEY": "SG.x", "SENDGRID_FROM_EMAIL": "a@example.com"}


@pytest.mark.parametrize(
    ("variables", "subject", "level"),
    [
        ({"SENTINEL_ENV": "production", "SENTINEL_SMS_PROVIDER": "sandbox"}, "sms", "warning"),
        ({"SENTINEL_ENV": "production"}, "providers", "warning"),
        ({"SENTINEL_SMS_PROVIDER": "twilio"}, "sms", "broken"),
        ({"SENTINEL_ENV": "production", "SENTINEL_OPEN_MODE": "true"}, "access", "broken"),
        ({"SENTINEL_OPEN_MODE": "false"}, "access", "warning"),
        ({"SENTINEL_LIMITS": '[{"scope":"client","rate":"5/second","channel":"pigeon"}]'}, "limits", "broken"),
        ({"SMTP_HOST": "mail.example.com", "SMTP_FROM_EMAIL": "a@example.com"}, "callbacks", "warning"),
        (TWILIO | {"PUBLIC_BASE_URL": "http://sentinel.example.com"}, "callbacks", "warning"),
        (SENDGRID | {"PUBLIC_BASE_URL": "https://sentinel.example.com"}, "callbacks", "warning"),
        ({"PUBLIC_BASE_URL": "https://sentinel.example.com"}, "proxies", "warning"),
    ],
)
def test_doubtful_settings_are_found(variables: dict[str, str], subject: str, level: str, database: Configure) -> None:
    database(**variables)

    _, findings = diagnosed()

    assert level in levels(findings[subject])


def test_a_redis_that_evicts_or_forgets_is_found(database: Configure, servers: Servers) -> None:
    settings = database()
    with redis.Redis.from_url(servers.redis_url) as store:
        store.config_set("maxmemory-policy", "allkeys-lru")
        store.config_set("appendonly", "no")
        try:
            found = list(check_redis(settings))
        finally:
            store.config_set("maxmemory-policy", "noeviction")
            store.config_set("appendonly", "yes")

    assert [each.level for each in found] == [Level.OK, Level.WARNING, Level.WARNING]


def test_a_queue_is_covered_only_by_a_worker_that_listens_to_it() -> None:
    found = list(check_workers(Workers({"bob@here": frozenset({"sms", "pipeline"})}, 1)))

    covered = {each.message.partition(":")[0] for each in found if each.level is Level.OK}
    assert covered == {"sms", "pipeline"}


def test_pools_that_could_use_more_than_their_share_are_a_warning_with_the_number_to_change(
    database: Configure,
) -> None:
    with new_session() as session:
        described = replace(server(session), connections=97, max_connections=100, ours={})

    def judged(worker_processes: int) -> Finding:
        return check_pools(database(), described, worker_processes=worker_processes)

    assert judged(6).level is Level.OK, "7 x 10 of 97 leaves a fifth free"
    assert judged(7).level is Level.WARNING
    remedy = "set SENTINEL_DATABASE_POOL_SIZE to 7 or less, or set PostgreSQL's max_connections to 103 or more"
    assert judged(7).remedy == remedy
    assert "too many processes" in (judged(100).remedy or "")


def test_api_processes_of_other_machines_are_counted_by_their_connections(database: Configure) -> None:
    with new_session() as session:
        described = replace(server(session), ours={"sentinel api": 23, "sentinel sms-1": 1})

    finding = check_pools(database(), described, worker_processes=1)

    assert "at most 4 processes (API 3, workers 1)" in finding.message
    assert finding.message.endswith("now: sentinel api 23, sentinel sms-1 1")


def test_sweepers_are_silent_after_ten_periods() -> None:
    now = utc_now()
    runs = {
        "sweep_waiting": now - timedelta(seconds=5),
        "sweep_leases": now - timedelta(minutes=5),
        "fire_due": now - timedelta(seconds=2),
    }

    found = {each.message.split()[0]: each.level for each in check_sweepers(runs, now=now)}

    assert {found.pop(name) for name in ("sweep_waiting", "fire_due")} == {Level.OK}
    often = {"sweep_leases", "sweep_failover", "sweep_alerts", "sweep_silences", "sweep_receipts", "tell_statuses"}
    often |= {"sweep_heartbeats", "sweep_drills", "sweep_self_tests", "flush_groups", "sweep_escalations"}
    often |= {"sweep_load_tests", "sweep_replays", "sample_counters"}
    assert {found.pop(name) for name in often} == {Level.BROKEN}
    assert set(found.values()) == {Level.WARNING}, "what is rare need not have run yet"


def test_a_lease_that_ran_out_unnoticed_is_overdue() -> None:
    now = utc_now()

    finding = check_backlog(Backlog(0, None, now - timedelta(minutes=2)), now=now)

    assert finding.level is Level.BROKEN


def test_the_newest_schema_is_well() -> None:
    assert check_schema("0001", "0001") == Finding("schema", Level.OK, "at 0001")
    assert check_schema("0002", "0001").level is Level.OK
