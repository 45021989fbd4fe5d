"""Kill -9 in the middle: what was accepted is delivered, and a second copy leaves only where it is counted."""

from __future__ import annotations

from collections import Counter

import pytest
import redis

from sentinel.embedded.servers import Servers
from sentinel.stand_ins import ProviderProcess, delayed
from tests.brokers import Broker
from tests.rows import count_ambiguous, count_statuses, have_ended
from tests.system import System, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

COUNT = 500


def _texts() -> list[dict[str, str]]:
    return [{"channel": "sms", "recipient": f"+1415555{number:04}", "body": "hi"} for number in range(COUNT)]


def _copies(ledger: ProviderProcess) -> Counter[str]:
    return Counter(entry.recipient for entry in ledger.entries)


def _all_end() -> None:
    eventually(have_ended, seconds=90, message=lambda: f"everything to end: {count_statuses()}")


def test_a_worker_killed_in_the_middle_of_500_deliveries_loses_nothing(system: System, ledger: ProviderProcess) -> None:
    ledger.always(delayed(0.3))
    system.post_batch(_texts())
    eventually(lambda: 60 < len(ledger.entries) < 400, seconds=30, message="some deliveries, not all")

    system.kill("sms-1")
    system.start_worker("sms-1", "--channel", "sms")

    _all_end()
    copies = _copies(ledger)
    assert count_statuses() == {"SENT": COUNT}
    assert len(copies) == COUNT
    assert sum(copies.values()) - COUNT <= count_ambiguous()


def test_a_broker_killed_between_post_and_delivery_loses_nothing(
    system: System, ledger: ProviderProcess, broker: Broker
) -> None:
    system.post_batch(_texts())

    broker.server.kill()
    stored = [system.post(channel="sms", recipient=f"+1415556{number:04}", body="hi")["id"] for number in range(5)]
    broker.server.start()

    _all_end()
    assert count_statuses() == {"SENT": COUNT + len(stored)}
    assert set(_copies(ledger).values()) == {1}


def test_a_redis_that_comes_back_empty_loses_nothing(system: System, ledger: ProviderProcess, servers: Servers) -> None:
    system.post_batch(_texts())

    with redis.Redis.from_url(servers.redis_url) as store:
        store.flushall()
    servers.valkey.kill()
    servers.valkey.start()

    _all_end()
    assert count_statuses() == {"SENT": COUNT}
    assert set(_copies(ledger).values()) == {1}


def test_an_api_killed_right_after_its_answer_loses_nothing(system: System, ledger: ProviderProcess) -> None:
    for number in range(20):
        system.post(channel="sms", recipient=f"+1415555{number:04}", body="hi")

    system.kill("api")

    _all_end()
    assert count_statuses() == {"SENT": 20}
    assert set(_copies(ledger).values()) == {1}


def test_a_worker_told_to_stop_finishes_and_doubles_nothing(system: System, ledger: ProviderProcess) -> None:
    ledger.always(delayed(0.1))
    system.post_batch(_texts())
    eventually(lambda: len(ledger.entries) > 60, seconds=30, message="some deliveries")

    assert system.stop("sms-1") == 0
    system.start_worker("sms-1", "--channel", "sms")

    _all_end()
    assert count_statuses() == {"SENT": COUNT}
    assert set(_copies(ledger).values()) == {1}


def test_a_pipeline_worker_killed_between_two_stages_loses_nothing(system: System, ledger: ProviderProcess) -> None:
    system.post_batch(_texts())

    system.kill("pipeline-1")
    system.start_worker("pipeline-1", "--pipeline")

    _all_end()
    assert count_statuses() == {"SENT": COUNT}
    assert set(_copies(ledger).values()) == {1}


def test_a_database_that_restarts_in_the_middle_doubles_only_what_is_counted(
    system: System, ledger: ProviderProcess, servers: Servers
) -> None:
    ledger.always(delayed(0.2))
    system.post_batch(_texts())
    eventually(lambda: len(ledger.entries) > 60, seconds=30, message="some deliveries")

    servers.postgres.stop()
    servers.postgres.start()

    _all_end()
    assert count_statuses() == {"SENT": COUNT}
    assert sum(_copies(ledger).values()) - COUNT <= count_ambiguous()
