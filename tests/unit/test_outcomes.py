"""What follows from a receipt, whatever the numbers are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sentinel.channels.base import Outcome, Receipt
from sentinel.models.status import ALLOWED, WAITING, Reason, Status
from sentinel.services.sending.outcomes import ENDS, PARKS, Try, backoff_seconds, next_step, pause_seconds
from sentinel.settings import Settings

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
SETTINGS = Settings()

receipts = st.builds(
    Receipt,
    outcome=st.sampled_from(Outcome),
    reason=st.sampled_from([None, "unavailable"]),
    retry_after_seconds=st.none() | st.floats(0, 1e7),
)


@st.composite
def tries(draw: st.DrawFn) -> Try:
    """Any try that can have taken place: not past its limit."""
    limit = draw(st.integers(1, 100))
    age = draw(st.floats(0, 400_000))
    left = draw(st.none() | st.floats(-1000, 1e6))
    return Try(
        number=draw(st.integers(1, limit)),
        limit=limit,
        created_at=NOW - timedelta(seconds=age),
        expires_at=None if left is None else NOW + timedelta(seconds=left),
    )


@given(receipt=receipts, tried=tries())
def test_the_next_status_is_one_that_may_follow_sending(receipt: Receipt, tried: Try) -> None:
    assert next_step(receipt, tried, SETTINGS, now=NOW).status in ALLOWED[Status.SENDING]


@given(receipt=receipts, tried=tries())
def test_what_waits_has_a_time_that_is_not_over_and_what_has_ended_has_none(receipt: Receipt, tried: Try) -> None:
    step = next_step(receipt, tried, SETTINGS, now=NOW)

    assert (step.due_at is not None) == (step.status in WAITING)
    assert step.due_at is None or step.due_at >= NOW


@given(receipt=receipts, tried=tries())
def test_no_try_is_planned_at_or_after_the_expiry(receipt: Receipt, tried: Try) -> None:
    step = next_step(receipt, tried, SETTINGS, now=NOW)

    if step.status is Status.RETRYING and tried.expires_at is not None and step.due_at is not None:
        assert step.due_at < tried.expires_at


@given(receipt=receipts, tried=tries())
def test_the_last_try_is_the_last(receipt: Receipt, tried: Try) -> None:
    assume(tried.number == tried.limit)

    step = next_step(receipt, tried, SETTINGS, now=NOW)

    assert step.status is not Status.RETRYING or step.extra_attempts == 1
    if receipt.outcome is Outcome.RETRY:
        assert (step.status, step.reason) == (Status.FAILED, Reason.ATTEMPTS_EXHAUSTED)


@given(tried=tries(), asked=st.floats(0, 1e7))
def test_no_try_is_planned_before_the_provider_allows_it(tried: Try, asked: float) -> None:
    receipt = Receipt(Outcome.RETRY, retry_after_seconds=asked)

    step = next_step(receipt, tried, SETTINGS, now=NOW)

    if step.due_at is not None:
        wait = (step.due_at - NOW).total_seconds()
        assert wait >= min(asked, SETTINGS.backoff_cap_seconds) - 1e-6
        assert wait <= SETTINGS.backoff_cap_seconds


@given(tried=tries())
def test_a_send_in_doubt_is_always_decided_at_a_known_time(tried: Try) -> None:
    step = next_step(Receipt(Outcome.AMBIGUOUS), tried, SETTINGS, now=NOW)

    assert step.status is Status.AMBIGUOUS
    assert step.due_at == NOW + timedelta(seconds=SETTINGS.ambiguous_wait_seconds)


@given(tried=tries(), outcome=st.sampled_from(sorted(PARKS)), asked=st.none() | st.floats(0, 1e7))
def test_a_refused_account_uses_up_no_attempt(tried: Try, outcome: Outcome, asked: float | None) -> None:
    step = next_step(Receipt(outcome, retry_after_seconds=asked), tried, SETTINGS, now=NOW)

    assert step.status in (Status.RETRYING, Status.FAILED)
    assert step.extra_attempts == (1 if step.status is Status.RETRYING else 0)


@given(tried=tries(), outcome=st.sampled_from(sorted(PARKS)))
def test_nobody_waits_for_a_refused_account_longer_than_the_parking_time(tried: Try, outcome: Outcome) -> None:
    step = next_step(Receipt(outcome), tried, SETTINGS, now=NOW)

    if step.due_at is not None:
        assert step.due_at <= tried.created_at + timedelta(seconds=SETTINGS.park_seconds)


@given(tried=tries(), outcome=st.sampled_from(sorted(ENDS)))
def test_what_can_never_work_ends_at_once_with_the_providers_reason(tried: Try, outcome: Outcome) -> None:
    step = next_step(Receipt(outcome, reason="invalid_number"), tried, SETTINGS, now=NOW)

    assert (step.status, step.reason, step.due_at) == (Status.FAILED, "invalid_number", None)


def test_an_accepted_message_is_sent() -> None:
    tried = Try(1, 6, NOW, NOW - timedelta(seconds=1))

    assert next_step(Receipt(Outcome.OK), tried, SETTINGS, now=NOW).status is Status.SENT


@given(attempt=st.integers(1, 10_000))
def test_backoff_stays_between_nothing_and_its_cap(attempt: int) -> None:
    ceiling = min(SETTINGS.backoff_cap_seconds, SETTINGS.backoff_base_seconds * 2.0 ** min(attempt - 1, 1000))

    assert 0 <= backoff_seconds(attempt, SETTINGS) <= ceiling


@pytest.mark.parametrize(
    ("receipt", "seconds"),
    [
        (Receipt(Outcome.CONFIG), 60),
        (Receipt(Outcome.QUOTA), 60),
        (Receipt(Outcome.RETRY), 2),
        (Receipt(Outcome.QUOTA, retry_after_seconds=7.5), 7.5),
        (Receipt(Outcome.QUOTA, retry_after_seconds=1e9), 3600),
    ],
)
def test_an_account_rests_as_long_as_it_asks_within_an_hour(receipt: Receipt, seconds: float) -> None:
    assert pause_seconds(receipt, SETTINGS) == seconds


@pytest.mark.parametrize(
    ("provider", "key", "seconds"), [("sendgrid", "MFk…", 120), ("sendgrid", None, 45), ("twilio", "MFk…", 45)]
)
def test_a_provider_that_reports_by_itself_is_given_time_to_do_so(provider: str, key: str | None, seconds: int) -> None:
    settings = SETTINGS.model_copy(update={"sendgrid_webhook_public_key": key})

    step = next_step(Receipt(Outcome.AMBIGUOUS), Try(1, 6, NOW, None, provider), settings, now=NOW)

    assert step.due_at == NOW + timedelta(seconds=seconds)
