"""`kill -9` of a process that takes in a stream: every entry is stored, once, and none stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from tests.conftest import Configure
from tests.kafka_broker import KafkaBroker
from tests.system import System, eventually, running_system

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

COUNT = 10_000
STREAM, GROUP = "sentinel:events", "sentinel"
PARTITIONS = 4


@pytest.fixture
def system(database: Configure, tmp_path: Path) -> Iterator[System]:
    """An installation of which only the ingest process runs: nobody is asked what the events mean."""
    with running_system(tmp_path) as found:
        yield found


def stored_ids() -> list[str]:
    with get_engine().connect() as connection:
        return list(connection.execute(text("SELECT event_id FROM events")).scalars())


def test_a_killed_reader_of_a_redis_stream_loses_and_doubles_nothing(system: System, servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as store:
        with store.pipeline(transaction=False) as batch:
            for number in range(COUNT):
                batch.xadd(STREAM, {"data": f'{{"type": "order", "number": {number}}}'})
            wanted = {f"{STREAM}:{key.decode()}" for key in batch.execute()}
        command = ("ingest", "redis", "--stream", STREAM, "--client", "default", "--batch", "50")
        system.start("ingest", *command)
        eventually(lambda: len(stored_ids()) > COUNT / 20, seconds=60, message="the first events")

        system.kill("ingest")
        assert len(stored_ids()) < COUNT
        system.start("ingest", *command)

        eventually(lambda: len(stored_ids()) >= COUNT, seconds=60, message=lambda: system.log("ingest"))
        eventually(lambda: not store.xpending(STREAM, GROUP)["pending"], seconds=10, message="nothing pending")
        assert sorted(stored_ids()) == sorted(wanted)
        assert store.xinfo_groups(STREAM)[0]["lag"] == 0
        assert system.stop("ingest") == 0
        assert "ingest_stopped" in system.log("ingest")


def test_a_killed_reader_of_kafka_loses_and_doubles_nothing(system: System) -> None:
    confluent_kafka = pytest.importorskip("confluent_kafka", reason="needs the extra: install sentinel[kafka]")
    with KafkaBroker() as broker:
        producer = confluent_kafka.Producer({"bootstrap.servers": broker.address})
        for number in range(COUNT):
            producer.produce("orders", b'{"type": "order"}', partition=number % PARTITIONS)
            producer.poll(0)
        assert producer.flush(30) == 0
        command = ("ingest", "kafka", "--brokers", broker.address, "--topic", "orders", "--client", "default")
        options = ("--batch", "50", "--set", "session.timeout.ms=2000", "--set", "heartbeat.interval.ms=500")
        system.start("ingest", *command, *options)
        eventually(lambda: len(stored_ids()) > COUNT / 20, seconds=60, message="the first events")

        system.kill("ingest")
        assert len(stored_ids()) < COUNT
        system.start("ingest", *command, *options)

        eventually(lambda: len(stored_ids()) >= COUNT, seconds=60, message=lambda: system.log("ingest"))
        each = COUNT // PARTITIONS
        wanted = [f"orders:{partition}:{offset}" for partition in range(PARTITIONS) for offset in range(each)]
        assert sorted(stored_ids()) == sorted(wanted)
        assert system.stop("ingest") == 0
        asking = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": GROUP})
        places = [confluent_kafka.TopicPartition("orders", partition) for partition in range(PARTITIONS)]
        assert [found.offset for found in asking.committed(places, timeout=10)] == [each] * PARTITIONS
        asking.close()
