"""Traces through real processes: each request's own, from its caller to the provider, with the batches linked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sentinel.stand_ins import WEBHOOK_SECRET, ProviderProcess
from tests.collector import Collector, Span, collecting
from tests.rows import count_statuses
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("traces")]

MANY = 20


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture
def traced(system: System, collector: Collector) -> System:
    """The API and two workers, one of them with children, which export what they have as they end."""
    system.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "alerting"}
    system.environment |= {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
    system.start_worker("pipeline-1", "--pipeline", "--concurrency", "2")
    system.start_worker("alice", "--channel", "sms", "--channel", "webhook")
    system.start_api()
    return system


def test_each_request_is_one_trace_to_the_provider_though_they_travel_together(
    traced: System, collector: Collector, ledger: ProviderProcess
) -> None:
    target = {"target": f"{ledger.url}/hooks/shop", "secret": WEBHOOK_SECRET}
    hook = {"channel": "webhook", "name": "shop"} | target
    post(traced, "/endpoints", hook, status=201)
    post(traced, "/rules", {"name": "All", "rule": 'when event.type == "order" then notify("endpoint:shop")'}, 201)
    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(lambda number: post_sms(traced, number), range(1, MANY + 1)))
    post(traced, "/events", {"type": "order"}, traceparent=caller(99))

    eventually(lambda: count_statuses() == {"SENT": MANY + 1}, seconds=30, message="all to be sent")
    traced.stop_all()

    calls = {span.trace_id: span for span in collector.named("send sms")}
    requests_of = {span.trace_id: span for span in collector.named("POST /notifications")}
    assert set(calls) == set(requests_of) == {f"{number:032x}" for number in range(1, MANY + 1)}
    assert all(calls[trace].parent_id == request.span_id for trace, request in requests_of.items())
    assert all(request.parent_id == f"{int(trace, 16):016x}" for trace, request in requests_of.items())
    for name in ("tasks.pipeline.evaluate", "tasks.delivery.deliver"):
        batches = {span.place: span for span in collector.named(name)}
        linked = {place for batch in batches.values() for place in batch.links}
        assert linked >= {request.place for request in requests_of.values()}, name
    assert all(batches[link].service == "alerting" for call in calls.values() for link in call.links)
    assert_delivery_continues_evaluation(collector)
    assert_the_event_reached_the_receiver(collector, ledger)
    assert not [span for span in collector.spans if ".sweep" in span.name or "GET /health" in span.name]


def caller(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


def post_sms(system: System, number: int) -> None:
    body = {"channel": "sms", "recipient": f"+141555500{number:02}", "body": "Disk full"}
    post(system, "/notifications", body, traceparent=caller(number))


def post(system: System, path: str, body: Any, status: int = 202, **headers: str) -> None:
    answer = requests.post(f"{system.url}{path}", json=body, headers=headers, timeout=20)
    assert answer.status_code == status, answer.text


def assert_delivery_continues_evaluation(collector: Collector) -> None:
    by_place: dict[tuple[str, str], Span] = {span.place: span for span in collector.spans}
    delivered = collector.named("tasks.delivery.deliver")
    before = {by_place[span.trace_id, span.parent_id].name for span in delivered}
    assert before == {"tasks.pipeline.evaluate", "tasks.pipeline.match"}


def assert_the_event_reached_the_receiver(collector: Collector, ledger: ProviderProcess) -> None:
    (told,) = [entry for entry in ledger.entries if entry.path == "/hooks/shop"]
    (call,) = collector.named("send webhook")
    (event,) = collector.named("POST /events")
    assert told.headers["traceparent"] == f"00-{call.trace_id}-{call.span_id}-01"
    assert (call.trace_id, call.parent_id) == (f"{99:032x}", event.span_id)
    assert event.place in {link for span in collector.named("tasks.pipeline.match") for link in span.links}
