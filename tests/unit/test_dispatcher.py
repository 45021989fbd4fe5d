"""The dispatcher: at once when idle, together when busy, nothing kept back at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from sentinel import dispatcher as module
from sentinel.dispatcher import Dispatcher, gap_after


class Publications:
    """Records what was published; `gate` holds a publish open until it is set."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self.arrived = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, channel: str, ids: list[str]) -> bool:
        self.gate.wait(10)
        self.batches.append((channel, ids))
        self.arrived.release()
        return True

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=10)


def make(
    publish: Callable[[str, list[str]], object], *, ring: Callable[[str], bool] = lambda _: True, full_size: int = 500
) -> Dispatcher:
    return Dispatcher(publish, ring=ring, full_size=full_size)


def test_an_id_leaves_at_once_when_nothing_is_going_on() -> None:
    published = Publications()
    dispatcher = make(published)

    dispatcher.add("sms", ["a"])
    published.wait(1)

    assert published.batches == [("sms", ["a"])]


def test_ids_that_come_while_a_publish_is_under_way_leave_together() -> None:
    published = Publications()
    published.gate.clear()
    dispatcher = make(published)

    for each in ("a", "b", "c", "d"):
        dispatcher.add("sms", [each])
    published.gate.set()
    dispatcher.close()

    assert sum(len(ids) for _, ids in published.batches) == 4
    assert len(published.batches) <= 2


def test_channels_do_not_mix() -> None:
    published = Publications()
    dispatcher = make(published)

    dispatcher.add("sms", ["a"])
    dispatcher.add("email", ["b"])
    dispatcher.close()

    assert sorted(published.batches) == [("email", ["b"]), ("sms", ["a"])]


def test_a_part_filled_chain_waits_for_the_one_before_it_and_takes_along_what_comes() -> None:
    published = Publications()
    reached_deliver = threading.Event()
    asked = threading.Semaphore(0)

    def ring(_: str) -> bool:
        asked.release()
        return not published.batches or reached_deliver.is_set()

    dispatcher = make(published, ring=ring)
    dispatcher.add("sms", ["a"])
    published.wait(1)
    for each in ("b", "c"):
        dispatcher.add("sms", [each])
    for _ in range(3):
        assert asked.acquire(timeout=10)
    reached_deliver.set()
    published.wait(1)

    assert published.batches == [("sms", ["a"]), ("sms", ["b", "c"])]


def test_a_full_chain_waits_for_nobody() -> None:
    published = Publications()
    dispatcher = make(published, ring=lambda _: False, full_size=3)

    dispatcher.add("sms", ["a", "b", "c"])
    published.wait(1)

    assert published.batches == [("sms", ["a", "b", "c"])]


def test_closing_publishes_what_waits_for_another_chain() -> None:
    published = Publications()
    dispatcher = make(published, ring=lambda _: False)

    dispatcher.add("sms", ["a"])
    dispatcher.close()

    assert published.batches == [("sms", ["a"])]


def test_a_publish_that_fails_stops_nothing() -> None:
    published = Publications()
    failed = threading.Event()

    def failing_once(channel: str, ids: list[str]) -> bool:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("broker gone")
        return published(channel, ids)

    dispatcher = make(failing_once)
    dispatcher.add("sms", ["a"])
    assert failed.wait(10)
    dispatcher.add("sms", ["b"])
    dispatcher.close()

    assert published.batches == [("sms", ["b"])]


def test_beyond_the_backlog_ids_are_left_to_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG", 2)
    published = Publications()
    published.gate.clear()
    dispatcher = make(published)

    dispatcher.add("sms", ["a", "b", "c"])
    dispatcher.add("sms", ["d"])
    published.gate.set()
    dispatcher.close()

    assert published.batches == [("sms", ["d"])]


def test_a_chain_that_had_company_keeps_the_next_one_back_for_a_moment() -> None:
    published = Publications()
    dispatcher = make(published)
    dispatcher.add("sms", ["a", "b", "c", "d"])
    published.wait(1)
    begin = time.monotonic()

    dispatcher.add("sms", ["e"])
    published.wait(1)

    assert time.monotonic() - begin > gap_after(4) - 0.005
    assert published.batches[1] == ("sms", ["e"])


def test_a_full_chain_leaves_also_within_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "gap_after", lambda _: 60.0)
    published = Publications()
    dispatcher = make(published, full_size=3)

    dispatcher.add("sms", ["a", "b"])
    published.wait(1)
    dispatcher.add("sms", ["c"])
    time.sleep(0.1)  # the dispatcher waits for the end of the gap by now
    dispatcher.add("sms", ["d", "e"])
    published.wait(1)

    assert published.batches == [("sms", ["a", "b"]), ("sms", ["c", "d", "e"])]


@pytest.fixture
def in_a_gap(monkeypatch: pytest.MonkeyPatch) -> tuple[Dispatcher, Publications]:
    """A dispatcher that has published `a` and keeps the rest of that line back for a minute."""
    monkeypatch.setattr(module, "gap_after", lambda _: 60.0)
    published = Publications()
    dispatcher = make(published)
    dispatcher.add("sms", ["a"])
    published.wait(1)
    dispatcher.add("sms", ["b"])
    return dispatcher, published


def test_the_gap_of_one_line_holds_up_no_other(in_a_gap: tuple[Dispatcher, Publications]) -> None:
    dispatcher, published = in_a_gap

    dispatcher.add("email", ["c"])
    published.wait(1)

    assert published.batches == [("sms", ["a"]), ("email", ["c"])]


def test_what_waits_for_the_end_of_a_gap_is_published_at_the_end(in_a_gap: tuple[Dispatcher, Publications]) -> None:
    dispatcher, published = in_a_gap

    dispatcher.close()

    assert published.batches == [("sms", ["a"]), ("sms", ["b"])]


def test_the_gap_is_nothing_after_one_id_and_has_an_end() -> None:
    assert gap_after(1) == 0
    assert gap_after(2) < gap_after(5) < gap_after(500) == gap_after(5000)
