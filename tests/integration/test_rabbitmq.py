"""A real RabbitMQ, and what Sentinel makes of it when BROKER_URL names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import amqp
import pytest

from sentinel.rabbitmq import DELIVERY_LIMIT, QUEUE_ARGUMENTS
from tests.rabbitmq import RabbitMQ
from tests.system import SENTINEL

pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")]

Ask = Callable[..., Any]

LENGTHS = """
with broker.celery.connection_for_read() as connection:
    answer = broker.queue_lengths(connection)
"""


@pytest.fixture
def ask(rabbitmq: RabbitMQ) -> Ask:
    """Run lines that set `answer`, in a process of its own: Celery reads the broker's URL once."""

    def asked(lines: str, **variables: str) -> Any:
        code = f"import json\nfrom sentinel import broker\n{lines}\nprint(json.dumps(answer))"
        environment = os.environ | {"BROKER_URL": rabbitmq.url} | variables
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    return asked


@pytest.fixture
def channel(rabbitmq: RabbitMQ) -> Iterator[amqp.Channel]:
    """A channel of somebody else, on queues that are removed before and after."""
    with amqp.Connection(rabbitmq.url.partition("@")[2].rstrip("/")) as connection:
        found = connection.channel()
        for name in ("pipeline", "receipts", "full"):
            found.queue_delete(name)
        yield found
        for name in ("pipeline", "receipts", "full"):
            connection.channel().queue_delete(name)


def test_every_queue_is_a_quorum_queue_with_a_limit_for_messages_that_kill_workers(
    ask: Ask, channel: amqp.Channel
) -> None:
    lengths = ask(LENGTHS)

    assert set(lengths) >= {"pipeline", "receipts", "maintenance", "sms", "sms.retry"}
    for name in lengths:
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=dict(QUEUE_ARGUMENTS))
    with pytest.raises(amqp.PreconditionFailed):
        channel.queue_declare("pipeline", durable=True, auto_delete=False)


def test_a_message_is_handed_over_before_any_worker_was_there(ask: Ask, channel: amqp.Channel) -> None:
    assert ask("answer = broker.publish_accepted(broker.RECEIPTS, ['a', 'b'])") is True

    message = channel.basic_get("receipts", no_ack=True)
    assert json.loads(message.body)[0] == [["a", "b"]]


def test_a_message_that_the_broker_refuses_is_known_to_be_lost(ask: Ask, channel: amqp.Channel) -> None:
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.exchange_declare("sentinel", "topic", durable=True, auto_delete=False)
    channel.queue_declare("full", durable=True, auto_delete=False, arguments=full)
    channel.queue_bind("full", "sentinel", "receipts")

    assert ask("answer = [broker.publish_accepted(broker.RECEIPTS, [each]) for each in 'ab']") == [True, False]


def test_a_message_that_kills_its_workers_is_given_up_at_last(
    ask: Ask, channel: amqp.Channel, rabbitmq: RabbitMQ
) -> None:
    ask("answer = broker.publish_accepted(broker.RECEIPTS, ['a'])")

    deaths = 0
    while (held := channel.connection.channel()).basic_get("receipts") is not None:
        held.close()
        deaths += 1

    assert deaths == DELIVERY_LIMIT + 1


def test_over_tls_the_server_must_be_the_one_that_the_url_names(
    ask: Ask, channel: amqp.Channel, rabbitmq: RabbitMQ
) -> None:
    publish = "answer = broker.publish_accepted(broker.RECEIPTS, ['a'])"
    trusted = {"SSL_CERT_FILE": str(rabbitmq.certificate)}

    assert ask(publish, BROKER_URL=rabbitmq.tls_url(), **trusted) is True
    assert ask(publish, BROKER_URL=rabbitmq.tls_url()) is False
    # The same address, under a name that is not in the certificate.
    assert ask(publish, BROKER_URL=rabbitmq.tls_url("127.1"), **trusted) is False


def test_the_doctor_names_the_server_and_its_version(rabbitmq: RabbitMQ) -> None:
    environment = os.environ | {"BROKER_URL": rabbitmq.url}

    told = subprocess.run(
        [SENTINEL, "doctor"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert f"broker           {rabbitmq.server.spec.identify()}" in told.stdout
    assert "2 * SENTINEL_TASK_TIME_LIMIT_SECONDS (360 s) < RabbitMQ's consumer_timeout (1800 s)" in told.stdout
