"""Topics of Kafka into the table of events, from a broker that speaks the protocol over TCP."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import pytest

from sentinel import stopping
from sentinel.embedded.servers import Servers
from sentinel.errors import ConfigurationError
from sentinel.imports import hidden
from sentinel.ingest.entries import Entry, Form, Intake, Pace
from sentinel.ingest.event_pb2 import Event
from sentinel.ingest.loop import take_turn
from sentinel.ingest.outage import AwayError, Patience
from sentinel.ingest.storing import store
from tests.conftest import Configure
from tests.integration.ingest import counted, stored
from tests.kafka_broker import KafkaBroker
from tests.system import eventually

confluent_kafka = pytest.importorskip("confluent_kafka", reason="needs the extra: install sentinel[kafka]")
from sentinel.ingest import kafka  # noqa: E402 - only where its library is
from sentinel.ingest.kafka import KafkaTopics  # noqa: E402 - as above

INTAKE = Intake("kafka", "default")
QUICK = {"session.timeout.ms": "2000", "heartbeat.interval.ms": "200"}
"""A rebalance of the mock cluster takes a second less than a session."""
numbers = count()


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    with KafkaBroker() as running:
        yield running


@pytest.fixture
def topic() -> str:
    """A topic of this test alone: the broker lives longer than one."""
    return f"orders-{next(numbers)}"


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    """This process does not stop."""
    yield
    stopping.forget()


Readers = Callable[..., KafkaTopics]


@pytest.fixture
def reading(broker: KafkaBroker, topic: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    """Makes members of the topic's group, and closes them."""
    monkeypatch.setattr(kafka, "POLL_SECONDS", 0.05)  # one thread polls for several members
    members: list[KafkaTopics] = []

    def make(settings: Mapping[str, str] = QUICK) -> KafkaTopics:
        place = {"bootstrap.servers": broker.address, "group.id": f"of-{topic}"}
        members.append(KafkaTopics({**place, **settings}, [topic], Pace(500, 0.02)))
        return members[-1]

    yield make
    for each in members:
        each.close()


def produce(broker: KafkaBroker, topic: str, *values: bytes | None, partition: int = 0) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.address, "message.max.bytes": 5_000_000})
    for value in values:
        producer.produce(topic, value, key=b"k", partition=partition, headers=[("trace", b"t-1")])
    assert producer.flush(10) == 0


def turns(reader: KafkaTopics, wanted: int, intake: Intake = INTAKE) -> int:
    """Take turns until so many entries have come; joining a group takes a while."""
    read = 0

    def is_enough() -> bool:
        nonlocal read
        read += take_turn(reader, intake, Patience(reader.rest))
        return read >= wanted

    eventually(is_enough, seconds=30, message=f"{wanted} entries")
    return read


def gather(reader: KafkaTopics, wanted: int, *, beside: KafkaTopics | None = None) -> list[Entry]:
    """Read without storing until so many entries have come; `beside` is polled meanwhile and gets nothing."""
    found: list[Entry] = []

    def is_enough() -> bool:
        assert not (beside and beside.read())
        found.extend(reader.read())
        return len(found) >= wanted

    eventually(is_enough, seconds=30, message=f"{wanted} entries")
    return found


def committed(broker: KafkaBroker, topic: str, partition: int = 0) -> int:
    asking = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": f"of-{topic}"})
    [found] = asking.committed([confluent_kafka.TopicPartition(topic, partition)], timeout=10)
    asking.close()
    return int(found.offset)


