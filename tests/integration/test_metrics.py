"""/metrics: what every process has counted after its commits, and how things stand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from sentinel import metrics
from sentinel.app import create_app
from sentinel.clock import utc_now
from sentinel.embedded.servers import Servers
from sentinel.metrics import GAUGES, METRICS
from sentinel.services.sending import delivery, sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import gauges
from sentinel.stand_ins import ProviderStandIn
from tests.conftest import Configure
from tests.integration.calls import EMAIL, SMS, bearer, execute, refused, send
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.test_tickets import opened, ticket
from tests.rows import row
from tests.system import eventually

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"

Labels = tuple[tuple[str, str], ...]

parse: Any = text_string_to_metric_families
parse_openmetrics: Any = openmetrics_families


@pytest.fixture
def store(servers: Servers) -> Iterator[redis.Redis]:
    """The Redis where everything is added up."""
    with redis.Redis.from_url(servers.redis_url) as found:
        yield found


def samples(api: FlaskClient, **headers: str) -> dict[tuple[str, Labels], float]:
    """What /metrics says now, by name and labels."""
    gauges.get_gauges.forget()
    answer = api.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    families = parse(answer.get_data(as_text=True))
    found = [sample for family in families for sample in family.samples]
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for each in found}


def value(api: FlaskClient, name: str, **labels: str) -> float | None:
    return samples(api).get((name, tuple(sorted(labels.items()))))


def test_every_declared_metric_is_there_before_anything_was_counted(api: FlaskClient) -> None:
    text = api.get("/metrics").get_data(as_text=True)

    for name, metric in {**METRICS, **GAUGES}.items():
        assert f"# HELP {name} {metric.help}" in text
    for name in ("events_ingested_total", "rules_triggered_total"):
        assert value(api, name) == 0


def test_the_text_is_what_prometheus_reads(api: FlaskClient, accept: Accept) -> None:
    accept()
    metrics.observe("attempt_seconds", 0.3, provider='quo"ted\\\n')

    plain = api.get("/metrics")
    modern = api.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.content_type.startswith("text/plain; version=0.0.4")
    assert modern.content_type.startswith("application/openmetrics-text")
    families = {family.name for family in parse(plain.get_data(as_text=True))}
    assert {family.name for family in parse_openmetrics(modern.get_data(as_text=True))} == families
    assert value(api, "attempt_seconds_count", provider='quo"ted\\\n') == 1


def test_promtool_has_nothing_to_say(api: FlaskClient, accept: Accept) -> None:
    promtool = which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed here")
    accept()
    for name, metric in METRICS.items():
        note = metrics.observe if metric.buckets else metrics.count
        note(name, 1, **dict.fromkeys(metric.labels, "x"))

    told = api.get("/metrics").get_data()
    checked = subprocess.run([promtool, "check", "metrics"], input=told, capture_output=True, check=False)

    assert {name for name in METRICS if f"\n{name}".encode() in told.replace(b"\n#", b"")} == set(METRICS)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_each_step_of_a_notification_is_counted(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    ids = [accept(recipient=f"+1415555000{number}", dedupe_key="k") for number in range(3)]
    ids += [accept(recipient="+14155550000", dedupe_key="k")]
    run_pipeline(ids)

    found = samples(api)

    def count(name: str, **labels: str) -> float | None:
        return found.get((name, tuple(sorted(labels.items()))))

    assert count("notifications_accepted_total", channel="sms") == 4
    assert count("notifications_sent_total", channel="sms", provider="twilio") == 3
    assert count("notifications_suppressed_total", reason="duplicate") == 1
    assert count("attempts_total", provider="twilio", outcome="OK") == 3
    assert count("attempt_seconds_count", provider="twilio") == 3
    assert count("delivery_seconds_count", channel="sms") == 3
    assert count("delivery_seconds_bucket", channel="sms", le="+Inf") == 3


def test_ends_without_a_try_are_counted_with_their_reason(
    database: Configure, api: FlaskClient, accept: Accept, run_pipeline: RunPipeline
) -> None:
    drop = '[{"scope":"recipient","rate":"1/hour","above":"drop"}]'
    database(SENTINEL_LIMITS=drop, SENTINEL_EMAIL_PROVIDER="none")
    late = accept(expires_at=utc_now() + timedelta(days=1))
    execute("UPDATE notifications SET expires_at = now() - interval '1 minute'")
    run_pipeline([late, accept(), accept()])
    delivery.deliver("email", [accept(**EMAIL)], worker="test@here")

    assert value(api, "notifications_suppressed_total", reason="expired") == 1
    assert value(api, "notifications_suppressed_total", reason="rate_limited") == 1
    assert value(api, "notifications_failed_total", channel="email", reason="not_configured") == 1


def test_a_send_given_up_in_doubt_is_counted_as_failed(database: Configure, api: FlaskClient, accept: Accept) -> None:
    database(SENTINEL_AMBIGUOUS_POLICY="at_most_once")
    accept()
    execute("UPDATE notifications SET status = 'AMBIGUOUS', next_attempt_at = now(), queue_at = now()")

    sweeping.sweep_waiting()

    assert value(api, "notifications_failed_total", channel="sms", reason="ambiguous") == 1


def test_a_retry_that_comes_after_the_expiry_is_counted_as_failed(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    late = accept(expires_at=utc_now() + timedelta(days=1))
    execute("UPDATE notifications SET status = 'RETRYING', attempts = 1, expires_at = now() - interval '1 s'")

    delivery.deliver("sms", [late], worker="test@here")

    assert value(api, "notifications_failed_total", channel="sms", reason="expired") == 1
    assert row(late).status == "FAILED"


def test_messages_that_the_limiter_could_not_judge_are_counted(
    database: Configure, api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, servers: Servers
) -> None:
    ids = [accept(), accept()]
    database(REDIS_URL="redis://127.0.0.1:1/0")
    run_pipeline(ids)
    assert metrics.get_meter()._leaving or metrics.get_meter()._amounts

    kept = metrics.get_meter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "get_store", lambda: redis.Redis.from_url(servers.redis_url))
        kept.flush()
    database(REDIS_URL=servers.redis_url)

    assert value(api, "limiter_down_total") == 2


def test_what_was_rolled_back_was_never_counted(api: FlaskClient) -> None:
    def fail_after_counting() -> None:
        with unit_of_work() as uow:
            uow.count("limiter_down_total")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_counting()

    assert value(api, "limiter_down_total") == 0


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("limiter_dwon_total", {}),
        ("limiter_down_total", {"client": "a"}),
        ("notifications_sent_total", {"channel": "sms"}),
        ("notifications_sent_total", {"channel": "sms", "worker": "a"}),
    ],
)
def test_what_is_not_declared_is_refused_before_the_commit(name: str, labels: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        metrics.count(name, 1, **labels)
    with unit_of_work() as uow, pytest.raises(KeyError):
        uow.count(name, 1, **labels)


def test_threads_lose_nothing(api: FlaskClient) -> None:
    def work(_: int) -> None:
        for _ in range(1000):
            metrics.count("limiter_down_total")
        metrics.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert value(api, "limiter_down_total") == 8000


def test_processes_add_up_and_flush_by_themselves(api: FlaskClient) -> None:
    code = "from sentinel import metrics; metrics.count('tickets_opened_total', 2, severity='low')"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    assert value(api, "tickets_opened_total", severity="low") == 4


def test_a_workers_process_brings_its_counts_along_when_it_ends(api: FlaskClient) -> None:
    code = (
        "import os, tasks; from celery.signals import worker_process_shutdown; from sentinel import metrics\n"
        "metrics.count('limiter_down_total', 3)\n"
        "worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)\n"
        "os._exit(0)  # as Celery ends its processes\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    assert value(api, "limiter_down_total") == 3


def test_a_forked_child_counts_for_itself_alone(api: FlaskClient) -> None:
    code = (
        "import os; from sentinel import metrics; metrics.count('limiter_down_total', 1)\n"
        "child = os.fork()\n"
        "metrics.count('limiter_down_total', 10 if child else 100); metrics.flush()\n"
        "if not child: os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    assert value(api, "limiter_down_total") == 111


def test_a_busy_process_goes_to_redis_within_seconds_though_nobody_asks(api: FlaskClient, store: redis.Redis) -> None:
    metrics.count("limiter_down_total")

    eventually(lambda: store.hvals(metrics.HASH) == [b"1"], seconds=5, message="the count to arrive in Redis")


def test_a_flush_whose_answer_was_lost_adds_nothing_the_second_time(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = metrics.Meter()
    meter._closing.set()
    send = meter._send

    def answer_lost() -> None:
        send()
        raise redis.TimeoutError

    meter.add(metrics.counted("limiter_down_total", 5, {}))
    monkeypatch.setattr(meter, "_send", answer_lost)
    meter.flush()
    monkeypatch.setattr(meter, "_send", send)
    meter.add(metrics.counted("limiter_down_total", 2, {}))
    meter.flush()
    meter.flush()

    assert value(api, "limiter_down_total") == 7


def test_while_redis_is_away_counts_are_kept_and_the_series_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_SERIES", 3)
    meter = metrics.Meter()
    meter._closing.set()

    def away() -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(meter, "_send", away)
    for number in range(5):
        meter.add(metrics.counted("notifications_suppressed_total", 1, {"reason": str(number % 4)}))
        meter.flush()
        meter.add(metrics.counted("notifications_suppressed_total", 1, {"reason": str(number % 4)}))

    assert len(meter._leaving) == 1
    assert len(meter._amounts) == 3


def test_after_a_flush_of_redis_counters_begin_anew_and_gauges_stay_right(
    api: FlaskClient, accept: Accept, store: redis.Redis
) -> None:
    accept()
    assert value(api, "notifications_accepted_total", channel="sms") == 1

    store.flushall()

    assert value(api, "notifications_accepted_total", channel="sms") is None
    assert value(api, "limiter_down_total") == 0
    assert value(api, "notifications_in_flight", channel="sms", status="PENDING") == 1
    accept()
    assert value(api, "notifications_accepted_total", channel="sms") == 1


def test_gauges_tell_how_things_stand(api: FlaskClient, accept: Accept) -> None:
    for _ in range(2):
        accept()
    accept(send_at=utc_now() + timedelta(hours=1))
    execute("UPDATE notifications SET created_at = created_at - interval '100 seconds' WHERE send_at IS NULL")
    opened(ticket(), ticket(severity="low"))
    execute("UPDATE tickets SET status = 'acknowledged' WHERE severity = 'low'")
    sweeping.sweep_leases()
    bearer("shop")

    found = samples(api)

    assert found["notifications_in_flight", (("channel", "sms"), ("status", "PENDING"))] == 3
    assert found["notifications_in_flight", (("channel", "email"), ("status", "SENDING"))] == 0
    assert 100 <= found["notifications_oldest_due_seconds", (("channel", "sms"),)] < 130
    assert found["notifications_oldest_due_seconds", (("channel", "email"),)] == 0
    assert found["tickets_unresolved", (("severity", "critical"), ("status", "open"))] == 1
    assert found["tickets_unresolved", (("severity", "low"), ("status", "acknowledged"))] == 1
    assert found["tickets_unresolved", (("severity", "low"), ("status", "open"))] == 0
    assert 0 <= found["sweeper_last_success_age_seconds", (("sweeper", "sweep_leases"),)] < 30
    assert (found["clients_active", ()], found["rules_enabled", ()], found["events_pending", ()]) == (2, 0, 0)
    assert found["queue_length", (("queue", "sms"),)] == 0
    assert {found["part_up", (("part", part),)] for part in ("database", "redis", "broker")} == {1}


def test_messages_in_the_broker_are_counted_by_queue(api: FlaskClient) -> None:
    from sentinel.broker import publish_delivery

    publish_delivery("sms", ["01a1fb48-f215-709c-a297-55cf8a318234"])

    assert value(api, "queue_length", queue="sms.retry") == 1


def test_without_redis_counters_are_absent_and_not_zero(database: Configure, accept: Accept) -> None:
    accept()
    database(REDIS_URL="redis://127.0.0.1:1/0")

    found = samples(create_app().test_client())

    assert found["part_up", (("part", "redis"),)] == 0
    assert not any(name.endswith("_total") for name, _ in found)
    assert found["notifications_in_flight", (("channel", "sms"), ("status", "PENDING"))] == 1


def test_without_the_database_what_was_counted_is_still_told(database: Configure, accept: Accept) -> None:
    accept()
    metrics.flush()
    database(DATABASE_URL="postgresql://sentinel:secret@127.0.0.1:1/sentinel", SENTINEL_METRICS_TOKEN="letmein")

    found = samples(create_app().test_client(), Authorization="Bearer letmein")

    assert found["part_up", (("part", "database"),)] == 0
    assert found["notifications_accepted_total", (("channel", "sms"),)] == 1
    assert not any(name == "notifications_in_flight" for name, _ in found)


def test_clients_are_told_apart_only_where_that_is_wanted(database: Configure, api: FlaskClient) -> None:
    metrics.count("events_ingested_total", 2, client="shop")
    metrics.count("events_ingested_total", 3, client="bank")

    assert value(api, "events_ingested_total") == 5
    database(SENTINEL_METRICS_BY_CLIENT="true")
    told = create_app().test_client()
    assert value(told, "events_ingested_total", client="shop") == 2
    assert value(told, "events_ingested_total", client="bank") == 3


def test_buckets_hold_what_is_in_the_ones_before(api: FlaskClient) -> None:
    for seconds in (0.001, 0.005, 0.3, 100):
        metrics.observe("attempt_seconds", seconds, provider="p")

    found = samples(api)
    buckets = {dict(labels)["le"]: each for (name, labels), each in found.items() if name == "attempt_seconds_bucket"}
    assert buckets | {"0.005": 2, "0.25": 2, "0.5": 3, "30.0": 3, "+Inf": 4} == buckets
    assert found["attempt_seconds_sum", (("provider", "p"),)] == pytest.approx(100.306)


def test_several_readers_cost_the_database_no_more_than_one(
    api: FlaskClient, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples(api)
    asked: list[object] = []
    monkeypatch.setattr(gauges, "_answer", asked.append)

    assert api.get("/metrics").status_code == 200
    assert asked == []


def test_who_may_read_them(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false", SENTINEL_METRICS_TOKEN="letmein")
    api = create_app().test_client()

    def status(authorization: str) -> int:
        return api.get("/metrics", headers={"Authorization": authorization}).status_code

    assert api.get("/metrics").status_code == 401
    assert status("Bearer letmein") == 200
    assert status("Bearer letmein2") == 401
    assert status("Bearer lètmein") == 401
    assert status(bearer("shop")["Authorization"]) == 403
    assert status(bearer("ops", "admin")["Authorization"]) == 200
    assert refused(api.get("/metrics")) == {}


def test_a_token_that_is_not_set_opens_nothing(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    api = create_app().test_client()

    for authorization in ("Bearer ", "Bearer None", "Bearer"):
        assert api.get("/metrics", headers={"Authorization": authorization}).status_code == 401


def test_a_request_is_counted_once_though_it_is_repeated_under_its_key(api: FlaskClient) -> None:
    for _ in range(3):
        send(api, SMS, Idempotency_Key="once")

    assert value(api, "notifications_accepted_total", channel="sms") == 1


def test_cancelling_is_an_end_that_is_counted_once(api: FlaskClient, accept: Accept) -> None:
    waiting = accept()

    answers = [api.post(f"/notifications/{waiting}/cancel").status_code for _ in range(2)]

    assert answers == [200, 409]
    assert value(api, "notifications_cancelled_total", channel="sms") == 1


def test_the_share_in_time_is_told_exactly(api: FlaskClient) -> None:
    metrics.observe("delivery_seconds", 9.9, 10.0, 10.1, channel="sms")

    assert value(api, "delivery_seconds_bucket", channel="sms", le="10.0") == 2


def test_the_reference_lists_every_metric_with_its_labels() -> None:
    table = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", REFERENCE.read_text(), re.MULTILINE)
    written = {name: (tuple(re.findall(r"`(\w+)`", labels)), meaning) for name, labels, meaning in table}

    assert written == {name: (metric.labels, metric.help) for name, metric in {**METRICS, **GAUGES}.items()}
