"""`sentinel dead-letters` as an operator meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.cli.notifications import NOT_QUEUED
from sentinel.models.status import Status
from sentinel.queries import dead_letters
from sentinel.queries.notifications import Filter
from sentinel.services.bookkeeping import replays
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row

OTHER = "+14155552679"


def run(*arguments: str, **options: str) -> Result:
    return CliRunner().invoke(cli, ["dead-letters", *arguments], **options)  # type: ignore[arg-type]


@pytest.fixture
def failed(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure) -> list[str]:
    """Two text messages that used up their only try."""
    database(SENTINEL_MAX_ATTEMPTS="1")
    ids = [accept(body=f"message {number}") for number in range(2)]
    provider.script(*[refused(503, 20503)] * 2)
    run_pipeline(ids)
    return ids


def test_the_list_counts_by_cause(failed: list[str]) -> None:
    line = run("list").stdout.splitlines()[2]

    assert line.split()[:6] == ["2", "default", "sms", "FAILED", "attempts_exhausted", "twilio"]
    assert failed[1] in line


def test_the_list_as_json_is_that_of_the_api(failed: list[str]) -> None:
    (group,) = json.loads(run("list", "--json").stdout)

    assert (group["count"], group["example_id"], group["client"]) == (2, failed[1], "default")


def test_show_has_each_letter_with_the_last_words_of_its_provider(failed: list[str]) -> None:
    result = run("show", "--reason", "attempts_exhausted")

    assert all(each in result.stdout for each in failed)
    assert "20503" in result.stdout
    assert "+14155552671" not in result.stdout
    assert "+14155552671" in run("show", "--show-recipients").stdout
    assert run("show", "--channel", "email").stdout.count("\n") <= 2


def test_show_as_json_has_the_last_try(failed: list[str]) -> None:
    letters = json.loads(run("show", "--json").stdout)

    assert [each["id"] for each in letters] == failed[::-1]
    assert letters[0]["last_try"]["provider_code"] == "20503"
    assert letters[0]["recipient"] == "+1415•••2671"


def test_a_list_of_letters_that_is_cut_says_so(failed: list[str]) -> None:
    assert "raise --limit" in run("show", "--limit", "1").stderr


def test_replay_starts_letters_over(failed: list[str]) -> None:
    assert run("replay", "--dry-run").stdout.splitlines()[-1] == "2 would be retried."
    assert run("replay", "--channel", "email").stdout == "Nothing to retry: queued 0.\n"

    assert run("replay").stdout.splitlines()[-1] == "Queued 2 of 2."
    assert {row(each).status for each in failed} == {Status.PENDING}


def test_replays_are_listed_and_a_running_one_can_be_stopped(failed: list[str]) -> None:
    with unit_of_work() as uow:
        replay_id = replays.begin(uow, Filter(), total=2, rate=1, by="ann").id

    listed = run("replays").stdout.splitlines()[2].split()
    stopped = run("stop", str(replay_id))
    again = run("stop", str(replay_id))

    assert (listed[0], listed[3:7]) == (str(replay_id), ["ann", "all", "running", "0/2"])
    assert stopped.stdout == f"Stopped replay {replay_id}: 2 of 2 letters stay as they are.\n"
    assert (again.exit_code, "only a running one" in str(again.exception)) == (1, True)
    assert json.loads(run("replays", "--json").stdout)[0]["status"] == "stopped"


def test_edit_mends_a_letter_and_starts_it_over(failed: list[str]) -> None:
    result = run("edit", failed[0], "--recipient", OTHER, "--body", "Mended")

    assert (result.exit_code, result.stdout) == (0, f"Queued {failed[0]}.\n")
    assert (row(failed[0]).status, row(failed[0]).recipient, row(failed[0]).body) == ("PENDING", OTHER, "Mended")


def test_old_and_new_recipient_are_masked_in_the_story(failed: list[str]) -> None:
    run("edit", failed[0], "--recipient", OTHER)

    shown = CliRunner().invoke(cli, ["notifications", "show", failed[0]]).stdout

    assert "recipient_was=+1415•••2671" in shown
    assert OTHER not in shown
    assert "+14155552671" not in shown


def test_an_edit_of_nothing_is_refused(failed: list[str]) -> None:
    result = run("edit", failed[0])

    assert (result.exit_code, "--recipient, --subject or --body" in result.stderr) == (2, True)


def test_with_the_broker_down_an_edit_is_stored_and_says_so(failed: list[str]) -> None:
    # A process of its own: Celery reads the broker's address once.
    command = [sys.executable, "-m", "sentinel", "dead-letters", "edit", failed[0], "--body", "Mended"]
    result = subprocess.run(  # noqa: PLW1510 - the exit code is what is asked
        command, env=os.environ | {"BROKER_URL": "redis://127.0.0.1:1/0"}, capture_output=True, text=True, timeout=60
    )

    assert result.returncode == NOT_QUEUED
    assert "stored as PENDING" in result.stdout
    assert (row(failed[0]).status, row(failed[0]).body) == (Status.PENDING, "Mended")


def test_what_is_not_among_the_largest_groups_is_replayed_too(
    failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute("UPDATE notifications SET reason = 'other' WHERE id = :id", id=failed[0])
    monkeypatch.setattr(dead_letters, "MOST_GROUPS", 1)

    assert run("replay").stdout.splitlines()[-1] == "Queued 2 of 2."
