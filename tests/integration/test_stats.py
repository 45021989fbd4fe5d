"""/stats: always the four keys, and never adrift from the rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from sentinel.embedded.servers import Servers
from sentinel.queries import clients
from sentinel.services import tickets
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import stats
from tests.conftest import Configure
from tests.integration.calls import bearer, execute
from tests.integration.test_tickets import opened, ticket

NONE = {"critical": 0, "high": 0, "medium": 0, "low": 0}


@pytest.fixture
def store(servers: Servers) -> Iterator[redis.Redis]:
    """The Redis behind the counts."""
    with redis.Redis.from_url(servers.redis_url) as found:
        yield found


def test_without_tickets_all_four_are_zero(api: FlaskClient) -> None:
    answer = api.get("/stats")

    assert answer.get_data(as_text=True) == '{"critical":0,"high":0,"medium":0,"low":0}'


def test_a_new_ticket_counts_at_once(api: FlaskClient) -> None:
    for number in range(1, 4):
        opened(ticket(severity="high"))
        assert api.get("/stats").get_json() == NONE | {"high": number}


def test_resolved_tickets_still_count(api: FlaskClient) -> None:
    opened(ticket())
    execute("UPDATE tickets SET status = 'resolved', resolved_at = now()")

    assert api.get("/stats").get_json() == NONE | {"critical": 1}


def test_a_ticket_whose_severity_rises_moves_over(api: FlaskClient) -> None:
    opened(ticket(severity="low", merge_key="k"))
    assert api.get("/stats").get_json() == NONE | {"low": 1}

    opened(ticket(severity="high", merge_key="k"))

    assert api.get("/stats").get_json() == NONE | {"high": 1}


def test_what_was_rolled_back_is_not_counted(api: FlaskClient) -> None:
    def fail_after_opening() -> None:
        with unit_of_work() as uow:
            tickets.open_many(uow, [ticket()])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_opening()

    assert api.get("/stats").get_json() == NONE


def test_between_two_tickets_the_rows_are_counted_once(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(ticket())
    api.get("/stats")
    monkeypatch.setattr(stats, "_count", lambda *_: pytest.fail("counted again"))

    assert api.get("/stats").get_json() == NONE | {"critical": 1}


def test_right_after_a_flush_it_is_right(api: FlaskClient, store: redis.Redis) -> None:
    opened(ticket(), ticket(severity="low"))
    api.get("/stats")

    store.flushall()

    assert api.get("/stats").get_json() == NONE | {"critical": 1, "low": 1}
    opened(ticket())
    assert api.get("/stats").get_json() == NONE | {"critical": 2, "low": 1}


def test_a_count_that_began_before_a_ticket_is_not_kept(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    count = stats._count

    def overtaken(uow: UnitOfWork, client_id: int) -> stats.Counts:
        counted = count(uow, client_id)
        opened(ticket())  # committed by another process after our count and before we keep it
        return counted

    with monkeypatch.context() as patch:
        patch.setattr(stats, "_count", overtaken)
        assert api.get("/stats").get_json() == NONE

    assert api.get("/stats").get_json() == NONE | {"critical": 1}


def test_a_process_that_dies_after_its_commit_leaves_it_wrong_for_seconds_only(
    api: FlaskClient, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.get("/stats")
    with monkeypatch.context() as patch:
        patch.setattr(stats, "_start_generations", lambda _: None)
        opened(ticket())

    (key,) = store.scan_iter("sentinel:stats:*:tickets")
    left: Any = store.pttl(key)
    assert 0 < left <= stats.KEPT_SECONDS * 1000
    store.delete(key)
    assert api.get("/stats").get_json() == NONE | {"critical": 1}


def test_without_redis_the_rows_are_counted(database: Configure, api: FlaskClient) -> None:
    database(REDIS_URL="redis://127.0.0.1:1/0")

    opened(ticket(), ticket(severity="medium"))

    assert api.get("/stats").get_json() == NONE | {"critical": 1, "medium": 1}


def test_two_hundred_tickets_at_once_and_flushes_at_random_end_in_the_right_sum(
    api: FlaskClient, store: redis.Redis
) -> None:
    chance = random.Random(4)  # noqa: S311 - no secret
    severities = [chance.choice(list(NONE)) for _ in range(200)]

    def work(severity: str) -> int:
        opened(ticket(severity=severity))
        if chance.random() < 0.1:
            store.flushall()
        return sum(api.application.test_client().get("/stats").get_json().values())

    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(work, severities))

    assert api.get("/stats").get_json() == NONE | Counter(severities)
    assert max(sums) == 200
    assert min(sums) >= 1


def test_each_client_has_its_own(api: FlaskClient) -> None:
    key = bearer("shop", "tickets:read")
    with unit_of_work() as uow:
        shop = clients.ensure(uow.session, "shop", now=uow.now).id
    opened(ticket(), ticket(client_id=shop, severity="low"), ticket(client_id=shop, severity="low"))

    assert api.get("/stats").get_json() == NONE | {"critical": 1}
    assert api.get("/stats", headers=key).get_json() == NONE | {"low": 2}
    assert api.get("/stats?client=shop").get_json() == NONE | {"low": 2}
    assert api.get("/stats?client=default", headers=key).status_code == 403
    assert api.get("/stats?clinet=shop").status_code == 422
    assert api.get("/stats", headers=bearer("shop", "events:read")).status_code == 403
