"""Counting a batch in one round trip gives what the library's own `hit` gives one by one."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import parse

from sentinel.clock import utc_now
from sentinel.limiter import Limiter, Subject, bucket
from tests.conftest import Configure

STRATEGIES = ["fixed-window", "moving-window", "sliding-window-counter"]
_runs = iter(range(1_000_000))


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(people=st.lists(st.integers(0, 3), max_size=12), amount=st.integers(1, 4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_is_let_through_as_one_by_one(
    strategy: str, people: list[int], amount: int, database: Configure
) -> None:
    rate = f"{amount}/hour"
    limits = json.dumps([{"scope": "user", "rate": rate, "above": "drop"}])
    limiter = Limiter(database(SENTINEL_LIMITS=limits, SENTINEL_LIMIT_STRATEGY=strategy))
    run = next(_runs)
    subjects = [Subject(f"{run}-{index}", "sms", {"user": f"{run}:{who}"}) for index, who in enumerate(people)]

    verdict = limiter.admit(subjects, now=utc_now())

    one_by_one = [limiter._strategy.hit(parse(rate), "alone", "*", f"{run}:{who}") for who in people]
    assert [subject.id in verdict.admitted for subject in subjects] == one_by_one
    assert len(verdict.admitted) + len(verdict.dropped) == len(subjects)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_batch_and_a_single_hit_count_together(strategy: str, database: Configure) -> None:
    limits = json.dumps([{"scope": "user", "rate": "3/hour", "above": "drop"}])
    limiter = Limiter(database(SENTINEL_LIMITS=limits, SENTINEL_LIMIT_STRATEGY=strategy))

    limiter.admit([Subject(str(each), "sms", {"user": "u"}) for each in range(2)], now=utc_now())

    assert limiter._strategy.hit(parse("3/hour"), "user", "*", bucket("u"))
    assert not limiter._strategy.hit(parse("3/hour"), "user", "*", bucket("u"))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_above_a_limit_that_digests_is_told_when_there_is_room_again(
    strategy: str, database: Configure
) -> None:
    limits = json.dumps([{"scope": "target", "rate": "2/hour", "above": "digest"}])
    limiter = Limiter(database(SENTINEL_LIMITS=limits, SENTINEL_LIMIT_STRATEGY=strategy))
    now = utc_now()
    subjects = [Subject(str(each), "sms", {"target": f"t{each % 2}"}) for each in range(7)]

    verdict = limiter.admit(subjects, now=now)

    assert verdict.admitted == ["0", "1", "2", "3"]
    assert [each for each, _ in verdict.digested] == ["4", "5", "6"]
    assert all(now < opens <= now + timedelta(hours=1, seconds=2) for _, opens in verdict.digested)
    assert (verdict.dropped, verdict.deferred, verdict.held) == ([], [], [])
