"""`sentinel demo-data`: the data that people try and measure with."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from sentinel.cli.demo import demo_data
from sentinel.db import get_engine
from sentinel.errors import ConflictError
from sentinel.models.status import Status
from tests.conftest import Configure
from tests.integration.calls import stored
from tests.integration.rules import happen, told

ALERT = {"severity": "HIGH", "source": "api", "name": "timeout"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(demo_data, arguments, catch_exceptions=False)


def counts() -> tuple[int, int, int]:
    with get_engine().connect() as connection:
        row = connection.execute(
            text("""
                SELECT (SELECT count(*) FROM clients WHERE name LIKE 'demo-%'), (SELECT count(*) FROM rules),
                       (SELECT count(*) FROM endpoints)
            """)
        ).one()
        return (row[0], row[1], row[2])


def test_every_client_gets_288_rules_and_an_email_and_a_webhook_for_each() -> None:
    printed = run("--clients", "3").stdout

    assert counts() == (3, 864, 1728)
    assert "3 clients, 864 rules, 1,728 endpoints." in printed


def test_an_alert_is_told_once_to_every_client_and_an_unknown_one_to_nobody() -> None:
    run("--clients", "3")

    known, _ = happen(ALERT, ALERT | {"name": "validation"}, is_broadcast=True)

    messages = told()
    assert {each.event_id for each in messages} == {known}
    assert [each.recipient for each in messages] == [f"demo-{number:03d}@demo.example" for number in (1, 2, 3)]
    assert {each.status for each in messages} == {Status.PENDING}


def test_webhooks_are_told_too_when_they_are_switched_on() -> None:
    run("--clients", "2", "--webhooks")

    happen(ALERT, is_broadcast=True)

    assert sorted(each.channel for each in told()) == ["email", "email", "webhook", "webhook"]


def test_demo_rules_that_are_there_are_replaced_only_when_that_is_meant() -> None:
    run("--clients", "2")

    with pytest.raises(ConflictError, match="rules of 2 demo clients; --yes replaces them"):
        run("--clients", "3")
    run("--clients", "3", "--yes")

    assert counts() == (3, 864, 1728)
    assert stored("rule_versions") == 2 * 288 + 3 * 288


def test_nothing_is_made_where_its_messages_would_leave_the_machine(database: Configure) -> None:
    database(SMTP_HOST="mail.example.com", SMTP_FROM_EMAIL="a@example.com")

    with pytest.raises(ConflictError, match="email is served by smtp"):
        run("--clients", "1")

    assert stored("rules") == 0
