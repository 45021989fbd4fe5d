"""Topics of Kafka, read by a consumer group: offsets are committed behind what is stored, never before."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sentinel import stopping
from sentinel.errors import ConfigurationError
from sentinel.ingest.entries import DeadLetter, Entry, Pace
from sentinel.ingest.outage import AwayError
from sentinel.logs import get_logger

try:
    from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
except ImportError:
    message = "sentinel ingest kafka needs the extra `kafka`: install sentinel[kafka]"
    raise ConfigurationError(message) from None

log = get_logger(__name__)

KIND = "kafka"
POLL_SECONDS = 0.5
"""How long a read waits for the first message: so long may a stop take."""
SLICE_SECONDS = 0.1
BURY_SECONDS = 5.0
DEAD = ".dead"
"""What is added to the name of a topic for that of its dead letters."""

OWN = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
}
"""What makes it safe, and cannot be set otherwise."""
DEFAULTS = {
    "auto.offset.reset": "earliest",  # a new group begins with what is there
    "partition.assignment.strategy": "cooperative-sticky",  # a rebalance stops only what changes hands
    "queued.max.messages.kbytes": "16384",  # read ahead; 64 MB otherwise
}
LARGE = {"message.max.bytes": "1000000000"}
"""A dead letter may have any size that its topic takes; librdkafka's own limit, 1 MB, is below what can be read."""
SAFE = {"acks": "all", "enable.idempotence": "true"}
"""A dead letter that is acknowledged is there, once."""
QUIET = {"log_level": "2"}
"""An outage is told once, by ourselves."""
RESERVED = ("bootstrap.servers", "group.id", *OWN)

NOT_OURS = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001 - the library's own errors begin so
)
"""The partitions have changed hands while their events were stored: who has them now finds duplicates."""

Partition = tuple[str, int]


class KafkaTopics:
    """One member of a consumer group. `settings` are librdkafka's."""

    kind = KIND
    is_here = False

    def __init__(self, settings: Mapping[str, str], topics: Sequence[str], pace: Pace) -> None:
        self.group = settings["group.id"]
        self.teller = f"{socket.gethostname()}:{os.getpid()}"
        self._pace = pace
        self._held: list[Message] = []
        self._revoked: set[Partition] = set()
        self._buried: set[str] = set()
        self._is_away = False
        with _refused_settings():
            self._consumer = Consumer({**QUIET, **DEFAULTS, **settings, **OWN, "error_cb": self._say_away})
            self._producer = Producer({**QUIET, **LARGE, **_for_producer(settings), **SAFE})
        self._consumer.subscribe(list(topics), on_assign=self._gain, on_revoke=self._lose, on_lost=self._lose)

    def read(self) -> list[Entry]:
        """Gather messages for at most a batch; those of partitions that are taken away meanwhile are left alone."""
        self._revoked.clear()
        self._producer.poll(0)  # what it has to say of an outage would pile up unheard
        found, self._held = self._held, []
        if not found and (first := self._consumer.poll(POLL_SECONDS)) is not None:
            found.append(first)
        if found:
            most = max(self._pace.batch - len(found), 0)
            found += self._consumer.consume(most, self._pace.linger_seconds)
            self._is_away = False
        return [_entry(each) for each in found if self._is_to_store(each)]

    def settle(self, entries: Sequence[Entry], dead: Sequence[DeadLetter]) -> None:
        """Commit the offsets behind `entries`, once the dead ones lie in their topics; only of what is still ours."""
        ours = {(each.topic, each.partition) for each in self._consumer.assignment()}
        self._bury([each for each in dead if _partition(each.entry.key) in ours and each.entry.id not in self._buried])
        behind: dict[Partition, int] = {}
        for message in (each.key for each in entries):
            if (place := _partition(message)) in ours:
                behind[place] = max(behind.get(place, 0), message.offset() + 1)
        if behind:
            self._commit([TopicPartition(*place, offset) for place, offset in behind.items()])
        self._buried.clear()

    def rest(self, seconds: float) -> None:
        """Wait, with all partitions paused: a member that does not poll is taken for dead."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stopping.is_asked():
            self._consumer.pause(self._consumer.assignment())
            if (message := self._consumer.poll(min(left, SLICE_SECONDS))) is not None:
                self._held.append(message)  # of a partition that has just come
        self._consumer.resume(self._consumer.assignment())

    def lags(self) -> dict[str, int]:
        """Count what lies behind this member's position in its partitions, as far as it has heard of it."""
        found: Counter[str] = Counter()
        for each in self._consumer.position(self._consumer.assignment()):
            _, end = self._consumer.get_watermark_offsets(each, cached=True) or (0, 0)
            found[each.topic] += max(0, end - each.offset) if each.offset >= 0 else 0
        return dict(found)

    def close(self) -> None:
        """Leave the group at once, so that others need not wait for this member."""
        self._consumer.close()

    def _gain(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """What comes, or comes back, is read from its committed offset: nothing of it may be left out."""
        self._revoked -= {(each.topic, each.partition) for each in partitions}

    def _lose(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        lost = {(each.topic, each.partition) for each in partitions}
        self._revoked |= lost
        self._held = [each for each in self._held if _partition(each) not in lost]

    def _is_to_store(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return _partition(message) not in self._revoked
        if error.fatal():
            raise ConfigurationError(f"Kafka: {error.str()}")
        log.warning("kafka_error", topic=message.topic(), why=error.str())
        return False

    def _commit(self, offsets: list[TopicPartition]) -> None:
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() not in NOT_OURS:
                raise AwayError(f"Kafka does not take offsets: {error.str()}") from None
            log.info("offsets_left_to_others", why=error.str())

    def _bury(self, dead: Sequence[DeadLetter]) -> None:
        """Put messages as they were, with the reason in their headers, into the topics of the dead."""
        failures: list[str] = []
        try:
            for each in dead:
                self._produce(each, failures)
            if dead and self._producer.flush(BURY_SECONDS):
                failures.append("no answer")
        except BufferError as failure:
            failures.append(str(failure))
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() == KafkaError._FATAL:  # noqa: SLF001 - as above
                raise ConfigurationError(f"Kafka: {error.str()}") from None  # this producer never works again
            failures.append(error.str())
        if failures:
            self._producer.purge()  # those that are not there yet come again with the next try
            raise AwayError(f"Kafka does not take dead letters: {failures[0]}")

    def _produce(self, dead: DeadLetter, failures: list[str]) -> None:
        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self._buried.add(dead.entry.id)
            else:
                failures.append(error.str())

        was: Message = dead.entry.key
        headers = [*(was.headers() or []), *((name, text.encode()) for name, text in dead.notes.items())]
        self._producer.produce(f"{was.topic()}{DEAD}", was.value(), was.key(), headers=headers, on_delivery=delivered)

    def _say_away(self, error: KafkaError) -> None:
        if not self._is_away:  # once per outage
            log.warning("kafka_away", why=error.str())
        self._is_away = True


@contextmanager
def _refused_settings() -> Iterator[None]:
    try:
        yield
    except KafkaException as failure:
        raise ConfigurationError(f"--set: {failure.args[0].str()}") from None


def _for_producer(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name not in ("group.id", *DEFAULTS)}


def _entry(message: Message) -> Entry:
    topic = str(message.topic())
    return Entry(f"{topic}:{message.partition()}:{message.offset()}", topic, {b"data": message.value() or b""}, message)


def _partition(message: Message) -> Partition:
    return str(message.topic()), int(message.partition() or 0)
