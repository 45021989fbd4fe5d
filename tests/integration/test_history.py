"""A short memory of counters: looks at them, taken once, kept for as long as people may want to see."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import redis
from time_machine import travel

from sentinel import metrics
from sentinel.broker import celery
from sentinel.embedded.servers import Servers
from sentinel.queries import diagnosis
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import history
from sentinel.services.watching.curves import ACCEPTED, FAILED, SENT
from sentinel.services.watching.history import COARSE, FINE, WINDOWS, WORKERS
from sentinel.store import get_store
from tests.conftest import Configure

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def look(at: datetime) -> int:
    """Let beat ring at a moment: the counters are brought, and the turn before is over."""
    metrics.flush()
    get_store().delete(f"{history.KEY}:turn")
    with travel(at, tick=False):
        return history.sample()


def send(number: int, failed: int = 0) -> None:
    metrics.count("notifications_accepted_total", number + failed, channel="sms")
    metrics.count("notifications_sent_total", number, channel="sms", provider="sandbox")
    if failed:
        metrics.count("notifications_failed_total", failed, channel="sms", reason="invalid")


def test_what_was_counted_between_two_looks_is_a_step(database: Configure) -> None:
    send(5)
    look(NOON)
    send(30, failed=2)
    metrics.count("notifications_undelivered_total", channel="sms", reason="unreachable")
    look(NOON + timedelta(seconds=10))

    [found] = history.recent(WINDOWS[0], now=NOON.timestamp() + 11)

    [step] = found.steps
    assert (step.seconds, found.totals[ACCEPTED], found.totals[SENT], found.totals[FAILED]) == (10, 32, 30, 3)


def test_two_beats_look_once(database: Configure) -> None:
    look(NOON)

    with travel(NOON + timedelta(seconds=1), tick=False):
        assert history.sample() == 0

    assert get_store().llen(FINE.key) == 1


def test_a_day_is_kept_in_steps_of_five_minutes_and_ends_with_the_newest_look(database: Configure) -> None:
    for minutes in (0, 5, 10):
        look(NOON + timedelta(minutes=minutes))
        send(100)
    look(NOON + timedelta(minutes=10, seconds=10))

    [day] = history.recent(WINDOWS[2], now=(NOON + timedelta(minutes=11)).timestamp())

    assert [step.amounts and step.amounts[ACCEPTED] for step in day.steps] == [100, 200]
    assert get_store().llen(COARSE.key) == 3


def test_no_list_grows_beyond_what_is_shown(database: Configure) -> None:
    store = get_store()
    for track in history.TRACKS:
        store.rpush(track.key, *[orjson.dumps([NOON.timestamp() - 9000, [0, 0, 0, 0]])] * 2000)

    look(NOON)

    assert [store.llen(track.key) for track in (FINE, COARSE, WORKERS)] == [361, 289, 17]


def test_a_clock_that_was_set_back_does_not_stop_it(database: Configure) -> None:
    look(NOON)

    assert look(NOON - timedelta(hours=1)) == 3


def test_what_workers_did_is_kept_by_name_and_what_beat_rang_apart(database: Configure) -> None:
    for task, number in (("tasks.delivery.deliver", 3), ("tasks.maintenance.sweep_leases", 7)):
        metrics.count("worker_tasks_total", number, worker="alice", task=task)
        metrics.observe("worker_task_seconds", *[0.5] * number, worker="alice", task=task)
    metrics.count("worker_task_errors_total", worker="alice", task="tasks.delivery.deliver")
    look(NOON)

    [(at, works)] = history.works()

    assert (at, works) == (NOON.timestamp(), {"alice": [3.0, 1.5, 7.0, 1.0]})


def test_it_says_that_it_ran(database: Configure) -> None:
    look(NOON)

    with unit_of_work() as uow:
        assert diagnosis.sweeper_runs(uow.session)[history.SWEEPER] == NOON
    assert history.SWEEPER.replace("_", "-") in celery.conf.beat_schedule


def test_while_redis_is_away_nothing_is_kept_and_nothing_breaks(database: Configure, servers: Servers) -> None:
    database(REDIS_URL="redis://127.0.0.1:1/0")

    assert history.sample() == 0
    with pytest.raises(redis.RedisError):
        history.recent(WINDOWS[0], now=time.time())


def test_a_look_moves_only_the_series_that_it_wants(database: Configure) -> None:
    for client in range(50):
        metrics.count("events_ingested_total", client=str(client))
    send(1)
    metrics.flush()

    found = metrics.totals_like('["notifications_*')

    assert found == {
        ("notifications_accepted_total", "sms"): 1,
        ("notifications_sent_total", "sms", "sandbox"): 1,
    }
