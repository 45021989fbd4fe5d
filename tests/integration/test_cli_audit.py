"""`sentinel audit` as an operator meets it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from sentinel.cli import cli
from sentinel.queries import books
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["audit", *arguments], input=answer)


@pytest.fixture
def waiting(accept: Accept, database: Configure) -> list[str]:
    """Two text messages and a mail that wait."""
    return [accept(), accept(), accept(channel="email", recipient="anna@example.com")]


def test_books_that_balance_say_so(waiting: list[str]) -> None:
    result = run()

    assert result.exit_code == 0
    assert [line.split()[1:3] for line in result.stdout.splitlines() if line.rstrip().endswith("ok")] == [
        ["email", "1"],
        ["sms", "2"],
    ]
    assert result.stdout.splitlines()[-1].startswith("3 notifications since ")
    assert result.stdout.endswith("the books balance.\n")


def test_an_empty_database_balances(database: Configure) -> None:
    result = run("--since", "2d")

    assert (result.exit_code, "0 notifications" in result.stdout) == (0, True)


def test_a_discrepancy_is_listed_by_id_with_a_remedy(waiting: list[str]) -> None:
    execute("UPDATE notifications SET attempts = 1 WHERE id = :id", id=waiting[0])

    result = run()

    assert result.exit_code == 1
    assert waiting[0] in result.stdout
    assert waiting[1] not in result.stdout
    assert "attempts_differ (1): its number of tries" in result.stdout
    assert "→ look at its timeline" in result.stdout
    assert result.stdout.endswith("1 discrepancies.\n")


def test_a_row_that_vanished_is_missed_until_the_books_are_settled(waiting: list[str]) -> None:
    execute("DELETE FROM notifications WHERE id = :id", id=waiting[0])

    assert "-1" in run().stdout
    refused = run("--settle", answer="n\n")
    assert (refused.exit_code, run().exit_code) == (1, 1)
    settled = run("--settle", "--yes")

    assert (settled.exit_code, settled.stderr.splitlines()[-1]) == (0, "Settled 1.")
    assert run().exit_code == 0


def test_the_reasons_of_bad_ends_are_counted(waiting: list[str]) -> None:
    execute(
        "UPDATE notifications SET status = 'FAILED', reason = 'invalid', queue_at = NULL WHERE id = :id", id=waiting[0]
    )

    assert ["failed", "invalid", "1"] in [line.split() for line in run().stdout.splitlines()]


def test_as_json_there_is_a_balance_of_each_client(waiting: list[str]) -> None:
    execute("UPDATE notifications SET attempts = 1 WHERE id = :id", id=waiting[0])

    result = run("--json")

    report = json.loads(result.stdout)
    assert (result.exit_code, report["checked"], report["discrepancies"]) == (1, 3, 1)
    assert [(each["client"], each["channel"], each["accepted"]) for each in report["balance"]] == [
        ("default", "email", 1),
        ("default", "sms", 2),
    ]
    assert [each["id"] for each in report["found"]] == [waiting[0]]


def test_one_client_alone(waiting: list[str]) -> None:
    CliRunner().invoke(cli, ["keys", "create", "--client", "shop", "--name", "x"])
    execute("UPDATE notifications SET attempts = 1 WHERE id = :id", id=waiting[0])

    assert run("--client", "shop").exit_code == 0
    assert "there is no client 'shpo'" in str(run("--client", "shpo").exception)


def test_a_statement_that_takes_too_long_is_one_sentence(
    waiting: list[str], database: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "FIRST_DAY", text("SELECT CAST(pg_sleep(3) AS text)"))
    database(SENTINEL_STATEMENT_TIMEOUT_SECONDS="1")

    assert "narrow the command with --since" in str(run().exception)
