"""Celery's programs as Sentinel runs them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.beat import Scheduler

from sentinel.celery_programs import Clock, needed_modules

STOPPING = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_in_the_middle_of_a_ring_ends_beat_after_it(number: signal.Signals) -> None:
    rung = []

    class Ringing(Scheduler):  # type: ignore[misc]
        def tick(self, *_: object, **__: object) -> float:
            os.kill(os.getpid(), number)
            rung.append(self.schedule)
            return 0.01

    class Silent(Clock):
        def setup_logging(self, *_: object, **__: object) -> None:
            """The logs of this process are pytest's."""

    Silent(app=Celery(broker="memory://", set_as_current=False), scheduler=Ringing, quiet=True).start_scheduler()

    assert len(rung) == 1


@pytest.mark.parametrize(
    ("queues", "modules"),
    [
        (["sms", "sms.retry"], ["tasks.delivery"]),
        (["pipeline", "inbox"], ["tasks.pipeline", "tasks.delivery"]),
        (["receipts", "maintenance"], ["tasks.delivery", "tasks.receipts"]),
    ],
)
def test_a_worker_imports_the_tasks_of_its_own_queues(queues: list[str], modules: list[str]) -> None:
    app = Celery(set_as_current=False)
    app.conf.imports = ["tasks.pipeline", "tasks.delivery", "tasks.receipts"]
    app.conf.task_routes = {"tasks.pipeline.*": {"queue": "pipeline"}, "tasks.receipts.*": {"queue": "receipts"}}

    assert needed_modules(app, queues) == modules
