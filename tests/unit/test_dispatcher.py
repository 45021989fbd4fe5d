"""The dispatcher: at once when idle, together when busy, nothing kept back at the end."""

from __future__ import annotations

import threading

import pytest

from sentinel import broker
from sentinel.broker import Dispatcher


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


def test_an_id_leaves_at_once_when_nothing_is_going_on() -> None:
    published = Publications()
    dispatcher = Dispatcher(published, linger_seconds=60)

    dispatcher.add("sms", ["a"])
    published.wait(1)

    assert published.batches == [("sms", ["a"])]


def test_ids_that_come_while_a_publish_is_under_way_leave_together() -> None:
    published = Publications()
    published.gate.clear()
    dispatcher = Dispatcher(published, linger_seconds=0)

    for each in ("a", "b", "c", "d"):
        dispatcher.add("sms", [each])
    published.gate.set()
    dispatcher.close()

    assert sum(len(ids) for _, ids in published.batches) == 4
    assert len(published.batches) <= 2


def test_channels_do_not_mix() -> None:
    published = Publications()
    dispatcher = Dispatcher(published, linger_seconds=0)

    dispatcher.add("sms", ["a"])
    dispatcher.add("email", ["b"])
    dispatcher.close()

    assert sorted(published.batches) == [("email", ["b"]), ("sms", ["a"])]


def test_closing_publishes_what_waits_without_lingering() -> None:
    published = Publications()
    dispatcher = Dispatcher(published, linger_seconds=3600)
    dispatcher.add("sms", ["a"])
    published.wait(1)

    dispatcher.add("sms", ["b"])
    dispatcher.close()

    assert published.batches == [("sms", ["a"]), ("sms", ["b"])]


def test_a_publish_that_fails_stops_nothing() -> None:
    published = Publications()
    failed = threading.Event()

    def failing_once(channel: str, ids: list[str]) -> bool:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("broker gone")
        return published(channel, ids)

    dispatcher = Dispatcher(failing_once, linger_seconds=0)
    dispatcher.add("sms", ["a"])
    assert failed.wait(10)
    dispatcher.add("sms", ["b"])
    dispatcher.close()

    assert published.batches == [("sms", ["b"])]


def test_beyond_the_backlog_ids_are_left_to_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "BACKLOG", 2)
    published = Publications()
    published.gate.clear()
    dispatcher = Dispatcher(published, linger_seconds=0)

    dispatcher.add("sms", ["a", "b", "c"])
    dispatcher.add("sms", ["d"])
    published.gate.set()
    dispatcher.close()

    assert published.batches == [("sms", ["d"])]
