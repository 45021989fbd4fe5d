"""Redis Streams into the table of events: each entry once, whatever dies, and bad ones out of the way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import redis
from sqlalchemy import text
from time_machine import travel

from sentinel import stopping, stream_lag
from sentinel.broker import PIPELINE, celery, queue_lengths
from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from sentinel.errors import ConfigurationError, NotFoundError
from sentinel.ingest.entries import Form, Intake, Pace
from sentinel.ingest.loop import run, take_turn
from sentinel.ingest.outage import Patience, StoppedError
from sentinel.ingest.redis_stream import Place, RedisStream, connect
from sentinel.ingest.telling import Telling
from sentinel.services.watching.gauges import Gauges
from tests.conftest import Configure
from tests.integration.ingest import counted, stored
from tests.system import eventually

STREAM, GROUP = "sentinel:events", "sentinel"
INTAKE = Intake("redis", "default")


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    """This process does not stop."""
    yield
    stopping.forget()


@pytest.fixture
def stream(servers: Servers) -> Iterator[redis.Redis]:
    with connect(servers.redis_url) as store:
        yield store


def source(
    store: redis.Redis, consumer: str = "one", *, batch: int = 500, claim_idle_seconds: float = 60
) -> RedisStream:
    place = Place(STREAM, GROUP, consumer)
    return RedisStream(store, place, Pace(batch, linger_seconds=0), claim_idle_seconds=claim_idle_seconds)


def turn(reader: RedisStream, intake: Intake = INTAKE) -> int:
    return take_turn(reader, intake, Patience(reader.rest))


def add(store: redis.Redis, fields: Mapping[Any, Any]) -> str:
    """Add an entry; returns the id that its event gets."""
    key: Any = store.xadd(STREAM, dict(fields))
    return f"{STREAM}:{key.decode()}"


def pending(store: redis.Redis) -> int:
    found = store.xpending(STREAM, GROUP)
    return int(found["pending"])  # type: ignore[index]


def test_entries_of_every_form_become_events_and_nothing_stays_pending(stream: redis.Redis) -> None:
    ids = [
        add(stream, {"data": '{"type": "order", "amount": 750}'}),
        add(stream, {"json": '{"event_id": "mine", "type": "order"}'}),
        add(stream, {"type": "login", "user_id": "u-1", "ts": "1700000000.5"}),
    ]

    assert turn(source(stream)) == 3

    assert stored() == {
        ids[0]: {"type": "order", "amount": 750},
        "mine": {"event_id": "mine", "type": "order"},
        ids[2]: {"type": "login", "user_id": "u-1", "ts": 1700000000.5},
    }
    assert pending(stream) == 0
    assert counted(STREAM) == {"stored": 3}


def test_what_is_stored_is_queued_for_the_rules(stream: redis.Redis) -> None:
    add(stream, {"type": "order"})

    turn(source(stream))

    def queued() -> int:
        with celery.connection_for_read() as connection:
            return queue_lengths(connection)[PIPELINE]

    assert eventually(queued, seconds=10, message="a message for the rules") == 1


def test_a_batch_is_one_commit_of_at_most_so_many(stream: redis.Redis) -> None:
    for number in range(5):
        add(stream, {"number": number})
    reader = source(stream, batch=3)

    assert [turn(reader), turn(reader)] == [3, 2]

    with get_engine().connect() as connection:
        commits = connection.execute(text("SELECT count(*) FROM events GROUP BY xmin ORDER BY 1")).scalars().all()
    assert commits == [2, 3]


def test_what_was_read_and_never_settled_is_read_again_and_stored_once(stream: redis.Redis) -> None:
    add(stream, {"type": "a"})
    dying = source(stream)
    take_turn(_Dying(dying), INTAKE, Patience(dying.rest))
    assert (len(stored()), pending(stream)) == (1, 1)

    turn(source(stream))

    assert (len(stored()), pending(stream)) == (1, 0)
    assert counted(STREAM) == {"stored": 1, "duplicate": 1}


class _Dying(RedisStream):
    """A reader whose acknowledgements never leave, as if it were killed after the commit."""

    def __init__(self, reader: RedisStream) -> None:
        self.__dict__ = reader.__dict__

    def settle(self, entries: object, dead: object) -> None:
        """Nothing."""


def test_entries_of_a_dead_consumer_are_claimed_when_they_have_been_idle(stream: redis.Redis) -> None:
    add(stream, {"type": "a"})
    dead = source(stream, "dead")
    assert len(dead.read()) == 1

    patient, eager = source(stream, "patient"), source(stream, "eager", claim_idle_seconds=0)

    assert turn(patient) == 0
    assert turn(eager) == 1
    assert (len(stored()), pending(stream)) == (1, 0)


def test_bad_entries_go_to_the_dead_with_their_fields_and_the_reason_and_block_nobody(stream: redis.Redis) -> None:
    bad = [
        {b"data": b"{no json"},
        {b"data": b"[1]"},
        {b"data": b'{"type": 5}'},
        {b"data": b'{"type": "a\\u0000b"}'},
        {b"type": b"\xff"},
        {b"proto": b"\xff\xff"},
        {b"data": b'{"x": "' + b"y" * 300_000 + b'"}'},
    ]
    ids = [add(stream, fields) for fields in bad]
    add(stream, {"type": "good"})

    assert turn(source(stream)) == len(bad) + 1

    assert [body["type"] for body in stored().values()] == ["good"]
    dead = [fields for _, fields in stream.xrange(f"{STREAM}:dead")]  # type: ignore[union-attr]
    assert [{name: value for name, value in each.items() if not name.startswith(b"sentinel.")} for each in dead] == bad
    assert [each[b"sentinel.entry"].decode() for each in dead] == ids
    reasons = [each[b"sentinel.error"].decode() for each in dead]
    assert [reason.partition(" (")[0] for reason in reasons[1:]] == [
        "request: is not an object",
        "type: is not a text",
        "entry: contains a NUL character, which cannot be stored",
        "type: is not UTF-8 text from byte 0 on",
        "proto: is not valid Protobuf",
        "entry: has 300013 bytes",
    ]
    assert reasons[0].startswith("data: is not valid JSON: ")
    assert pending(stream) == 0
    assert counted(STREAM) == {"stored": 1, "dead": len(bad)}


def test_flat_fields_may_be_called_as_payloads_are(stream: redis.Redis) -> None:
    add(stream, {"event": "login", "data": "x"})

    turn(source(stream), Intake("redis", "default", Form.FIELDS))

    assert list(stored().values()) == [{"event": "login", "data": "x"}]


def test_an_event_that_the_database_refuses_is_the_only_one_that_dies(stream: redis.Redis) -> None:
    with get_engine().begin() as connection:
        connection.execute(text("ALTER TABLE events ADD CONSTRAINT no_cats CHECK (type <> 'cat') NOT VALID"))
    for kind in ("dog", "cat", "cow"):
        add(stream, {"type": kind})
    try:
        turn(source(stream))
    finally:
        with get_engine().begin() as connection:
            connection.execute(text("ALTER TABLE events DROP CONSTRAINT no_cats"))

    assert sorted(body["type"] for body in stored().values()) == ["cow", "dog"]
    [(_, dead)] = stream.xrange(f"{STREAM}:dead")  # type: ignore[misc]
    assert (dead[b"type"], b"no_cats" in dead[b"sentinel.error"]) == (b"cat", True)


def test_without_a_database_nothing_is_acknowledged_and_all_is_stored_when_it_is_back(
    stream: redis.Redis, database: Configure, servers: Servers
) -> None:
    add(stream, {"type": "a"})
    reader = source(stream)
    waits: list[float] = []

    def back_after_two(seconds: float) -> None:
        waits.append(seconds)
        assert pending(stream) == 1
        if len(waits) == 2:
            database(DATABASE_URL=servers.database_url)

    database(DATABASE_URL="postgresql://127.0.0.1:1/none")
    take_turn(reader, INTAKE, Patience(back_after_two))

    assert waits == [0.1, 0.2]
    assert (len(stored()), pending(stream)) == (1, 0)


def test_a_stop_while_the_database_is_away_leaves_everything_pending(
    stream: redis.Redis, database: Configure, servers: Servers
) -> None:
    add(stream, {"type": "a"})
    database(DATABASE_URL="postgresql://127.0.0.1:1/none")

    with pytest.raises(StoppedError):
        take_turn(source(stream), INTAKE, Patience(lambda _: stopping.ask()))

    assert pending(stream) == 1


def test_a_client_that_is_switched_off_keeps_its_entries(stream: redis.Redis) -> None:
    add(stream, {"type": "a"})
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE clients SET is_active = false"))

    with pytest.raises(StoppedError, match="no client 'default' that is on"):
        take_turn(source(stream), INTAKE, Patience(lambda _: stopping.ask()))

    assert (stored(), pending(stream)) == ({}, 1)


def test_an_unknown_client_is_refused_before_anything_is_read(stream: redis.Redis) -> None:
    add(stream, {"type": "a"})

    with pytest.raises(NotFoundError, match="'nobody'"):
        run(source(stream), Intake("redis", "nobody"))

    assert stream.xinfo_groups(STREAM) == []


def test_a_stream_that_vanishes_is_made_again(stream: redis.Redis) -> None:
    reader = source(stream)
    turn(reader)
    stream.flushall()
    rests: list[float] = []

    add(stream, {"type": "a"})
    read = take_turn(reader, INTAKE, Patience(rests.append))

    assert (read, len(rests), len(stored())) == (1, 1, 1)


def test_a_key_that_is_no_stream_is_refused(stream: redis.Redis) -> None:
    stream.set(STREAM, "text")

    with pytest.raises(ConfigurationError, match="is not a stream"):
        turn(source(stream))


def test_an_entry_that_was_deleted_before_it_was_stored_is_counted(stream: redis.Redis) -> None:
    key = add(stream, {"type": "a"})
    source(stream).read()
    stream.xdel(STREAM, key.removeprefix(f"{STREAM}:"))

    assert turn(source(stream)) == 0

    assert (stored(), pending(stream), counted(STREAM)) == ({}, 0, {"deleted": 1})


def test_an_entry_that_was_deleted_before_it_could_be_claimed_is_counted(stream: redis.Redis) -> None:
    keys = [add(stream, {"type": "a"}).removeprefix(f"{STREAM}:") for _ in range(3)]
    source(stream, "dead").read()
    stream.xdel(STREAM, *keys[:2])
    eager = source(stream, "eager", claim_idle_seconds=0)

    assert eventually(lambda: turn(eager), seconds=10, message="what was not deleted") == 1

    assert (len(stored()), pending(stream), counted(STREAM)) == (1, 0, {"stored": 1, "deleted": 2})


def test_a_group_of_somebody_else_may_have_any_name(stream: redis.Redis) -> None:
    stream.xgroup_create(STREAM, b"a\xff", id="0", mkstream=True)
    reader = source(stream)
    turn(reader)

    assert reader.lags() == {STREAM: 0}


@pytest.mark.parametrize(
    "address", ["redis://:hunter/2@127.0.0.1:1/0", "redis://:hunter#2@127.0.0.1:1/0", "hunter:2@127.0.0.1"]
)
def test_an_address_that_cannot_be_used_is_not_repeated(address: str) -> None:
    with pytest.raises(ConfigurationError, match="%2F, %23 and %40") as refused:
        connect(address)

    assert "hunter" not in str(refused.value)


def test_redis_away_is_waited_for(stream: redis.Redis) -> None:
    nowhere = source(connect("redis://127.0.0.1:1/0"))

    with pytest.raises(StoppedError, match="the Redis of the stream"):
        take_turn(nowhere, INTAKE, Patience(lambda _: stopping.ask()))


def test_a_broadcast_is_heard_by_all(stream: redis.Redis) -> None:
    add(stream, {"type": "a"})
    turn(source(stream), Intake("redis", "default", audience="all"))
    add(stream, {"type": "b"})
    turn(source(stream))

    with get_engine().connect() as connection:
        heard = connection.execute(text("SELECT type FROM events WHERE is_broadcast")).scalars().all()
    assert heard == ["a"]


def test_the_lag_of_a_group_is_a_gauge(stream: redis.Redis) -> None:
    for number in range(5):
        add(stream, {"number": str(number)})
    reader = source(stream, batch=2)
    turn(reader)
    reader.read()  # two that are pending

    telling = Telling(reader)
    telling.tell_now_and_then()

    gauges = Gauges().read()
    assert gauges["ingest_lag_entries", "redis", STREAM, GROUP] == 3
    assert 0 <= gauges["ingest_silent_seconds", "redis", STREAM, GROUP] < 5
    telling.withdraw()
    assert ("ingest_lag_entries", "redis", STREAM, GROUP) not in Gauges().read()


def test_a_stream_that_nobody_reads_any_more_is_silent(stream: redis.Redis) -> None:
    gone, fresh = (stream_lag.Reader("kafka", "orders", GROUP, name) for name in ("gone", "fresh"))
    now = time.time()
    with travel(now - 200, tick=False):
        stream_lag.tell({gone: 50})
    with travel(now - 100, tick=False):
        stream_lag.tell({fresh: 7})

    with travel(now, tick=False):
        found = stream_lag.lags()["kafka", "orders", GROUP]
    assert (found.entries, round(found.silent_seconds)) == (7, 100)

    with travel(now + stream_lag.KEPT_SECONDS, tick=False):
        assert stream_lag.lags() == {}
    assert stream.hlen(stream_lag.HASH) == 0
