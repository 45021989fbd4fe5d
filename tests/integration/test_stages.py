"""Stages of one queue: what a worker runs at once, what is left of the chain, and what it asks the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

import tasks  # noqa: F401 - the application, before its tasks
from sentinel import metrics
from sentinel.bell import get_bell
from sentinel.broker import celery
from sentinel.db import get_engine
from tests.conftest import Configure
from tests.integration.conftest import Accept
from tests.rows import row

STAGES = ("evaluate", "dedupe", "rate_limit")
DELIVER = {"task": "tasks.delivery.deliver"}


def run(name: str, ids: Sequence[str], chain: list[dict[str, str]] | None) -> tuple[list[str], Any]:
    """Run a task as a worker would; returns what it returns and what is left of its chain."""
    celery.loader.import_default_modules()
    task = celery.tasks[f"tasks.pipeline.{name}"]
    task.push_request(chain=chain, hostname="alice@here", began=time.monotonic())
    try:
        return task.run(list(ids), channel="sms"), task.request.chain
    finally:
        task.pop_request()


def chain_after(name: str) -> list[dict[str, str]]:
    """The rest of a whole chain, last task first, as Celery's message carries it."""
    following = STAGES[STAGES.index(name) + 1 :]
    return [DELIVER, *({"task": f"tasks.pipeline.{each}"} for each in reversed(following))]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement.split(maxsplit=1)[0])

    event.listen(get_engine(), "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(get_engine(), "before_cursor_execute", note)


def counted(name: str) -> float:
    """How often a task of this worker was counted."""
    return metrics.totals().get(("worker_tasks_total", "alice", f"tasks.pipeline.{name}"), 0.0)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_takes_those_that_follow_it_along_and_leaves_deliver_to_the_broker(name: str, accept: Accept) -> None:
    ids = [accept(), accept()]

    assert run(name, ids, chain_after(name)) == (ids, [DELIVER])


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_comes_alone_runs_alone(name: str, accept: Accept) -> None:
    ids = [accept(dedupe_key="k"), accept(dedupe_key="k")]

    going, chain = run(name, ids, None)

    assert going == (ids[:1] if name == "dedupe" else ids)
    assert chain is None


def test_each_stage_does_its_work_when_they_run_at_once(accept: Accept, database: Configure) -> None:
    database(SENTINEL_LIMITS='[{"scope": "recipient", "rate": "1/minute", "above": "drop"}]')
    gone = accept(recipient="+14155552670", dedupe_key="k")
    first, duplicate, limited = accept(dedupe_key="k"), accept(dedupe_key="k"), accept()
    run("evaluate", [gone], None)

    going, _ = run("evaluate", [gone, first, duplicate, limited], chain_after("evaluate"))

    assert going == [gone, first]
    assert [row(each).reason for each in (duplicate, limited)] == ["duplicate", "rate_limited"]


def test_a_chain_that_ends_in_a_stage_is_not_continued_and_lets_the_next_one_leave(
    accept: Accept, database: Configure
) -> None:
    database(SENTINEL_LIMITS='[{"scope": "recipient", "rate": "1/minute", "above": "drop"}]')
    run("evaluate", [accept()], chain_after("evaluate"))
    get_bell().ring("sms")

    assert run("evaluate", [accept()], chain_after("evaluate")) == ([], None)
    assert get_bell().ring("sms")


def test_stages_that_run_at_once_are_counted_one_by_one(accept: Accept) -> None:
    run("evaluate", [accept()], chain_after("evaluate"))

    # The first one is a task of Celery's, which the worker's signals count.
    assert [counted(name) for name in STAGES] == [0, 1, 1]


def test_rows_that_all_go_on_cost_one_statement(accept: Accept) -> None:
    ids = [accept() for _ in range(3)]
    run("evaluate", ids, chain_after("evaluate"))

    with statements() as found:
        run("evaluate", ids, chain_after("evaluate"))

    assert found == ["SELECT"]


def test_dedupe_keys_cost_two_statements_more(accept: Accept) -> None:
    ids = [accept(dedupe_key="k"), accept()]

    with statements() as found:
        run("evaluate", ids, chain_after("evaluate"))

    assert found == ["SELECT", "WITH", "UPDATE"]
