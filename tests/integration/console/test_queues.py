"""Queues and streams: what lies there, who takes it, and what it says to whom."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import redis

from sentinel import stream_lag
from sentinel.broker import publish_accepted
from sentinel.embedded.servers import Servers
from sentinel.ingest.entries import DeadLetter, Entry, Pace
from sentinel.ingest.redis_stream import Place, RedisStream, connect
from sentinel.ingest.telling import Telling
from sentinel.services.watching.gauges import get_gauges
from sentinel.web.words import NOTHING
from tests.conftest import Configure
from tests.integration.console.conftest import AsRole
from tests.integration.console.test_dashboard import row_of, words
from tests.integration.console.visiting import Visit
from tests.integration.test_queued import purge

STREAM = "orders:新"


@pytest.fixture(autouse=True)
def _fresh(database: Configure) -> Iterator[None]:
    get_gauges.forget()
    purge()
    yield
    purge()
    get_gauges.forget()


@pytest.fixture
def stream(servers: Servers) -> Iterator[redis.Redis]:
    with connect(servers.redis_url) as store:
        store.delete(STREAM, f"{STREAM}:dead", "elsewhere")
        yield store


def reader(store: redis.Redis, name: str = STREAM, *, is_here: bool = True) -> RedisStream:
    return RedisStream(store, Place(name, "sentinel", "one"), Pace(500, linger_seconds=0), is_here=is_here)


def test_each_queue_has_its_line(visit: Visit) -> None:
    ids = [str(uuid.uuid4())]
    publish_accepted("sms", ids)

    page = visit.get("/console/queues").text

    assert row_of(page, "pipeline")[0] == "1"
    assert "nobody" in row_of(page, "sms.retry")[2]
    assert words(visit.get("/console/queues/now").text).strip() in words(page)


def test_what_is_taken_next_is_shown_with_its_ids(visit: Visit) -> None:
    ids = [str(uuid.uuid4()) for _ in range(10)]
    publish_accepted("sms", ids)

    page = visit.get("/console/queues/pipeline").text

    told = words(page)
    assert "tasks.pipeline.evaluate for sms" in told
    assert "10 ids, then tasks.pipeline.dedupe, tasks.pipeline.rate_limit, tasks.delivery.deliver" in told
    assert ids[0] in page
    assert "and 2 more" in told
    assert words(visit.get("/console/queues/pipeline/now").text).strip() in told


def test_an_empty_queue_says_so_and_an_unknown_one_is_not_there(visit: Visit) -> None:
    assert "Nothing waits here" in visit.get("/console/queues/sms").text
    assert visit.get("/console/queues/unacked").status_code == 404


def test_rabbitmq_lets_nobody_look_and_the_page_says_so(visit: Visit, database: Configure) -> None:
    database(BROKER_URL="amqp://127.0.0.1:1//")

    assert "RabbitMQ lets nobody look into a queue" in visit.get("/console/queues/sms").text


def test_a_broker_that_is_away_is_told_as_that(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_gauges(), "read", lambda: {("part_up", "broker"): 0.0})

    page = visit.get("/console/queues/sms").text

    assert "The broker does not answer" in page
    assert "RabbitMQ" not in page


def test_without_streams_it_says_how_one_is_read(visit: Visit) -> None:
    assert "sentinel ingest redis" in visit.get("/console/queues").text


def test_a_stream_of_ours_is_shown_as_it_is(visit: Visit, stream: redis.Redis) -> None:
    source = reader(stream)
    for number in range(3):
        stream.xadd(STREAM, {"data": f'{{"type": "order", "amount": {number}}}'})
    [first, *_] = source.read()
    source.settle([first], [DeadLetter(Entry("x", STREAM, first.fields, first.key), "not an event")])
    Telling(source).tell_now_and_then()

    page = visit.get("/console/queues").text

    to_store, pending, length, oldest, dead, heard, consumers = row_of(page, STREAM)
    assert (to_store, pending, length, dead) == ("2", "2", "3", "1")
    assert oldest != NOTHING
    assert (heard.endswith("ago"), consumers) == (True, "one 2 pending")
    gone = visit.get("/console/queues/streams", stream=f"{STREAM}:dead").text
    assert "not an event" in gone


def test_an_entry_whose_id_is_no_time_is_shown_without_one(visit: Visit, stream: redis.Redis) -> None:
    source = reader(stream)
    stream.xadd(STREAM, {"data": "{}"}, id="18446744073709551615-1")
    source.read()
    Telling(source).tell_now_and_then()

    page = visit.get("/console/queues/streams", stream=STREAM)

    assert (page.status_code, "18446744073709551615-1" in page.text) == (200, True)
    assert row_of(visit.get("/console/queues").text, STREAM)[3] == NOTHING


def test_a_stream_elsewhere_is_shown_as_its_readers_tell(visit: Visit, stream: redis.Redis) -> None:
    stream.xadd("elsewhere", {"data": "{}"})
    source = reader(stream, "elsewhere", is_here=False)
    source.read()
    Telling(source).tell_now_and_then()

    page = visit.get("/console/queues").text

    assert row_of(page, "elsewhere")[:3] == ["1", NOTHING, NOTHING]
    assert "of which only its readers tell" in page
    assert visit.get("/console/queues/streams", stream="elsewhere").status_code == 404


def test_entries_are_cut_and_their_words_are_for_operators(as_role: AsRole, stream: redis.Redis) -> None:
    stream.xadd(STREAM, {"secret_note": "nur für uns", "long": "x" * 500, b"raw": b"\xff\xfe"})
    source = reader(stream)
    source.read()
    Telling(source).tell_now_and_then()

    for_operator = as_role("operator").get("/console/queues/streams", stream=STREAM).text
    for_viewer = as_role("viewer").get("/console/queues/streams", stream=STREAM).text

    assert "nur für uns" in for_operator
    assert "x" * 199 + "…" in for_operator
    assert "nur für uns" not in for_viewer
    assert "secret_note, long, raw" in words(for_viewer)


@pytest.mark.parametrize("key", ["sentinel:metrics", "sentinel:pipeline", "", "orders:dead"])
def test_no_other_key_of_redis_can_be_looked_into(key: str, visit: Visit) -> None:
    assert visit.get("/console/queues/streams", stream=key).status_code == 404


def test_a_stream_that_was_deleted_is_told_by_its_readers_alone(visit: Visit, stream: redis.Redis) -> None:
    stream.xadd(STREAM, {"data": "{}"})
    source = reader(stream)
    source.read()
    telling = Telling(source)
    telling.tell_now_and_then()
    stream.delete(STREAM)

    assert row_of(visit.get("/console/queues").text, STREAM)[1] == NOTHING
    telling.withdraw()
    assert stream_lag.groups_here() == set()


def test_without_redis_it_says_so(visit: Visit, database: Configure) -> None:
    database(REDIS_URL="redis://127.0.0.1:1/0")

    page = words(visit.get("/console/queues").text)

    assert "Redis, where readers tell of themselves, does not answer." in page
