"""Frequent statements are planned once: each can be, plans are used again, grow old, and survive what goes wrong."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentinel import prepared
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.ids import new_id
from sentinel.models.status import Status
from sentinel.queries import notifications, pipeline
from sentinel.queries.values import array
from sentinel.services.unit_of_work import single_statements, unit_of_work
from tests.conftest import Configure
from tests.integration.conftest import Accept, RunPipeline
from tests.plans.looking import named_statements

USES = text("SELECT name, generic_plans + custom_plans, custom_plans FROM pg_prepared_statements ORDER BY name")


def ask() -> None:
    """Run a statement that is prepared, for an id that there is not."""
    with single_statements() as uow:
        pipeline.candidates(uow.session, [new_id(utc_now())], now=utc_now())


def uses() -> list[tuple[str, int, int]]:
    """Each plan that the connection has: its name, how often it was run, and how often it was made for its values."""
    with single_statements() as uow:
        return [tuple(row) for row in uow.session.execute(USES)]


def test_postgresql_can_tell_the_types_of_each_prepared_statement(database: Configure) -> None:
    assert named_statements()

    with get_engine().connect() as connection:
        for number, statement in enumerate(prepared.PREPARABLE.values()):
            connection.exec_driver_sql(f"PREPARE tried_{number} AS {statement.body.replace('%', '%%')}")

    assert number > 20


def test_a_plan_is_made_once_and_run_again(database: Configure) -> None:
    for _ in range(3):
        ask()

    assert uses() == [("sentinel_1", 3, 0)]


def test_a_plan_that_is_old_is_replaced(database: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "PLAN_SECONDS", 0)

    for _ in range(3):
        ask()

    assert uses() == [("sentinel_3", 1, 0)]


def test_a_plan_stays_when_its_transaction_is_undone(database: Configure) -> None:
    with unit_of_work() as uow:
        pipeline.candidates(uow.session, [new_id(utc_now())], now=utc_now())
        uow.session.rollback()

    ask()

    assert uses() == [("sentinel_1", 2, 0)]


def test_a_statement_that_fails_at_first_is_prepared_again(database: Configure) -> None:
    with pytest.raises(DBAPIError), single_statements() as uow:
        pipeline.candidates(uow.session, ["no id"], now=utc_now())

    ask()
    ask()

    assert ("sentinel_2", 2, 0) in uses()


def test_behind_a_pooler_nothing_is_prepared(database: Configure, accept: Accept, run_pipeline: RunPipeline) -> None:
    database(SENTINEL_PREPARED_STATEMENTS="false")
    sent = accept()

    run_pipeline([sent])

    with single_statements() as uow:
        row = notifications.get(uow.session, sent, client_id=None)
        assert row is not None
        assert row.status == Status.SENT
    assert uses() == []


def test_a_percent_sign_and_a_repeated_parameter_survive(database: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "PREPARABLE", {})
    database()
    statement = prepared.prepared("SELECT CAST(:a AS text) || '%' || :b || :a WHERE 5 % 2 = 1")

    with unit_of_work() as uow:
        said = [uow.session.execute(statement, {"a": "x'", "b": array(["y"])}).scalar_one() for _ in range(2)]

    assert said == ["x'%{y}x'"] * 2
    assert len(uses()) == 1
