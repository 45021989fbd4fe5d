"""Heartbeats of which several know at once: a change is told once, and the last one that was told stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.queries.heartbeats import Signal
from sentinel.services.access.clients import Caller
from sentinel.services.matching import matching
from sentinel.services.proving import heartbeats, signals
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from tests.integration.calls import execute
from tests.integration.meanwhile import begun_during, held
from tests.integration.rules import client, rule, tickets
from tests.integration.test_heartbeats import BACKUP, define, events, let_time_pass, row


def come_back(uow: UnitOfWork) -> Any:
    return signals.take(uow, client(), "backup", Signal())


def be_paused(uow: UnitOfWork) -> Any:
    return heartbeats.pause(uow, Caller(client(), "default", frozenset()), "backup", is_paused=True)


def be_removed(uow: UnitOfWork) -> Any:
    return heartbeats.delete(uow, Caller(client(), "default", frozenset()), "backup")


@pytest.mark.parametrize("end", [come_back, be_paused, be_removed])
def test_what_ends_it_happens_after_what_began_it_however_long_it_waited(
    api: FlaskClient, end: Callable[[UnitOfWork], Any]
) -> None:
    rule('when event.type == "heartbeat" and status == "firing" then ticket("high", "down", merge="name")')
    rule('when event.type == "heartbeat" and status == "resolved" then resolve(merge="name")')
    define(api)
    let_time_pass(3661)

    with unit_of_work() as early:  # it came before the sweep, and waited until that was over
        assert signals.sweep() == 1
        end(early)

    began, ended = sorted(events(), key=lambda each: each.body["status"])
    assert began.occurred_at < ended.occurred_at
    matching.match([each.id for each in events()])
    with get_engine().connect() as connection:
        assert connection.execute(text("SELECT is_firing FROM firing_alerts")).scalar_one() is False
    assert [each.status for each in tickets()] == ["resolved"]


def test_a_signal_waits_for_the_one_before_it_and_sees_what_that_has_made(api: FlaskClient) -> None:
    define(api)
    goes_down = "UPDATE heartbeats SET status = 'down', reason = 'failed', downs = 1, due_at = NULL"

    answer = begun_during(goes_down, lambda: api.post(BACKUP, json={"status": "fail"}))

    assert answer.get_json()["state"] == "down"
    assert (events(), row().downs) == ([], 1)


def test_a_sweeper_passes_by_what_is_held(api: FlaskClient) -> None:
    define(api)
    execute("UPDATE heartbeats SET due_at = now()")

    with held("SELECT 1 FROM heartbeats FOR UPDATE"):
        assert signals.sweep() == 0
    assert signals.sweep() == 1
