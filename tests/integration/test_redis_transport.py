"""Our transport on a real Redis: one client per channel, safe among threads and after a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from celery import Celery
from kombu.entity import Queue
from kombu.transport import get_transport_cls
from kombu.transport import redis as stock

from sentinel.broker import celery, publish_pipeline
from sentinel.embedded.servers import Servers
from sentinel.redis_transport import Channel, Transport

SCHEMES = {"redis": True, "rediss": True, "amqp": False}
LETTERS = Queue("letters", routing_key="letters")  # type: ignore[no-untyped-call]


@pytest.fixture
def connection() -> Iterator[Any]:
    """A connection as every process of ours has it."""
    with celery.connection_for_write() as opened:
        yield opened


def test_brokers_on_redis_are_reached_by_our_transport_and_others_by_their_own() -> None:
    reached = {url: celery.connection_for_write(f"{url}://broker.example.com").transport_cls for url in SCHEMES}

    assert {url: get_transport_cls(alias) is Transport for url, alias in reached.items()} == SCHEMES


def test_a_rediss_broker_is_still_spoken_to_over_tls() -> None:
    assert celery.connection_for_write("rediss://broker.example.com?ssl_cert_reqs=required").ssl


def test_a_channel_keeps_its_client(connection: Any) -> None:
    channel: Any = connection.channel()

    with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
        assert first is second


def test_the_client_that_listens_is_another(connection: Any) -> None:
    channel: Any = connection.channel()

    with channel.conn_or_acquire() as kept:
        assert channel.client is not kept


def test_a_client_does_not_outlive_its_pool(connection: Any) -> None:
    channel: Any = connection.channel()
    with channel.conn_or_acquire() as before:
        pass
    channel._disconnect_pools()  # as kombu does when the broker is lost, and in a child

    with channel.conn_or_acquire() as after:
        assert after.connection_pool is channel.pool is not before.connection_pool
        assert after.ping()


def test_a_connection_whose_broker_is_lost_closes_though_messages_are_under_way(connection: Any) -> None:
    letters = connection.SimpleQueue(LETTERS)
    letters.put({"ids": ["a"]})
    message = letters.get(timeout=5)
    letters.queue.purge()
    # A worker's first try to close ends in the middle, and leaves a channel without a transport.
    letters.channel._disconnect_pools()
    connection.transport.client = None

    with pytest.raises(connection.connection_errors, match="no connection any more"):
        message.ack()
    connection.close()

    assert letters.channel.closed


def test_a_message_is_taken_acknowledged_and_gone(connection: Any, servers: Servers) -> None:
    with connection.SimpleQueue(LETTERS) as letters, redis.Redis.from_url(servers.redis_url) as store:
        letters.put({"ids": ["a"]})
        message = letters.get(timeout=5)
        assert store.hlen("sentinel:unacked") == 1

        message.ack()

        assert message.payload == {"ids": ["a"]}
        assert store.keys("sentinel:unacked*") == []


def test_a_message_that_is_given_back_comes_again(connection: Any) -> None:
    with connection.SimpleQueue(LETTERS) as letters:
        letters.put("once")
        letters.get(timeout=5).requeue()

        again = letters.get(timeout=5)
        again.ack()

        assert (again.payload, again.headers["redelivered"]) == ("once", True)


def test_threads_share_a_channel_without_losing_a_message(connection: Any) -> None:
    with connection.SimpleQueue(LETTERS) as letters, connection.Producer() as producer:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: producer.publish(number, routing_key="letters"), range(400)))

        taken = [letters.get(timeout=5) for _ in range(400)]
        for message in taken:
            message.ack()

    assert sorted(message.payload for message in taken) == list(range(400))


def test_parent_and_child_do_not_mix_up_their_answers(connection: Any) -> None:
    channel: Any = connection.channel()
    with channel.conn_or_acquire() as client:
        client.ping()
    child = os.fork()
    if child == 0:
        try:
            with channel.conn_or_acquire() as client:
                alike = all(client.echo(f"child {number}") == f"child {number}".encode() for number in range(500))
        except BaseException:  # noqa: BLE001 - a child must not run on into the tests
            alike = False
        os._exit(0 if alike else 1)

    with channel.conn_or_acquire() as client:
        assert all(client.echo(f"parent {number}") == f"parent {number}".encode() for number in range(500))
    assert os.waitpid(child, 0)[1] == 0


def test_what_we_replace_is_still_there_in_kombu() -> None:
    """A new kombu that goes other ways would silently leave our client unused."""
    assert Channel.__mro__[1] is stock.Channel
    assert "_create_client" in vars(stock.Channel)
    acquire: Any = stock.Channel.conn_or_acquire
    assert "_create_client" in acquire.__wrapped__.__code__.co_names


def test_what_we_queue_goes_to_our_broker_whichever_application_the_process_made_last(servers: Servers) -> None:
    other = Celery("other", broker="memory://")
    try:
        assert publish_pipeline("sms", ["01980000-0000-7000-8000-000000000000"])
    finally:
        celery.set_current()
        other.close()

    with redis.Redis.from_url(servers.redis_url) as store:
        assert store.llen("sentinel:pipeline") == 1
        store.delete("sentinel:pipeline")
