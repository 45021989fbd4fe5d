"""Workers tell of themselves, and are remembered when they are gone."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from time_machine import travel

from sentinel import presence
from sentinel.broker import celery
from sentinel.errors import ConflictError, NotFoundError
from sentinel.presence import KEPT_SECONDS, MOST_KEPT, TELL_SECONDS, Node
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import workers
from tasks.presence import Teller
from tests.conftest import Configure

NOW = time.time()
ALICE = Node("alice@one", ("sms", "sms.retry"), 4, "thread", 17, NOW - 60, NOW)


@pytest.fixture
def worker(database: Configure, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Celery hands to those who want to know of a worker."""
    amqp = SimpleNamespace(queues=SimpleNamespace(consume_from={"sms.retry": 0, "sms": 0}))
    return SimpleNamespace(hostname="alice@one", concurrency=4, pool_cls="threads", app=SimpleNamespace(amqp=amqp))


def test_a_worker_tells_what_it_listens_to_and_takes_leave(worker: Any) -> None:
    teller = Teller(worker)
    teller.tell_now_and_then()

    [online] = presence.nodes()
    assert (online.name, online.queues, online.slots, online.stopped_at) == ("alice@one", ("sms", "sms.retry"), 4, None)
    assert online.is_online(time.time())

    teller.take_leave()

    [gone] = presence.nodes()
    assert not gone.is_online(time.time())
    assert gone.stopped_at is not None


def test_it_tells_now_and_then_however_often_it_beats(worker: Any) -> None:
    teller = Teller(worker)
    teller.tell_now_and_then()
    presence.forget(["alice@one"])

    teller.tell_now_and_then()

    assert presence.nodes() == []


def test_while_redis_is_away_it_tries_ever_more_rarely(worker: Any, database: Configure) -> None:
    database(REDIS_URL="redis://127.0.0.1:1/0")
    teller = Teller(worker)

    waits = []
    for _ in range(5):
        teller._next_at = 0.0
        teller.tell_now_and_then()
        waits.append(round((teller._next_at - time.monotonic()) / TELL_SECONDS))

    assert waits == [2, 4, 8, 8, 8]


def test_those_that_are_gone_for_long_are_forgotten(database: Configure) -> None:
    for node in (ALICE, replace(ALICE, name="bob@one", seen_at=NOW - KEPT_SECONDS - 60)):
        presence.tell(node)

    presence.prune()

    assert [node.name for node in presence.nodes()] == ["alice@one"]


def test_not_more_are_remembered_than_people_can_look_at(database: Configure) -> None:
    for number in range(MOST_KEPT + 3):
        presence.tell(replace(ALICE, name=f"alice@{number:04}", seen_at=NOW - number))

    presence.prune()

    names = [node.name for node in presence.nodes()]
    assert (len(names), names[-1]) == (MOST_KEPT, f"alice@{MOST_KEPT - 1:04}")


def test_queues_that_nobody_serves_are_named_with_what_helps(database: Configure) -> None:
    everything = tuple(queue.name for queue in celery.conf.task_queues if not queue.name.startswith("email"))
    presence.tell(replace(ALICE, queues=everything))

    seen = workers.look(datetime.fromtimestamp(NOW, UTC))

    assert (seen.online, seen.lost) == (1, 0)
    assert seen.unserved == {"sentinel worker --channel email": ["email", "email.retry"]}


def test_one_that_is_gone_can_be_forgotten_and_one_that_works_cannot(database: Configure) -> None:
    presence.tell(ALICE)
    presence.tell(replace(ALICE, name="bob@one", stopped_at=NOW))

    with travel(datetime.fromtimestamp(NOW, UTC)):
        with unit_of_work() as uow:
            assert workers.forget(uow, "bob") == 1
        with unit_of_work() as uow, pytest.raises(ConflictError, match="alice works"):
            workers.forget(uow, "alice")
        with unit_of_work() as uow, pytest.raises(NotFoundError):
            workers.forget(uow, "bob")

    assert [node.name for node in presence.nodes()] == ["alice@one"]
