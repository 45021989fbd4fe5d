"""What workers tell Flower: gathered about tasks, at once about themselves, everything in its order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kombu.asynchronous import Hub, get_event_loop, set_event_loop

from sentinel.broker import celery
from sentinel.worker_events import GATHER_SECONDS, GatheringDispatcher
from tests.conftest import Configure


class Listener:
    """Somebody who watches, as Flower does."""

    def __init__(self, receiver: Any, connection: Any) -> None:
        self._receiver = receiver
        self._connection = connection

    def heard(self, count: int) -> list[str]:
        """The types of the next `count` events."""
        found: list[str] = []
        self._receiver.handlers["*"] = lambda event: found.append(event["type"])
        while len(found) < count:
            self._connection.drain_events(timeout=5)
        return found

    def hears_nothing(self) -> bool:
        """Whether nobody has said anything."""
        try:
            self._connection.drain_events(timeout=0.2)
        except TimeoutError:
            return True
        return False


@pytest.fixture
def listener(database: Configure) -> Iterator[Listener]:
    """Listens to all events."""
    with celery.connection_for_read() as connection:
        receiver = celery.events.Receiver(connection)
        with receiver.consumer_context(wakeup=False) as (listening, _, _):
            listener = Listener(receiver, listening)
            assert not listener.hears_nothing(), "Redis says that we have subscribed"
            yield listener


@pytest.fixture
def loop() -> Iterator[Hub]:
    """A worker's event loop, turned by hand."""
    before, hub = get_event_loop(), Hub(timer=None)  # type: ignore[no-untyped-call]
    set_event_loop(hub)
    yield hub
    set_event_loop(before)
    hub.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def dispatcher(loop: Hub, listener: Listener) -> Iterator[GatheringDispatcher]:
    """One inside a worker."""
    with celery.connection_for_write() as connection:
        made = celery.events.Dispatcher(
            connection, hostname="alice@here", buffer_group=["task"], on_send_buffered=lambda: None
        )
        yield made
        made.close()


def tell(dispatcher: GatheringDispatcher, *types: str) -> None:
    for each in types:
        dispatcher.send(each, uuid="1")


def test_events_of_tasks_leave_together_when_the_loop_says_so(
    dispatcher: GatheringDispatcher, listener: Listener, loop: Hub
) -> None:
    tell(dispatcher, "task-received", "task-started", "task-succeeded")
    assert listener.hears_nothing()

    next_turn(loop)()

    assert listener.heard(3) == ["task-received", "task-started", "task-succeeded"]


def next_turn(loop: Hub) -> Callable[[], object]:
    """What the loop will do next, and within the time that was promised."""
    [planned] = loop.timer.queue
    assert planned.eta - time.monotonic() <= GATHER_SECONDS
    called: Callable[[], object] = planned.entry
    return called


def test_what_a_worker_says_of_itself_comes_at_once_and_after_its_tasks(
    dispatcher: GatheringDispatcher, listener: Listener
) -> None:
    tell(dispatcher, "task-received", "worker-offline")

    assert listener.heard(2) == ["task-received", "worker-offline"]


def test_a_dispatcher_that_is_closed_leaves_nothing_in_the_loop(dispatcher: GatheringDispatcher, loop: Hub) -> None:
    dispatcher.close()

    assert all(each.entry.canceled for each in loop.timer.queue)


def test_outside_a_workers_loop_events_leave_one_by_one(listener: Listener) -> None:
    with celery.connection_for_write() as connection, celery.events.Dispatcher(connection) as outside:
        tell(outside, "task-sent")

        assert listener.heard(1) == ["task-sent"]
        assert isinstance(outside, GatheringDispatcher)


def test_workers_use_it() -> None:
    assert issubclass(celery.events.Dispatcher, GatheringDispatcher)
