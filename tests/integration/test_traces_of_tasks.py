"""Traces of tasks: what goes along with their messages, and what beat rings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish
from sqlalchemy import text

import tasks.delivery
import tasks.maintenance
from sentinel.broker import publish_delivery
from sentinel.db import get_engine
from tests.collector import Collector
from tests.integration.conftest import Accept
from tests.integration.spans import batch, exported


@pytest.fixture
def published() -> Iterator[list[dict[str, Any]]]:
    """The headers of the messages that this process queues."""
    found: list[dict[str, Any]] = []

    def keep(headers: dict[str, Any], **_: object) -> None:
        found.append(dict(headers))

    before_task_publish.connect(keep)
    yield found
    before_task_publish.disconnect(keep)


def test_a_task_says_what_it_works_on_and_hands_its_trace_on(
    collector: Collector, published: list[dict[str, Any]]
) -> None:
    tasks.delivery.deliver.apply([[]], {"channel": "inbox"}, task_id="task-1")
    with batch():
        publish_delivery("inbox", ["01a22c6b-0000-7000-8000-000000000000"])

    (task,), (whole,) = exported(collector, "tasks.delivery.deliver"), exported(collector, "a batch")
    assert task.attributes == {
        "messaging.system": "celery",
        "messaging.message.id": "task-1",
        "sentinel.channel": "inbox",
        "sentinel.batch_size": 0,
    }
    assert [headers["traceparent"].split("-")[1:3] for headers in published] == [list(whole.place)]


def test_a_task_that_fails_is_marked_with_the_kind_of_its_error(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("private")

    monkeypatch.setattr("sentinel.services.sending.delivery.deliver", broken)

    tasks.delivery.deliver.apply([[]], {"channel": "inbox"})

    (task,) = exported(collector, "tasks.delivery.deliver")
    assert task.failure == "RuntimeError"
    assert b"private" not in collector.raw


def test_what_beat_rings_makes_no_spans_and_what_it_queues_begins_a_trace(
    collector: Collector, accept: Accept, published: list[dict[str, Any]]
) -> None:
    accept()
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE notifications SET queue_at = now() - interval '1 minute'"))

    tasks.maintenance.sweep_waiting.apply()

    assert "tasks.pipeline.evaluate" in {headers["task"] for headers in published}
    assert not [headers for headers in published if "traceparent" in headers]
    assert exported(collector, "tasks.maintenance.sweep_waiting") == []
    assert not [span for span in collector.spans if "db.system.name" in span.attributes]
