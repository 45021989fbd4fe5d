"""Sweepers: nothing waits for ever, and running them twice or side by side does no harm."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from sentinel import broker, dispatcher
from sentinel.clock import utc_now
from sentinel.db import get_engine, new_session
from sentinel.models import SweeperRun
from sentinel.services.bookkeeping import retention
from sentinel.services.sending import delivery, reconciling, sweeping
from sentinel.stand_ins import ProviderStandIn, refused
from tests.conftest import Configure
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, tries

Queued = list[tuple[str, str, tuple[str, ...]]]
"""What the sweeper handed to the broker: (kind, channel, ids)."""


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> Queued:
    found: Queued = []

    def publish_as(kind: str) -> object:
        def publish(channel: str, ids: Sequence[str]) -> bool:
            found.append((kind, channel, tuple(ids)))
            return True

        return publish

    # The accepting process died between its commit and its publish.
    monkeypatch.setattr(dispatcher.Dispatcher, "add", lambda *_: None)
    monkeypatch.setattr(broker, "publish_pipeline", publish_as("pipeline"))
    monkeypatch.setattr(broker, "publish_delivery", publish_as("delivery"))
    return found


def test_a_row_whose_message_was_lost_is_queued_again(accept: Accept, queued: Queued) -> None:
    notification_id = accept()

    sweeping.sweep_waiting()
    assert queued == []
    _pass_time("queue_at")
    sweeping.sweep_waiting()

    assert queued == [("pipeline", "sms", (notification_id,))]


def test_a_row_that_was_just_queued_is_left_alone(accept: Accept, queued: Queued) -> None:
    accept()
    _pass_time("queue_at")

    assert sweeping.sweep_waiting() == 1
    assert sweeping.sweep_waiting() == 0


def test_a_scheduled_row_is_queued_when_its_time_has_come(accept: Accept, queued: Queued) -> None:
    notification_id = accept(send_at=utc_now() + timedelta(hours=1))
    sweeping.sweep_waiting()
    assert queued == []

    _pass_time("queue_at")
    sweeping.sweep_waiting()

    assert queued == [("pipeline", "sms", (notification_id,))]


def test_a_retry_whose_message_was_lost_goes_to_the_retry_queue(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, queued: Queued
) -> None:
    provider.script(refused(503, 20503))
    notification_id = accept()
    run_pipeline([notification_id])

    _pass_time("queue_at")
    sweeping.sweep_waiting()

    assert queued == [("delivery", "sms", (notification_id,))]


def test_sweepers_side_by_side_queue_each_row_once(accept: Accept, queued: Queued) -> None:
    ids = [accept() for _ in range(50)]
    _pass_time("queue_at")
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        sweeping.sweep_waiting()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(each for _, _, batch in queued for each in batch) == sorted(ids)


def test_a_send_whose_worker_vanished_is_ambiguous_then_tried_again(
    accept: Accept, provider: ProviderStandIn, queued: Queued
) -> None:
    notification_id = accept()
    _claim_and_vanish()

    assert sweeping.sweep_leases() == 1
    assert (row(notification_id).status, row(notification_id).reason) == ("AMBIGUOUS", "worker_lost")
    assert [(each.outcome, each.reason) for each in tries(notification_id)] == [("AMBIGUOUS", "worker_lost")]
    sweeping.sweep_waiting()
    reconciling.reconcile("sms", [notification_id])
    delivery.deliver("sms", [notification_id], worker="test@here")

    assert row(notification_id).status == "SENT"


def test_a_message_that_kills_every_worker_comes_to_an_end(accept: Accept, provider: ProviderStandIn) -> None:
    notification_id = accept()

    for _ in range(6):
        _claim_and_vanish()
        sweeping.sweep_leases()
        sweeping.sweep_waiting()
        reconciling.reconcile("sms", [notification_id])

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "ambiguous")
    assert row(notification_id).attempts == 6


def test_a_lease_that_still_runs_is_respected(accept: Accept, provider: ProviderStandIn) -> None:
    accept()
    _execute(
        "UPDATE notifications SET status = 'SENDING', attempts = 1, provider = 'twilio', queue_at = NULL, "
        "lease_id = gen_random_uuid(), lease_until = now() + interval '1 minute'"
    )

    assert sweeping.sweep_leases() == 0


def test_a_retry_beyond_its_expiry_fails_as_expired(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(503, 20503))
    notification_id = accept(expires_at=utc_now() + timedelta(hours=1))
    run_pipeline([notification_id])
    _execute("UPDATE notifications SET expires_at = now() - interval '1 second'")

    delivery.deliver("sms", [notification_id], worker="test@here")

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "expired")


def test_each_sweeper_leaves_the_time_of_its_last_success(database: Configure) -> None:
    sweeping.sweep_waiting()
    sweeping.sweep_leases()
    retention.prune()

    with new_session() as session:
        assert set(session.scalars(select(SweeperRun.name))) == {"sweep_waiting", "sweep_leases", "prune"}


def _claim_and_vanish() -> None:
    """What a worker killed in mid-send leaves behind, with its lease over."""
    _execute(
        "UPDATE notifications SET status = 'SENDING', attempts = attempts + 1, provider = 'twilio', queue_at = NULL, "
        "next_attempt_at = NULL, lease_id = gen_random_uuid(), lease_until = now() - interval '1 second' "
        "WHERE status IN ('PENDING', 'RETRYING')"
    )


def _pass_time(column: str) -> None:
    _execute(f"UPDATE notifications SET {column} = now() - interval '1 second' WHERE {column} IS NOT NULL")
    _execute("UPDATE notifications SET next_attempt_at = now() - interval '1 second' WHERE next_attempt_at > now()")


def _execute(statement: str) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(statement))


def test_what_waits_in_a_long_queue_is_not_queued_once_more(
    accept: Accept, queued: Queued, database: Configure
) -> None:
    """Under overload each sweep would make the queue longer; what is lost is queued again all the same, later."""
    ids = {channel: accept(channel=channel, recipient=address) for channel, address in ADDRESSES.items()}
    _execute("UPDATE notifications SET queue_at = now() - interval '1 second'")
    with broker.celery.connection_for_write() as connection, connection.SimpleQueue("sms") as line:
        for _ in range(sweeping.LONG_QUEUE + 1):
            line.put([])

        sweeping.sweep_waiting()
        assert [each[2] for each in queued] == [(ids["email"],)], "nobody waits for the mail's queue"
        _execute("UPDATE notifications SET queue_at = now() - interval '1 minute'")
        sweeping.sweep_waiting()
        assert {each[2] for each in queued[1:]} == {(ids["email"],), (ids["sms"],)}, "it has waited too long"
        _execute("UPDATE notifications SET queue_at = now() - interval '1 second'")
        line.clear()

    sweeping.sweep_waiting()
    assert {each[2] for each in queued[3:]} == {(ids["email"],), (ids["sms"],)}


ADDRESSES = {"sms": "+14155552671", "email": "oncall@example.com"}
