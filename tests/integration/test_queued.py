"""What lies in queues, looked at without taking it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import redis

from sentinel import queued
from sentinel.broker import celery, publish_accepted, publish_delivery, queue_lengths
from sentinel.embedded.servers import Servers
from sentinel.errors import NotFoundError
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import queues
from sentinel.services.watching.gauges import get_gauges
from tests.conftest import Configure

IDS = [str(uuid.uuid4()) for _ in range(3)]


@pytest.fixture(autouse=True)
def _empty_queues(database: Configure) -> Iterator[None]:
    get_gauges.forget()
    purge()
    yield
    purge()
    get_gauges.forget()


def purge() -> None:
    with celery.connection_for_write() as connection:
        for queue in celery.conf.task_queues:
            queue(connection.default_channel).purge()


def test_a_chain_is_seen_with_its_ids_and_what_comes_after_it_and_stays_where_it_is() -> None:
    publish_accepted("sms", IDS)

    [message] = queues.next_messages("pipeline", most=20) or []

    assert (message.task, message.channel, message.ids) == ("tasks.pipeline.evaluate", "sms", tuple(IDS))
    assert message.following == ("tasks.pipeline.dedupe", "tasks.pipeline.rate_limit", "tasks.delivery.deliver")
    with celery.connection_for_read() as connection:
        assert queue_lengths(connection)["pipeline"] == 1


def test_what_is_taken_next_comes_first_and_no_more_than_was_asked_for() -> None:
    for each in IDS:
        publish_delivery("sms", [each])

    found = queues.next_messages("sms.retry", most=2) or []

    assert [message.ids for message in found] == [(IDS[0],), (IDS[1],)]


def test_what_workers_have_in_hand_is_counted(servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as store:
        store.hset("sentinel:unacked", mapping={"a": "1", "b": "2"})
        with unit_of_work() as uow:
            seen = queues.look(uow)
        store.delete("sentinel:unacked")

    assert (seen.in_hand, seen.is_broker_up, seen.can_be_seen) == (2, True, True)


def test_each_queue_says_what_it_is_for_and_who_serves_it() -> None:
    publish_accepted("events", IDS)

    with unit_of_work() as uow:
        found = {queue.name: queue for queue in queues.look(uow).queues}

    assert set(found) == {queue.name for queue in celery.conf.task_queues}
    assert (found["pipeline"].length, found["pipeline"].workers) == (1, ())
    assert found["sms.retry"].purpose.startswith("later tries")


def test_there_is_no_queue_of_another_name() -> None:
    with unit_of_work() as uow, pytest.raises(NotFoundError):
        queues.look_at(uow, "unacked")


def test_rabbitmq_lets_nobody_look(database: Configure) -> None:
    database(BROKER_URL="amqp://127.0.0.1:1//")

    assert not queued.can_be_seen()
    assert queues.next_messages("sms", most=20) is None
