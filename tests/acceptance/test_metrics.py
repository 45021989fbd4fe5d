"""What happens in worker processes is told by the API's /metrics."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from sentinel.embedded.servers import Servers
from tests.rows import count_statuses, have_ended
from tests.system import System, eventually

pytestmark = pytest.mark.acceptance

parse: Any = text_string_to_metric_families


def metrics_of(system: System) -> dict[tuple[str, ...], float]:
    """Everything /metrics says, by name and the values of its labels in the order of their names."""
    answer = system.http.get(f"{system.url}/metrics", timeout=10)
    assert answer.status_code == 200, answer.text
    samples = [sample for family in parse(answer.text) for sample in family.samples]
    return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in samples}


def test_workers_counts_arrive_add_up_and_begin_anew_after_a_flush(system: System, servers: Servers) -> None:
    system.start_everything()
    sent = ("notifications_sent_total", "sms", "twilio")
    system.post_batch([{"channel": "sms", "recipient": f"+1415555{number:04}", "body": "hi"} for number in range(30)])
    eventually(have_ended, seconds=30, message=lambda: f"everything to end: {count_statuses()}")

    eventually(lambda: metrics_of(system).get(sent) == 30, seconds=10, message="30 sent in the metrics")
    found = metrics_of(system)
    assert found["notifications_accepted_total", "sms"] == 30
    assert found["attempts_total", "OK", "twilio"] == 30
    assert found["delivery_seconds_count", "sms"] == 30
    assert found["part_up", "redis"] == 1
    by_worker = {key[2]: each for key, each in found.items() if key[0] == "worker_tasks_total"}
    assert {"pipeline-1", "sms-1"} <= set(by_worker)
    assert min(by_worker.values()) >= 1

    with redis.Redis.from_url(servers.redis_url) as store:
        store.delete("sentinel:metrics")
    assert sent not in metrics_of(system)
    system.post(channel="sms", recipient="+14155559999", body="hi")

    eventually(have_ended, seconds=30, message=lambda: f"everything to end: {count_statuses()}")
    system.stop("sms-1")
    assert metrics_of(system)[sent] == 1