def test_messages_become_events_bad_ones_go_to_the_dead_and_offsets_follow(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    produce(broker, topic, b'{"type": "order"}', b"{no json", b'{"event_id": "mine"}', None)

    reader = reading()

    assert turns(reader, 4) == 4

    assert stored() == {f"{topic}:0:0": {"type": "order"}, "mine": {"event_id": "mine"}}
    assert committed(broker, topic) == 4
    assert reader.lags() == {topic: 0}
    assert counted(topic) == {"stored": 2, "dead": 2}
    dead = dead_letters(broker, topic, 2)
    assert [(each.value(), each.key()) for each in dead] == [(b"{no json", b"k"), (None, b"k")]
    headers = [dict(each.headers()) for each in dead]
    assert [each["sentinel.entry"].decode() for each in headers] == [f"{topic}:0:1", f"{topic}:0:3"]
    assert all(each["trace"] == b"t-1" for each in headers)
    assert all(each["sentinel.error"].startswith(b"data: is not valid JSON") for each in headers)


def dead_letters(broker: KafkaBroker, topic: str, wanted: int, *, seconds: float = 10) -> list[Any]:
    reader = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": "none"})
    partitions = [confluent_kafka.TopicPartition(f"{topic}.dead", each, 0) for each in range(4)]
    reader.assign(partitions)
    found = reader.consume(wanted, seconds)
    reader.close()
    return sorted(found, key=lambda each: dict(each.headers())["sentinel.entry"])


def test_protobuf_messages_become_events(broker: KafkaBroker, topic: str, reading: Readers) -> None:
    produce(broker, topic, Event(event_id="e-1", type="order").SerializeToString())

    turns(reading(), 1, Intake("kafka", "default", Form.PROTOBUF))

    assert stored() == {"e-1": {"event_id": "e-1", "type": "order"}}


def test_without_a_database_no_offset_is_committed_and_a_member_stays_in_its_group(
    broker: KafkaBroker, topic: str, reading: Readers, database: Configure, servers: Servers
) -> None:
    produce(broker, topic, b"{}")
    reader = reading()
    rests: list[float] = []

    def rest(seconds: float) -> None:
        if not rests:
            produce(broker, topic, b"{}")
        reader.rest(seconds)
        rests.append(seconds)
        assert reader._held == [], "all partitions are paused"
        assert committed(broker, topic) == confluent_kafka.OFFSET_INVALID
        if len(rests) == 3:
            database(DATABASE_URL=servers.database_url)

    database(DATABASE_URL="postgresql://127.0.0.1:1/none")
    eventually(lambda: take_turn(reader, INTAKE, Patience(rest)), seconds=30, message="the message")

    assert rests == [0.1, 0.2, 0.4]
    assert (len(stored()), committed(broker, topic)) == (1, 1)
    assert turns(reader, 1) == 1, "what was paused goes on"


def test_a_member_that_loses_partitions_commits_only_what_is_still_its_own(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    for partition in range(4):
        produce(broker, topic, b"{}", partition=partition)
    first = reading()
    gathered = gather(first, 4)

    again = gather(reading(), 2, beside=first)
    first.settle(gathered, [])

    theirs = {each.key.partition() for each in again}
    assert [committed(broker, topic, each) == 1 for each in range(4)] == [each not in theirs for each in range(4)]
    assert {each.id for each in again} == {f"{topic}:{each}:0" for each in theirs}


class Bent:
    """A consumer of which some methods are others."""

    def __init__(self, consumer: Any, **others: Callable[..., Any]) -> None:
        self._consumer = consumer
        self.__dict__ |= others

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


def test_messages_of_a_partition_that_goes_while_they_are_gathered_are_left_to_its_next_owner(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    for partition in range(2):
        produce(broker, topic, b"{}", partition=partition)
    reader = reading()
    real: Any = reader._consumer

    def consume(*limits: Any) -> list[Any]:
        found: list[Any] = real.consume(*limits)
        reader._lose(real, [confluent_kafka.TopicPartition(topic, 0)])
        return found

    reader._consumer = Bent(real, consume=consume)  # type: ignore[assignment]

    assert [each.id for each in gather(reader, 1)] == [f"{topic}:1:0"]


class Returning(confluent_kafka.Consumer):  # type: ignore[name-defined,misc]
    """A consumer whose first message is of a partition that has gone and come back in the same poll."""

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None:
        self._callbacks = callbacks
        super().subscribe(topics, **callbacks)

    def poll(self, timeout: float) -> Any:
        message = super().poll(timeout)
        if message is not None and message.error() is None:
            place = [confluent_kafka.TopicPartition(message.topic(), message.partition())]
            for name in ("on_revoke", "on_assign"):
                if name in self._callbacks:
                    self._callbacks[name](self, place)
        return message


def test_messages_of_a_partition_that_comes_back_while_they_are_gathered_are_read(
    topic: str, broker: KafkaBroker, reading: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "Consumer", Returning)
    produce(broker, topic, b"{}", b"{}")

    assert [each.id for each in gather(reading(), 2)] == [f"{topic}:0:0", f"{topic}:0:1"]


def test_messages_that_come_while_nothing_can_be_stored_are_kept_for_the_next_read(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    produce(broker, topic, *[b"{}"] * 3)
    reader = reading()
    # As a partition is that comes by a rebalance after the others were paused.
    reader._consumer = Bent(reader._consumer, pause=lambda _: None)  # type: ignore[assignment]

    def is_holding() -> bool:
        reader.rest(0.1)
        return bool(reader._held)

    eventually(is_holding, seconds=30, message="a message")

    assert [each.id for each in gather(reader, 3)] == [f"{topic}:0:{offset}" for offset in range(3)]


@pytest.mark.parametrize("timeout", ["300", "60000"], ids=["gives up before us", "outlasts us"])
def test_a_broker_that_goes_away_after_the_commit_gets_its_offsets_when_it_is_back(
    broker: KafkaBroker, topic: str, reading: Readers, monkeypatch: pytest.MonkeyPatch, timeout: str
) -> None:
    monkeypatch.setattr(kafka, "BURY_SECONDS", 1.0)
    produce(broker, topic, b"{}", b"{no json")
    reader = reading({**QUICK, "socket.timeout.ms": "1000", "message.timeout.ms": timeout})
    gathered = gather(reader, 2)
    dead = store(gathered, INTAKE)
    broker.go_down()

    def rest(seconds: float) -> None:
        broker.come_up()
        reader.rest(seconds)

    Patience(rest).until_done(lambda: reader.settle(gathered, dead))

    assert (len(stored()), committed(broker, topic)) == (1, 2)
    assert [each.value() for each in dead_letters(broker, topic, 1)] == [b"{no json"]


def test_a_dead_letter_may_be_larger_than_what_librdkafka_sends_by_itself(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    large = b"{no json" + b"y" * 1_200_000
    produce(broker, topic, large, b"{}")

    turns(reading(), 2)

    assert (len(stored()), committed(broker, topic)) == (1, 2)
    assert [each.value() for each in dead_letters(broker, topic, 1)] == [large]


def test_a_dead_letter_that_the_producer_does_not_take_is_waited_for(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    produce(broker, topic, b"{no json" + b"y" * 2000)
    reader = reading({**QUICK, "message.max.bytes": "1000"})
    gathered = gather(reader, 1)

    with pytest.raises(AwayError, match=r"does not take dead letters: .*too large"):
        reader.settle(gathered, store(gathered, INTAKE))

    assert committed(broker, topic) == confluent_kafka.OFFSET_INVALID


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (BufferError("the queue is full"), AwayError),
        (
            confluent_kafka.KafkaException(confluent_kafka.KafkaError(confluent_kafka.KafkaError._FATAL)),
            ConfigurationError,
        ),
    ],
    ids=["comes again", "never works again"],
)
def test_a_producer_that_fails_at_once_is_tried_again_only_where_that_can_help(
    broker: KafkaBroker, topic: str, reading: Readers, failure: Exception, told: type[Exception]
) -> None:
    produce(broker, topic, b"{no json")
    reader = reading()
    gathered = gather(reader, 1)

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    reader._producer = Bent(reader._producer, produce=fail)  # type: ignore[assignment]

    with pytest.raises(told):
        reader.settle(gathered, store(gathered, INTAKE))


def test_a_dead_letter_is_written_once_however_often_its_offset_is_refused(
    broker: KafkaBroker, topic: str, reading: Readers
) -> None:
    produce(broker, topic, b"{no json")
    reader = reading()
    gathered = gather(reader, 1)
    dead = store(gathered, INTAKE)
    real: Any = reader._consumer

    def refuse(**_: Any) -> None:
        raise confluent_kafka.KafkaException(
            confluent_kafka.KafkaError(confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED)
        )

    reader._consumer = Bent(real, commit=refuse)  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(AwayError, match="does not take offsets"):
            reader.settle(gathered, dead)
    reader._consumer = real
    reader.settle(gathered, dead)

    assert committed(broker, topic) == 1
    assert reader._buried == set()
    assert len(dead_letters(broker, topic, 2, seconds=1)) == 1


def test_a_setting_that_the_producer_of_dead_letters_refuses_is_refused_at_the_start(reading: Readers) -> None:
    with pytest.raises(ConfigurationError, match=r"--set: .*max\.in\.flight"):
        reading({"max.in.flight.requests.per.connection": "10"})


def test_a_setting_that_librdkafka_does_not_know_is_refused(reading: Readers) -> None:
    with pytest.raises(ConfigurationError, match=r'--set: No such configuration property: "no\.such"'):
        reading({"no.such": "1"})


def test_the_extra_is_named_when_its_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sentinel.ingest.kafka")

    with hidden("confluent_kafka"), pytest.raises(ConfigurationError, match=r"install sentinel\[kafka\]"):
        importlib.import_module("sentinel.ingest.kafka")
