"""`sentinel notifications` as an operator meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result
from sqlalchemy import text

from sentinel.cli import cli, notifications
from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from sentinel.models.status import Status
from sentinel.queries import notifications as queries
from sentinel.queries.notifications import Filter
from sentinel.services.bookkeeping import replays
from sentinel.services.sending import sweeping
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure, forget_process_state
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import count_statuses, row

UNKNOWN_ID = "0199f0c2-7c1e-7e4b-9d55-0242ac120002"


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, ["notifications", *arguments], **options)


@pytest.fixture
def failed(database: Configure, accept: Accept, run_pipeline: RunPipeline, servers: Servers) -> list[str]:
    """Three text messages that failed because there was no provider, and a mail that waits."""
    database(SENTINEL_SMS_PROVIDER="none")
    ids = [accept(body=f"message {number}") for number in range(3)]
    run_pipeline(ids)
    accept(channel="email", recipient="anna@example.com")
    empty_queues(servers)
    return ids


def fail_many(accept: Accept, servers: Servers, count: int) -> None:
    accept()
    empty_queues(servers)
    copies = """
        INSERT INTO notifications (id, client_id, channel, recipient, body, status, reason, attempt_limit,
                                   created_at, updated_at)
        SELECT gen_random_uuid(), client_id, channel, recipient, body, 'FAILED', 'not_configured', 6,
               created_at, updated_at
        FROM notifications, generate_series(1, :count)
    """
    with get_engine().begin() as connection:
        connection.execute(text(copies), {"count": count})


def empty_queues(servers: Servers) -> None:
    """Forget what accepting queued, once the dispatcher has handed over everything."""
    forget_process_state()
    with redis.Redis.from_url(servers.redis_url) as store:
        store.flushall()


def queued_chains(servers: Servers) -> int:
    with redis.Redis.from_url(servers.redis_url) as store:
        return int(store.llen("sentinel:pipeline"))


def test_the_list_shows_what_is_asked_for_with_masked_recipients(failed: list[str]) -> None:
    listed = run("list", "--status", "failed", "--channel", "sms", "--reason", "not_configured", "--since", "1h").stdout

    assert all(each in listed for each in failed)
    assert "+1415•••2671" in listed
    assert "+14155552671" not in listed
    assert "PENDING" not in listed


def test_recipients_are_shown_when_asked_for(failed: list[str]) -> None:
    assert "+14155552671" in run("list", "--show-recipients").stdout


def test_the_list_as_json_has_the_fields_of_the_api(failed: list[str]) -> None:
    listed = json.loads(run("list", "--json", "--channel", "sms").stdout)

    assert [each["id"] for each in listed] == failed[::-1]
    assert {each["client"] for each in listed} == {"default"}
    assert listed[0]["recipient"] == "+1415•••2671"
    assert listed[0]["created_at"].endswith("Z")


def test_a_list_that_is_cut_says_so(failed: list[str]) -> None:
    result = run("list", "--limit", "2")

    assert result.stdout.count("sms") + result.stdout.count("email") == 2
    assert "raise --limit" in result.stderr


def test_another_clients_rows_are_left_out(failed: list[str]) -> None:
    CliRunner().invoke(cli, ["keys", "create", "--client", "shop", "--name", "x"])

    assert json.loads(run("list", "--json", "--client", "shop").stdout) == []


def test_an_unknown_client_is_an_error(failed: list[str]) -> None:
    assert "there is no client 'shpo'" in str(run("list", "--client", "shpo").exception)


def test_show_tells_the_fields_and_the_story(failed: list[str]) -> None:
    shown = run("show", failed[0]).stdout

    assert "message 0" in shown
    assert "accepted" in shown
    assert "reason=not_configured" in shown
    assert "+14155552671" not in shown


def test_show_as_json_has_the_timeline(failed: list[str]) -> None:
    shown = json.loads(run("show", failed[0], "--json").stdout)

    assert shown["status"] == "FAILED"
    assert [each["event"] for each in shown["timeline"]] == ["accepted", "failed"]


@pytest.mark.parametrize("given", [UNKNOWN_ID, "12", "'; --"])
def test_show_of_an_unknown_id_is_an_error(given: str) -> None:
    assert f"no notification {given}" in str(run("show", given).exception)


def test_a_message_cannot_steer_the_terminal(accept: Accept) -> None:
    notification_id = accept(body="\x1b[2Jgone [bold]or not[/bold]")

    shown = run("show", notification_id).stdout

    assert "\x1b" not in shown
    assert "[bold]or not[/bold]" in shown


def test_a_provider_that_repeats_the_recipient_does_not_unmask_it(accept: Accept) -> None:
    notification_id = accept()
    with unit_of_work() as uow:
        detail = """{"detail": "The number +14155552671 is not valid"}"""
        note = "INSERT INTO timeline_entries (notification_id, at, kind, detail) VALUES (:id, now(), 'noted', :detail)"
        uow.session.execute(text(note), {"id": notification_id, "detail": detail})

    assert "+14155552671" not in run("show", notification_id).stdout
    assert "+14155552671" not in run("show", notification_id, "--json").stdout
    assert "+14155552671" in run("show", notification_id, "--show-recipients").stdout


def test_a_dry_run_counts_and_changes_nothing(failed: list[str], servers: Servers) -> None:
    result = run("retry", "--dry-run")

    assert result.stdout.splitlines()[-1] == "3 would be retried."
    assert "not_configured" in result.stdout
    assert [row(each).status for each in failed] == [Status.FAILED] * 3
    assert queued_chains(servers) == 0


def test_retry_starts_failed_messages_over_with_fresh_tries(failed: list[str], servers: Servers) -> None:
    result = run("retry")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Queued 3 of 3."
    assert [(row(each).status, row(each).attempt_limit) for each in failed] == [(Status.PENDING, 6)] * 3
    assert queued_chains(servers) == 1


def test_retry_takes_no_more_than_its_limit_newest_first(failed: list[str]) -> None:
    result = run("retry", "--limit", "2")

    assert result.stdout.splitlines()[-1] == "Queued 2 of 2."
    assert [row(each).status for each in failed] == [Status.FAILED, Status.PENDING, Status.PENDING]


def test_nothing_to_retry_is_no_error(accept: Accept) -> None:
    accept()

    result = run("retry")

    assert (result.exit_code, result.stdout) == (0, "Nothing to retry: queued 0.\n")


def test_more_than_a_hundred_are_asked_about(accept: Accept, servers: Servers) -> None:
    fail_many(accept, servers, 101)

    refused = run("retry", input="n\n")
    agreed = run("retry", input="y\n")

    assert (refused.exit_code, "Retry 101 notifications?" in refused.stdout) == (1, True)
    assert agreed.stdout.splitlines()[-1] == "Queued 101 of 101."


def test_the_rate_is_in_the_rows_and_every_row_is_met_once(accept: Accept, servers: Servers) -> None:
    fail_many(accept, servers, 60)

    result = run("retry", "--yes", "--rate", "20")

    lines = result.stdout.splitlines()
    assert lines[-1] == "Queued 20 of 60."
    assert lines[-3].startswith("40 follow at 20 a second, the last at ")
    assert "dead-letters stop" in lines[-2]
    assert queued_chains(servers) == 1
    with get_engine().connect() as connection:
        turns = "SELECT next_attempt_at - updated_at FROM notifications WHERE reason = 'retried' ORDER BY 1 NULLS FIRST"
        waits = connection.execute(text(turns)).scalars().all()
    assert waits[:20] == [None] * 20
    assert [round(each.total_seconds(), 2) for each in waits[20:]] == [each / 20 for each in range(20, 60)]


def test_a_turn_is_never_behind_the_expiry(accept: Accept, servers: Servers) -> None:
    fail_many(accept, servers, 3)
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE notifications SET expires_at = now() + interval '1 s' WHERE status = 'FAILED'"))

    run("retry", "--rate", "1")

    with get_engine().connect() as connection:
        late = (
            "SELECT count(*) FROM notifications WHERE next_attempt_at > expires_at OR queue_at > expires_at + '1 min'"
        )
        assert connection.execute(text(late)).scalar_one() == 0


def test_a_turn_that_has_come_is_queued_by_the_sweeper(accept: Accept, servers: Servers) -> None:
    fail_many(accept, servers, 3)
    run("retry", "--rate", "1")
    assert sweeping.sweep_waiting() == 0

    with get_engine().begin() as connection:
        passed = "UPDATE notifications SET next_attempt_at = now(), queue_at = now() WHERE next_attempt_at > now()"
        connection.execute(text(passed))

    assert sweeping.sweep_waiting() == 2


def test_what_fails_again_meanwhile_is_not_met_twice(
    accept: Accept, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_many(accept, servers, 60)
    monkeypatch.setattr(replays, "SLICE", 25)
    with unit_of_work() as uow:
        begun = replays.begin(uow, Filter(), total=1000, rate=100, by="ann")

    for _ in replays.drive(begun.id):
        again = "UPDATE notifications SET status = 'FAILED', queue_at = NULL WHERE reason = 'retried'"
        with get_engine().begin() as connection:
            connection.execute(text(again))

    with get_engine().connect() as connection:
        counts = "SELECT count(*) FROM timeline_entries WHERE kind = 'retried' GROUP BY notification_id"
        assert connection.execute(text(counts)).scalars().all() == [1] * 60


def test_after_ctrl_c_what_was_done_stays_done_and_the_rest_has_failed(
    accept: Accept, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> list[str]:
        if arguments[1].before is not None:
            raise KeyboardInterrupt
        return list(real_ids(*arguments, **options))

    fail_many(accept, servers, 60)
    real_ids = queries.ids
    monkeypatch.setattr(replays, "SLICE", 25)
    monkeypatch.setattr(queries, "ids", interrupted)

    result = run("retry", "--yes")

    assert result.exit_code == 1
    assert "Queued 25 of 60." in result.stdout
    assert count_statuses() == {"PENDING": 26, "FAILED": 35}
    assert replays.sweep() == 0


def test_what_another_target_took_over_is_left_alone(failed: list[str]) -> None:
    with get_engine().begin() as connection:
        query = "UPDATE notifications SET failover_of = CAST(:id AS uuid) WHERE channel = 'email'"
        connection.execute(text(query), {"id": failed[1]})

    result = run("retry")

    assert result.stdout.splitlines()[-1] == "Queued 2 of 2."
    assert row(failed[1]).status == Status.FAILED


def test_a_row_that_somebody_else_retried_meanwhile_is_counted(
    failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ids_then_somebody_else(*arguments: Any, **options: Any) -> list[str]:
        found = real_ids(*arguments, **options)
        with get_engine().begin() as connection:
            query = "UPDATE notifications SET status = 'CANCELLED' WHERE id = CAST(:id AS uuid)"
            connection.execute(text(query), {"id": failed[1]})
        return list(found)

    real_ids = queries.ids
    monkeypatch.setattr(queries, "ids", ids_then_somebody_else)

    result = run("retry")

    assert result.exit_code == 0
    assert "1 could no longer be retried" in result.stdout
    assert result.stdout.splitlines()[-1] == "Queued 2 of 3."


def test_with_the_broker_down_rows_are_stored_and_the_exit_code_says_so(failed: list[str]) -> None:
    # A process of its own: Celery reads the broker's address once.
    command = [sys.executable, "-m", "sentinel", "notifications", "retry"]
    result = subprocess.run(  # noqa: PLW1510 - the exit code is what is asked
        command, env=os.environ | {"BROKER_URL": "redis://127.0.0.1:1/0"}, capture_output=True, text=True, timeout=60
    )

    assert result.returncode == notifications.NOT_QUEUED
    assert "3 are stored as PENDING, the sweeper queues them" in result.stdout
    assert result.stdout.splitlines()[-1] == "Queued 0 of 3."
    assert {row(each).status for each in failed} == {Status.PENDING}


@pytest.mark.parametrize("status", ["SUPPRESSED", "DELIVERED", "fialed"])
def test_only_what_ended_badly_can_be_retried(status: str) -> None:
    result = run("retry", "--status", status)

    assert result.exit_code == 2
    assert "'undelivered', 'failed'" in result.stderr


def test_a_time_that_is_not_understood_names_the_forms_that_are() -> None:
    result = run("list", "--since", "yesterday")

    assert result.exit_code == 2
    assert "'yesterday' is not a time" in result.stderr
    assert "1h" in result.stderr
