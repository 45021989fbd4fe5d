"""The health of an endpoint, judged by its tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.base import Outcome
from sentinel.queries.endpoint_health import Try
from sentinel.services.watching.endpoint_health import HOURS, Condition, by_hour, judged

NOW = datetime(2026, 11, 30, 20, 17, 5, tzinfo=UTC)


def tried(outcome: str, *, back: timedelta = timedelta(), **columns: object) -> Try:
    values = {"reason": None, "provider_code": None, "http_status": None, "detail": None, "hint": None} | columns
    return Try(7, "n", 1, NOW - back, outcome, provider="webhook", duration_ms=12, **values)  # type: ignore[arg-type]


def test_what_was_not_tried_is_not_judged() -> None:
    found = judged([])

    assert (found.condition, found.failures, found.last_success, found.last_failure) == ("untried", 0, None, None)


def test_the_newest_try_decides_and_older_failures_are_remembered() -> None:
    fine, refused = tried("OK"), tried("RETRY", http_status=503)

    assert judged([fine, fine]).condition is Condition.WORKS
    assert judged([fine, refused]).condition is Condition.RECOVERED
    assert judged([refused, fine]).condition is Condition.FAILS


def test_the_last_success_and_the_last_failure_are_the_newest_of_their_kind() -> None:
    tries = [tried("OK", back=timedelta(minutes=each)) for each in range(3)]
    tries.insert(1, tried("RECIPIENT", reason="endpoint_gone"))

    found = judged(tries)

    assert (found.last_success, found.last_failure, found.failures) == (tries[0], tries[1], 1)


@given(st.lists(st.sampled_from(list(Outcome)), max_size=30))
def test_nothing_works_that_failed_last(outcomes: list[Outcome]) -> None:
    found = judged([tried(outcome) for outcome in outcomes])

    assert found.failures + sum(outcome is Outcome.OK for outcome in outcomes) == len(outcomes)
    assert (found.condition is Condition.WORKS) == (bool(outcomes) and found.failures == 0)
    assert (found.condition is Condition.FAILS) == (bool(outcomes) and outcomes[0] is not Outcome.OK)


@given(st.lists(st.tuples(st.integers(0, 200 * 3600), st.booleans()), max_size=50))
def test_each_try_of_the_last_day_is_counted_in_its_hour(given_tries: list[tuple[int, bool]]) -> None:
    tries = [tried("OK" if is_fine else "RETRY", back=timedelta(seconds=back)) for back, is_fine in given_tries]

    hours = by_hour(tries, now=NOW)

    assert [each.began_at for each in hours] == [
        NOW.replace(minute=0, second=0) - timedelta(hours=back) for back in reversed(range(HOURS))
    ]
    inside = [each for each in tries if each.started_at >= hours[0].began_at]
    assert sum(each.passed + each.failed for each in hours) == len(inside)
    assert sum(each.failed for each in hours) == sum(each.outcome != "OK" for each in inside)
