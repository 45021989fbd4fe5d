"""Deliver: claims, outcomes, leases, pauses."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel.channels.sender import Sender
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.services.sending import delivery, sweeping
from sentinel.settings import Settings
from sentinel.stand_ins import ProviderStandIn, delayed, rate_limited, refused, reset, silence
from tests.conftest import Configure
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, tries


def test_a_notification_is_sent_once_and_its_attempt_is_kept(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()

    run_pipeline([notification_id])

    sent = row(notification_id)
    assert (sent.status, sent.attempts, sent.provider, sent.reason) == ("SENT", 1, "twilio", None)
    assert sent.provider_message_id is not None
    assert sent.sent_at is not None
    (attempt,) = tries(notification_id)
    assert (attempt.outcome, attempt.http_status, attempt.worker) == ("OK", 201, "test@here")
    assert len(provider.entries) == 1


def test_the_same_message_delivered_twice_by_the_broker_is_sent_once(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()

    run_pipeline([notification_id])
    run_pipeline([notification_id])

    assert len(provider.entries) == 1


def test_two_workers_with_the_same_ids_send_each_once(accept: Accept, provider: ProviderStandIn) -> None:
    ids = [accept(recipient=f"+1415555{number:04}") for number in range(40)]
    provider.always(delayed(0.02))
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        delivery.deliver("sms", ids, worker="test@here")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(entry.recipient for entry in provider.entries) == sorted(row(each).recipient for each in ids)
    assert {row(each).status for each in ids} == {"SENT"}


def test_threads_that_begin_at_once_share_one_sender(
    accept: Accept, provider: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Sender] = []

    class Slow(Sender):
        """Takes its time to be made, so that others come meanwhile."""

        def __init__(self, settings: Settings) -> None:
            time.sleep(0.1)
            super().__init__(settings)
            made.append(self)

    monkeypatch.setattr(delivery, "Sender", Slow)
    ids = [accept(recipient=f"+1415555{number:04}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: delivery.deliver("sms", [each], worker="test@here"), ids))

    assert len(made) == 1
    assert {row(each).status for each in ids} == {"SENT"}


def test_503_503_201_is_three_attempts_and_sent(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(503, 20503), refused(503, 20503))
    notification_id = accept()

    again = run_pipeline([notification_id])
    assert again.ids == [notification_id]
    for _ in range(2):
        _make_retries_due()
        delivery.deliver("sms", [notification_id], worker="test@here")

    assert (row(notification_id).status, row(notification_id).attempts) == ("SENT", 3)
    assert [attempt.outcome for attempt in tries(notification_id)] == ["RETRY", "RETRY", "OK"]


def test_a_retry_is_not_tried_before_it_is_due(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_BACKOFF_BASE_SECONDS="3000")
    provider.script(refused(503, 20503))
    notification_id = accept()

    run_pipeline([notification_id])
    run_pipeline([notification_id])
    delivery.deliver("sms", [notification_id], worker="test@here")

    assert (row(notification_id).status, row(notification_id).attempts) == ("RETRYING", 1)


def test_attempts_stop_at_the_limit(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_MAX_ATTEMPTS="3")
    provider.always(refused(503, 20503))
    notification_id = accept()

    run_pipeline([notification_id])
    for _ in range(5):
        _make_retries_due()
        delivery.deliver("sms", [notification_id], worker="test@here")

    failed = row(notification_id)
    assert (failed.status, failed.reason, failed.attempts) == ("FAILED", "attempts_exhausted", 3)
    assert len(provider.entries) == 3


def test_an_invalid_number_fails_after_one_attempt(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(400, 21211))
    notification_id = accept()

    again = run_pipeline([notification_id])

    assert again.ids == []
    assert (row(notification_id).status, row(notification_id).attempts) == ("FAILED", 1)
    assert tries(notification_id)[0].provider_code == "21211"


def test_a_reset_after_the_request_is_ambiguous_and_decided_by_policy(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(reset())
    notification_id = accept(channel="email", recipient="a@example.com")

    run_pipeline([notification_id], "email")
    assert row(notification_id).status == "AMBIGUOUS"
    sweeping.sweep_waiting()
    assert row(notification_id).status == "RETRYING"
    delivery.deliver("email", [notification_id], worker="test@here")

    assert (row(notification_id).status, row(notification_id).attempts) == ("SENT", 2)
    assert [attempt.outcome for attempt in tries(notification_id)] == ["AMBIGUOUS", "OK"]


def test_at_most_once_never_sends_an_ambiguous_message_again(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_AMBIGUOUS_POLICY="at_most_once")
    provider.script(reset())
    notification_id = accept(channel="email", recipient="a@example.com")

    run_pipeline([notification_id], "email")
    sweeping.sweep_waiting()

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "ambiguous")
    assert len(provider.entries) == 1


def test_a_provider_that_never_answers_is_given_up_at_the_read_timeout(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_READ_TIMEOUT_SECONDS="0.2")
    provider.script(silence())
    notification_id = accept()

    run_pipeline([notification_id])

    assert (row(notification_id).status, tries(notification_id)[0].outcome) == ("AMBIGUOUS", "AMBIGUOUS")


def test_wrong_credentials_pause_the_account_and_use_up_no_attempt(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(401, 20003))
    first = accept()

    run_pipeline([first])
    second = accept(recipient="+14155552672")
    run_pipeline([second])

    parked = row(first)
    assert (parked.status, parked.attempt_limit - parked.attempts) == ("RETRYING", 6)
    assert (row(second).status, row(second).reason, row(second).attempts) == ("PENDING", "account_paused", 0)
    assert len(provider.entries) == 1


def test_parked_messages_go_out_when_the_account_works_again(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_PROVIDER_PAUSE_SECONDS="1")
    provider.script(refused(401, 20003))
    notification_id = accept()

    run_pipeline([notification_id])
    assert row(notification_id).status == "RETRYING"
    _end_pauses()
    delivery.deliver("sms", [notification_id], worker="test@here")

    assert row(notification_id).status == "SENT"


def test_a_country_that_is_closed_to_us_fails_its_message_and_holds_up_no_other(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(403, 21408))
    first = accept()
    run_pipeline([first])

    second = accept(recipient="+14155552672")
    run_pipeline([second])

    assert (row(first).status, row(first).attempts) == ("FAILED", 1)
    assert row(second).status == "SENT"


def test_a_refused_account_gives_up_a_message_after_the_parking_time(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_PARK_SECONDS="1")
    provider.always(refused(401, 20003))
    notification_id = accept()

    run_pipeline([notification_id])

    assert row(notification_id).status == "FAILED"


def test_429_with_retry_after_holds_back_the_whole_batch(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_PROVIDER_CONCURRENCY="1")
    provider.script(rate_limited(**{"Retry-After": "30"}))
    ids = [accept(recipient=f"+1415555{number:04}") for number in range(5)]

    run_pipeline(ids)

    assert len(provider.entries) == 1
    assert sorted(row(each).status for each in ids) == ["PENDING"] * 4 + ["RETRYING"]
    assert sum(row(each).attempts for each in ids) == 1
    soonest = min(row(each).next_attempt_at for each in ids)  # type: ignore[type-var]
    assert soonest is not None
    assert soonest > utc_now() + timedelta(seconds=25)


def test_a_channel_without_a_provider_fails_as_not_configured(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    database(SENTINEL_SMS_PROVIDER="none")
    notification_id = accept()

    run_pipeline([notification_id])

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "not_configured")


def test_a_message_without_credentials_goes_to_the_sandbox_in_development(
    accept: Accept, run_pipeline: RunPipeline
) -> None:
    notification_id = accept()

    run_pipeline([notification_id])

    assert (row(notification_id).status, row(notification_id).provider) == ("SENT", "sandbox")


def test_a_batch_larger_than_a_slice_is_sent_whole(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    database(SENTINEL_PROVIDER_CONCURRENCY="2")
    ids = [accept(recipient=f"+1415555{number:04}") for number in range(13)]

    run_pipeline(ids)

    assert {row(each).status for each in ids} == {"SENT"}


def test_a_worker_that_lost_its_lease_settles_the_doubt_but_moves_nothing_else(
    accept: Accept, provider: ProviderStandIn
) -> None:
    provider.always(delayed(0.4))
    notification_id = accept()
    worker = threading.Thread(target=delivery.deliver, args=("sms", [notification_id]), kwargs={"worker": "slow@here"})

    worker.start()
    _wait_for(provider, 1)
    _execute("UPDATE notifications SET lease_until = now() - interval '1 second' WHERE status = 'SENDING'")
    assert sweeping.sweep_leases() == 1
    worker.join()

    assert row(notification_id).status == "SENT"
    # That it was in doubt for a while stays to be seen.
    assert [(attempt.outcome, attempt.reason) for attempt in tries(notification_id)] == [("OK", "worker_lost")]


def test_a_worker_that_comes_back_after_the_message_went_on_moves_it_no_more(
    accept: Accept, provider: ProviderStandIn
) -> None:
    provider.always(delayed(0.4))
    notification_id = accept()
    worker = threading.Thread(target=delivery.deliver, args=("sms", [notification_id]), kwargs={"worker": "slow@here"})

    worker.start()
    _wait_for(provider, 1)
    _execute("UPDATE notifications SET lease_until = now() - interval '1 second' WHERE status = 'SENDING'")
    assert sweeping.sweep_leases() == 1
    _execute(
        "UPDATE notifications SET status = 'FAILED', reason = 'ambiguous', queue_at = NULL, next_attempt_at = NULL"
    )
    worker.join()

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "ambiguous")


@pytest.mark.parametrize("status", ["SENT", "FAILED", "CANCELLED", "SUPPRESSED"])
def test_what_has_ended_cannot_be_claimed(status: str, accept: Accept, provider: ProviderStandIn) -> None:
    notification_id = accept()
    _execute(f"UPDATE notifications SET status = '{status}', queue_at = NULL")

    delivery.deliver("sms", [notification_id], worker="test@here")

    assert row(notification_id).status == status
    assert provider.entries == []


def test_a_row_without_a_time_to_look_again_is_refused_by_the_database(accept: Accept) -> None:
    accept()

    with pytest.raises(Exception, match="ck_notifications_waiting_has_time"):
        _execute("UPDATE notifications SET queue_at = NULL")


def _make_retries_due() -> None:
    """Backoff is a millisecond here; make it over instead of waiting for it."""
    _execute("UPDATE notifications SET next_attempt_at = now() - interval '1 second' WHERE status = 'RETRYING'")


def _end_pauses() -> None:
    _execute("UPDATE provider_accounts SET paused_until = now() - interval '1 second'")
    _make_retries_due()


def _execute(statement: str) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(statement))


def _wait_for(provider: ProviderStandIn, count: int) -> None:
    arrived = threading.Event()
    for _ in range(500):
        if len(provider.entries) >= count:
            return
        arrived.wait(0.01)
    pytest.fail(f"only {len(provider.entries)} of {count} requests arrived")
