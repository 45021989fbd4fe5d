"""Evaluate, dedupe and rate_limit: what stops, why, and that it is written down."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.db import get_engine, new_session
from sentinel.models import Client
from sentinel.services import notifications
from sentinel.services.sending import pipeline
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.conftest import Configure
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row

LIMITS = {"scope": "recipient", "rate": "5/minute", "above": "drop"}
STRATEGIES = ["fixed-window", "moving-window", "sliding-window-counter"]


def statuses(ids: list[str]) -> list[tuple[str, str | None]]:
    return [(row(each).status, row(each).reason) for each in ids]


def test_a_duplicate_is_suppressed_and_not_sent(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    first, second = accept(dedupe_key="disk-full"), accept(dedupe_key="disk-full")

    run_pipeline([first, second])

    assert statuses([first, second]) == [("SENT", None), ("SUPPRESSED", "duplicate")]
    assert row(second).duplicate_of == first
    assert len(provider.entries) == 1


def test_a_duplicate_that_comes_later_is_suppressed_too(accept: Accept, run_pipeline: RunPipeline) -> None:
    first = accept(dedupe_key="disk-full")
    run_pipeline([first])

    second = accept(dedupe_key="disk-full")
    run_pipeline([second])

    assert statuses([second]) == [("SUPPRESSED", "duplicate")]


def test_the_same_text_without_a_key_is_never_taken_for_a_duplicate(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(3)]

    run_pipeline(ids)

    assert statuses(ids) == [("SENT", None)] * 3


def test_one_key_to_two_recipients_reaches_both(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept(dedupe_key="k", recipient=f"+1415555267{digit}") for digit in (1, 2)]

    run_pipeline(ids)

    assert statuses(ids) == [("SENT", None)] * 2


def test_another_client_is_not_a_duplicate(accept: Accept, run_pipeline: RunPipeline) -> None:
    with unit_of_work() as uow:
        uow.session.add(Client(name="other", created_at=uow.now))
        uow.session.flush()
        other = uow.session.query(Client).filter_by(name="other").one().id
    ids = [accept(dedupe_key="k"), accept(other, dedupe_key="k")]

    run_pipeline(ids)

    assert statuses(ids) == [("SENT", None)] * 2


def test_twenty_batches_at_once_with_one_key_send_one(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    ids = [accept(dedupe_key="alert-1") for _ in range(20)]
    start = threading.Barrier(5)

    def work(mine: list[str]) -> None:
        start.wait()
        run_pipeline(mine)

    threads = [threading.Thread(target=work, args=(ids[index::5],)) for index in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses(ids)) == [("SENT", None)] + [("SUPPRESSED", "duplicate")] * 19
    assert len(provider.entries) == 1


def test_a_repetition_is_heard_when_the_first_one_failed(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(400, 21612))
    first = accept(dedupe_key="k")
    run_pipeline([first])

    second = accept(dedupe_key="k")
    run_pipeline([second])

    assert statuses([first, second]) == [("FAILED", row(first).reason), ("SENT", None)]


def test_a_dedupe_key_is_free_again_after_its_window(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    run_pipeline([accept(dedupe_key="k")])
    _execute("UPDATE dedupe_claims SET expires_at = now() - interval '1 second'")

    again = accept(dedupe_key="k")
    run_pipeline([again])

    assert statuses([again]) == [("SENT", None)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_six_messages_to_one_user_are_five_sent_and_one_dropped(
    strategy: str, accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    database(SENTINEL_LIMITS=json.dumps([LIMITS | {"scope": "user"}]), SENTINEL_LIMIT_STRATEGY=strategy)
    ids = [accept(user_id="u1", recipient=f"+1415555267{digit}") for digit in range(6)]
    other = accept(user_id="u2")

    run_pipeline([*ids, other])

    assert statuses(ids) == [("SENT", None)] * 5 + [("SUPPRESSED", "rate_limited")]
    assert statuses([other]) == [("SENT", None)]


def test_concurrent_workers_let_exactly_the_limit_through(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    database(SENTINEL_LIMITS=json.dumps([LIMITS]))
    ids = [accept() for _ in range(20)]
    threads = [threading.Thread(target=run_pipeline, args=(ids[index::4],)) for index in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [status for status, _ in statuses(ids)].count("SENT") == 5


def test_above_the_default_limit_messages_wait_for_the_window(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(32)]

    run_pipeline(ids)

    assert statuses(ids) == [("SENT", None)] * 30 + [("PENDING", "rate_limited")] * 2
    waiting = row(ids[-1])
    assert waiting.next_attempt_at is not None
    assert utc_now() < waiting.next_attempt_at < utc_now() + timedelta(seconds=61)
    assert waiting.attempts == 0
    with unit_of_work() as uow:
        events = [item.event for item in notifications.timeline(uow, ids[-1], client_id=None)]
    assert events == ["accepted", "deferred"]


def test_those_behind_a_whole_window_wait_a_window_longer(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    database(SENTINEL_LIMITS=json.dumps([LIMITS | {"above": "defer", "rate": "2/minute"}]))
    ids = [accept() for _ in range(6)]

    run_pipeline(ids)

    due = [row(each).next_attempt_at for each in ids[2:]]
    assert None not in due
    waits = [round((moment - utc_now()).total_seconds() / 60) for moment in due if moment is not None]
    assert waits == [1, 1, 2, 2]


def test_a_limit_of_one_channel_leaves_the_other_alone(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    database(SENTINEL_LIMITS=json.dumps([LIMITS | {"scope": "client", "rate": "1/minute", "channel": "sms"}]))
    texts, mails = [accept(), accept()], [accept(channel="email", recipient="a@example.com") for _ in range(2)]

    run_pipeline(texts)
    run_pipeline(mails, "email")

    assert statuses(texts) == [("SENT", None), ("SUPPRESSED", "rate_limited")]
    assert statuses(mails) == [("SENT", None)] * 2


def test_what_a_recipients_limit_holds_back_uses_up_nothing_of_the_clients(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    narrow, broad = LIMITS | {"rate": "1/minute"}, LIMITS | {"scope": "client", "rate": "3/minute"}
    database(SENTINEL_LIMITS=json.dumps([broad, narrow]))
    same = [accept() for _ in range(5)]
    others = [accept(recipient=f"+1415555268{digit}") for digit in range(2)]

    run_pipeline([*same, *others])

    assert [status for status, _ in statuses([*same, *others])].count("SENT") == 3


def test_a_limit_key_always_has_a_time_to_live(accept: Accept, run_pipeline: RunPipeline, database: Configure) -> None:
    import redis

    settings = database(SENTINEL_LIMITS=json.dumps([LIMITS]))
    run_pipeline([accept()])

    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as store:
        keys = store.keys("sentinel:limits:*")
        assert keys
        assert all(0 < store.ttl(key) <= 120 for key in keys)


DEAD_REDIS = "redis://127.0.0.1:1/0"


def test_with_the_limiter_down_messages_go_through_when_it_fails_open(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    notification_id = accept()
    database(REDIS_URL=DEAD_REDIS)

    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("SENT", None)]


def test_with_the_limiter_down_messages_wait_when_it_fails_closed(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    notification_id = accept()
    database(REDIS_URL=DEAD_REDIS, SENTINEL_LIMITER_DOWN="closed")

    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("PENDING", "limiter_down")]


def test_an_expired_notification_is_suppressed(accept: Accept, run_pipeline: RunPipeline) -> None:
    notification_id = accept(expires_at=utc_now() + timedelta(hours=1))
    _execute("UPDATE notifications SET expires_at = now() - interval '1 second'")

    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("SUPPRESSED", "expired")]


def test_a_scheduled_notification_is_not_sent_early(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept(send_at=utc_now() + timedelta(hours=1))

    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("PENDING", None)]
    assert row(notification_id).next_attempt_at == row(notification_id).send_at
    assert provider.entries == []


def test_a_disabled_client_is_silent_and_says_so(accept: Accept, run_pipeline: RunPipeline) -> None:
    notification_id = accept()
    _execute("UPDATE clients SET is_active = false")

    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("SUPPRESSED", "client_disabled")]


def test_a_cancelled_notification_goes_no_further(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    with unit_of_work() as uow:
        notifications.cancel(uow, notification_id, client_id=None)

    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("CANCELLED", None)]
    assert provider.entries == []


def test_the_stages_return_ids_in_the_order_of_their_time(accept: Accept) -> None:
    ids = [accept() for _ in range(10)]

    with unit_of_work() as uow:
        going = pipeline.prepare(uow, list(reversed(ids)))

    assert going == sorted(ids)


def _execute(statement: str) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(statement))


def test_a_retried_notification_gets_a_fresh_allowance_and_keeps_its_history(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(400, 21612))
    notification_id = accept()
    run_pipeline([notification_id])

    with unit_of_work() as uow:
        notifications.retry(uow, notification_id, client_id=None)
    run_pipeline([notification_id])

    assert statuses([notification_id]) == [("SENT", None)]
    with new_session():
        assert (row(notification_id).attempts, row(notification_id).attempt_limit) == (2, 7)


def test_a_message_counts_once_however_often_its_chain_comes(accept: Accept, database: Configure) -> None:
    database(SENTINEL_LIMITS=json.dumps([LIMITS | {"rate": "2/minute"}]))
    ids = [accept() for _ in range(2)]

    for _ in range(3):
        with unit_of_work() as uow:
            assert pipeline.prepare(uow, ids) == ids

    assert statuses(ids) == [("PENDING", None)] * 2


def test_an_operators_retry_counts_against_the_limits_again(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_LIMITS=json.dumps([LIMITS | {"rate": "2/minute"}]))
    provider.script(refused(400, 21612))
    failed, other = accept(), accept()
    run_pipeline([failed, other])
    assert statuses([failed, other])[1] == ("SENT", None)

    with unit_of_work() as uow:
        notifications.retry(uow, failed, client_id=None)
    run_pipeline([failed])

    assert statuses([failed]) == [("SUPPRESSED", "rate_limited")]
