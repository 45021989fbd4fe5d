"""The breaker of a provider account as a pure function: what it was, what came, what it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.base import Outcome, Receipt
from sentinel.queries.accounts import Standing
from sentinel.services.sending.breaker import CLOSED, HALF_OPEN, OPEN, is_due, is_usable, next_standing
from tests.unit.channels.conftest import make_settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = make_settings(provider_pause_seconds=60, breaker_tries=20, breaker_failure_rate=0.5)

OK = Receipt(Outcome.OK)
REFUSED = Receipt(Outcome.CONFIG, reason="unauthorized", hint="Check the credentials.")
BROKEN = Receipt(Outcome.AMBIGUOUS, reason="server_error", http_status=500)
PATIENCE = Receipt(Outcome.RETRY, reason="rate_limited", http_status=429, retry_after_seconds=30)
BAD_NUMBER = Receipt(Outcome.RECIPIENT, reason="invalid_number")


def after(before: Standing, *receipts: Receipt, channel: str = "sms", now: datetime = NOW) -> Standing:
    return next_standing(before, receipts, settings=SETTINGS, channel=channel, now=now)


def seconds(standing: Standing, since: datetime = NOW) -> float:
    assert standing.paused_until is not None
    return (standing.paused_until - since).total_seconds()


def test_one_refusal_of_the_account_opens_it() -> None:
    found = after(Standing(), OK, REFUSED)

    assert (found.state, found.reason, found.hint, found.opened_at) == (
        OPEN,
        "unauthorized",
        "Check the credentials.",
        NOW,
    )
    assert seconds(found) == 60


def test_a_quota_opens_it_for_as_long_as_it_lasts() -> None:
    found = after(Standing(), Receipt(Outcome.QUOTA, reason="daily_cap", retry_after_seconds=1800))

    assert (found.state, seconds(found)) == (OPEN, 1800)


@pytest.mark.parametrize("receipt", [OK, BAD_NUMBER, Receipt(Outcome.MESSAGE)])
def test_a_probe_that_gets_any_answer_of_a_working_account_closes_it(receipt: Receipt) -> None:
    assert after(Standing(state=HALF_OPEN, openings=3, reason="unauthorized"), receipt) == Standing()


@pytest.mark.parametrize("receipt", [REFUSED, BROKEN, Receipt(Outcome.RETRY, reason="connection_refused")])
def test_each_failed_probe_doubles_the_pause_up_to_tenfold(receipt: Receipt) -> None:
    standing, pauses = after(Standing(), REFUSED), []
    for _ in range(6):
        standing = after(replace(standing, state=HALF_OPEN), receipt)
        pauses.append(seconds(standing))

    assert pauses == [120, 240, 480, 600, 600, 600]
    assert standing.opened_at == NOW


def test_half_of_twenty_failed_tries_open_it_and_fewer_do_not() -> None:
    assert after(Standing(), *[OK] * 9, *[BROKEN] * 10).state == CLOSED
    assert after(Standing(), *[OK] * 11, *[BROKEN] * 9).state == CLOSED

    found = after(Standing(), *[OK] * 10, *[BROKEN] * 10)

    assert (found.state, found.reason) == (OPEN, "server_error")


def test_failures_add_up_over_groups_and_are_forgotten_after_the_window() -> None:
    first = after(Standing(), *[BROKEN] * 12)

    assert first.state == CLOSED
    assert after(first, *[BROKEN] * 12, now=NOW + timedelta(seconds=20)).state == OPEN
    assert after(first, *[BROKEN] * 12, now=NOW + timedelta(seconds=40)).state == CLOSED
    assert after(first, OK, now=NOW + timedelta(seconds=40)).window_started_at is None


def test_a_webhook_that_fails_says_nothing_about_an_account() -> None:
    assert after(Standing(), *[BROKEN] * 100, channel="webhook").state == CLOSED


def test_numbers_that_do_not_exist_say_nothing_about_an_account() -> None:
    assert after(Standing(), *[BAD_NUMBER] * 100).state == CLOSED


def test_a_provider_that_asks_for_patience_gets_it_and_stays_closed() -> None:
    found = after(Standing(), PATIENCE)

    assert (found.state, seconds(found)) == (CLOSED, 30)
    assert not is_usable(found, now=NOW)
    assert is_usable(found, now=NOW + timedelta(seconds=30))


def test_sends_that_were_under_way_when_it_opened_do_not_close_it() -> None:
    opened = after(Standing(), REFUSED)

    assert after(opened, OK) == opened


def test_an_account_that_is_held_is_never_due() -> None:
    held = Standing(state=OPEN, is_held=True, paused_until=NOW - timedelta(days=1))

    assert not is_due(held, now=NOW)
    assert not is_usable(held, now=NOW)


receipts = st.sampled_from([OK, REFUSED, BROKEN, PATIENCE, BAD_NUMBER, Receipt(Outcome.RETRY, http_status=503)])


@given(groups=st.lists(st.tuples(st.lists(receipts, min_size=1, max_size=30), st.integers(0, 200)), max_size=20))
def test_whatever_comes_an_open_account_always_has_a_time_at_which_it_is_tried(
    groups: list[tuple[list[Receipt], int]],
) -> None:
    standing, now = Standing(), NOW
    for group, wait in groups:
        now += timedelta(seconds=wait)
        if is_due(standing, now=now):
            standing = replace(standing, state=HALF_OPEN, probe_until=now + timedelta(seconds=60))
        standing = after(standing, *group, now=now)

        if standing.state == OPEN:
            assert standing.paused_until is not None
            assert seconds(standing, now) <= 3600
            assert is_due(standing, now=standing.paused_until)
        assert standing.failures <= standing.tries
        assert standing.state != HALF_OPEN
