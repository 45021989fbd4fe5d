"""A worker that is told to stop: sends under way end, the others are given back at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from billiard import pool

import tasks
from sentinel import stopping
from sentinel.services.sending import delivery
from sentinel.stand_ins import ProviderStandIn, delayed
from tests.integration.conftest import Accept
from tests.rows import count_statuses, rows
from tests.system import eventually


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    """This process does not stop."""
    yield
    stopping.forget()


def test_sends_under_way_end_and_the_others_wait_for_another_worker(accept: Accept, provider: ProviderStandIn) -> None:
    provider.always(delayed(1.5))
    ids = [accept(recipient=f"+1415555{number:04}") for number in range(200)]
    threading.Thread(target=_ask_once, args=(lambda: len(provider.entries) == 64,)).start()

    again = delivery.deliver("sms", ids, worker="test@here")

    assert count_statuses() == {"SENT": 64, "PENDING": 136}, "as many as the account has places"
    assert len(provider.entries) == 64
    assert {found.attempts for found in rows().values() if found.status == "PENDING"} == {0}
    assert again.ids == ids[128:], "the second slice was not begun; what was given back is found by the sweeper"


def _ask_once(condition: Callable[[], bool]) -> None:
    eventually(condition, seconds=10, message="the first sends")
    stopping.ask()


def test_nothing_begins_any_more(accept: Accept, provider: ProviderStandIn) -> None:
    ids = [accept()]
    stopping.ask()

    assert delivery.deliver("sms", ids, worker="test@here") == delivery.Again(ids)
    assert provider.entries == []


def test_children_see_what_their_parent_was_told() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(0 if stopping.is_asked() else 1)

    stopping.ask()
    os.write(writer, b".")

    assert os.waitpid(child, 0)[1] == 0
    os.close(reader)
    os.close(writer)


def test_a_child_that_ends_waits_two_seconds_for_a_parent_that_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute in billiard itself, which made one stop in twenty take 30 s."""
    assert tasks.app
    child = pool.Worker.__new__(pool.Worker)
    child.on_ready_counter = SimpleNamespace(value=0)
    waits: list[float] = []
    monkeypatch.setattr(pool.time, "sleep", waits.append)

    assert not child._ensure_messages_consumed(completed=1)

    assert sum(waits) == pytest.approx(2)
