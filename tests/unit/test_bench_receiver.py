"""The benches' receiver of webhooks, over real sockets."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.receiver import Receiver, Tally, receiving, whole

SECONDS = 0.2


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def _empty(receiver: Receiver) -> Iterator[None]:
    receiver.forget()
    yield
    receiver.delay(0)


def post(receiver: Receiver, path: str, token: str) -> int:
    connection = http.client.HTTPConnection(receiver.url.removeprefix("http://"), timeout=10)
    connection.request("POST", path, f'{{"event_id": "{token}"}}')
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_it_notes_when_each_webhook_came_and_how_often(receiver: Receiver) -> None:
    before = time.time()

    statuses = [post(receiver, path, "bench-1-5") for path in ("/a", "/b", "/a")]

    assert statuses == [200, 200, 200]
    assert receiver.tally() == Tally(arrived=2, copies=1, most_held=0)
    arrivals = receiver.arrivals()
    assert set(arrivals) == {"/a bench-1-5", "/b bench-1-5"}
    assert all(before <= at <= time.time() for at in arrivals.values())


def test_it_lets_all_senders_wait_side_by_side(receiver: Receiver) -> None:
    receiver.delay(SECONDS)
    began = time.monotonic()

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda number: post(receiver, "/a", f"bench-1-{number}"), range(10)))

    assert statuses == [200] * 10
    assert SECONDS <= time.monotonic() - began < 5 * SECONDS
    assert receiver.tally().most_held > 1


def test_a_sender_that_does_not_wait_does_no_harm(receiver: Receiver) -> None:
    receiver.delay(SECONDS)
    connection = http.client.HTTPConnection(receiver.url.removeprefix("http://"), timeout=10)
    connection.request("POST", "/a", '{"event_id": "bench-1-1"}')
    connection.close()
    time.sleep(2 * SECONDS)

    assert post(receiver, "/a", "bench-1-2") == 200
    assert receiver.tally().arrived == 2


def test_requests_in_pieces_and_behind_each_other_are_told_apart() -> None:
    one = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    two = b"GET /b HTTP/1.1\r\n\r\n"

    assert all(whole(one[:length]) is None for length in range(len(one)))
    assert whole(one + two) == (("POST", "/a", b"abc"), two)
    assert whole(two) == (("GET", "/b", b""), b"")
