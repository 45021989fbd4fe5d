"""How many events a second one ingest process takes in from a Redis Stream and from Kafka, and for how much CPU."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import orjson
import redis
from confluent_kafka import Producer

from bench import cpu
from bench.context import Context
from bench.figures import Cell, Figures, Table
from bench.installation import Installation, installation
from bench.waiting import wait_for_none
from tests.kafka_broker import KafkaBroker

EACH_SECOND = 4000
"""How many events to offer for each second that a measurement should take."""
WARM_UP = 2000
STREAM, PARTITIONS = "bench", 4
STORED = "SELECT count(*) FROM events"
WATCHED = ("ingest", "postgres", "valkey")

Fill = Callable[[int], None]


def run(context: Context) -> Figures:
    """The process is held while the stream is filled, so that who fills it takes no CPU from it."""
    with installation(context, "streams", workers={}, is_live=False, has_api=False) as running, KafkaBroker() as broker:
        urls = running.system.environment
        with redis.Redis.from_url(urls["REDIS_URL"]) as store:
            ours = ("redis", "--stream", STREAM)
            rows = [measured(running, "Redis Streams", ours, lambda count: fill_redis(store, count))]
        theirs = ("kafka", "--brokers", broker.address, "--topic", STREAM)
        rows.append(measured(running, "Kafka", theirs, lambda count: fill_kafka(broker.address, count)))
    columns = ("stream", "events", "events/s", *(f"{name} CPU µs" for name in WATCHED), "events/s of a core")
    note = "JSON of some 130 bytes without ids, batches of 500, no rules. A core: of the ingest process alone."
    return Figures((Table("Events taken in by one process", columns, tuple(rows), note),))


def measured(running: Installation, name: str, command: tuple[str, ...], fill: Fill) -> tuple[Cell, ...]:
    """Have one process take in a warm-up, and then what is measured."""
    running.context.say(name)
    process = running.system.start("ingest", "ingest", *command, "--client", "bench")
    take_in(running, WARM_UP, fill)
    process.send_signal(signal.SIGSTOP)
    count = int(EACH_SECOND * running.context.seconds)
    before = int(running.ask(STORED)[0])
    fill(count)
    pids = {name: pid for name, pid in running.pids.items() if name in WATCHED}
    started = cpu.read(pids)
    process.send_signal(signal.SIGCONT)
    wait_for_none(lambda: before + count - int(running.ask(STORED)[0]), "events are not stored")
    ended = cpu.read(pids)
    running.system.stop("ingest")
    each = cpu.between(started, ended).per(count)
    rate = count / (ended.at - started.at)
    return (name, count, rate, *(each[name] for name in WATCHED), 1e6 / each["ingest"])


def take_in(running: Installation, count: int, fill: Fill) -> None:
    """Fill the stream and wait until all is stored."""
    before = int(running.ask(STORED)[0])
    fill(count)
    wait_for_none(lambda: before + count - int(running.ask(STORED)[0]), "events are not stored")


def payload(number: int) -> bytes:
    """An event without an id of its own."""
    body: dict[str, Any] = {"type": "order", "source": "shop", "user_id": f"user-{number % 1000}", "amount": number}
    return orjson.dumps(body | {"occurred_at": time.time(), "region": "eu-central", "items": [1, 2, 3]})


def fill_redis(store: redis.Redis, count: int) -> None:
    """Add entries."""
    with store.pipeline(transaction=False) as batch:
        for number in range(count):
            batch.xadd(STREAM, {"data": payload(number)})
        batch.execute()


def fill_kafka(address: str, count: int) -> None:
    """Produce messages to all partitions."""
    producer = Producer({"bootstrap.servers": address, "log_level": 2})
    for number in range(count):
        producer.produce(STREAM, payload(number), partition=number % PARTITIONS)
        producer.poll(0)
    producer.flush(60)
