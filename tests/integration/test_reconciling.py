"""Sends in doubt: found at the provider and kept, or missing and decided by the client's policy."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sentinel import broker, metrics
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.queries import accounts
from sentinel.queries import reconciling as queries
from sentinel.queries.accounts import Standing
from sentinel.services import notifications
from sentinel.services.sending import delivery, reconciling, sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused, reset, reset_unread
from tests.conftest import Configure
from tests.integration.conftest import DEFAULT_CLIENT_ID, Accept, RunPipeline
from tests.rows import row, tries

PHONE = "+14155552671"


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The questions that the sweeper has queued."""
    found: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(broker, "publish_reconcile", lambda channel, ids: found.append((channel, list(ids))))
    return found


@pytest.fixture
def doubtful(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> Accept:
    """Accept a notification whose first try leaves it in doubt; the text has arrived unless `arrives` is False."""

    def made(*, arrives: bool = True, **changes: Any) -> str:
        provider.script(reset() if arrives else refused(500, 20500))
        notification_id = accept(**changes)
        run_pipeline([notification_id])
        assert row(notification_id).status == "AMBIGUOUS"
        return notification_id

    return made


def set_policy(policy: str, channel: str = "*", client_id: int = DEFAULT_CLIENT_ID) -> None:
    _execute(f"INSERT INTO delivery_policies VALUES ({client_id}, '{channel}', '{policy}', now())")


def look_up(*ids: str) -> None:
    """What beat and a worker do when the wait is over."""
    sweeping.sweep_waiting()
    reconciling.reconcile("sms", ids)


def send_again(*ids: str) -> None:
    delivery.deliver("sms", ids, worker="test@here")


def story(notification_id: str) -> list[str]:
    with unit_of_work() as uow:
        return [item.event for item in notifications.timeline(uow, notification_id, client_id=None)]


def copies(provider: ProviderStandIn) -> int:
    """How many messages the provider has, whether we know of them or not."""
    return sum(entry.message_id is not None for entry in provider.entries)


def counted(name: str) -> float:
    return sum(amount for series, amount in metrics.totals().items() if series[0] == name)


def _execute(statement: str) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(statement))


def test_a_message_that_arrived_without_an_answer_is_found_and_not_sent_again(
    doubtful: Accept, provider: ProviderStandIn, published: list[tuple[str, list[str]]]
) -> None:
    notification_id = doubtful()

    look_up(notification_id)

    found = row(notification_id)
    assert published == [("sms", [notification_id])]
    assert (found.status, found.reason, found.attempts) == ("SENT", None, 1)
    assert (found.queue_at, found.next_attempt_at) == (None, None)
    assert found.provider_message_id == provider.entries[0].message_id
    assert found.sent_at is not None
    assert found.created_at <= found.sent_at <= utc_now()
    assert copies(provider) == 1


def test_what_was_found_is_told_in_the_timeline_and_on_the_attempt(doubtful: Accept, provider: ProviderStandIn) -> None:
    notification_id = doubtful()

    look_up(notification_id)

    (attempt,) = tries(notification_id)
    assert (attempt.outcome, attempt.provider_message_id) == ("AMBIGUOUS", provider.entries[0].message_id)
    assert story(notification_id) == ["accepted", "attempted", "reconciled", "sent"]


def test_a_message_that_never_arrived_is_sent_again(doubtful: Accept, provider: ProviderStandIn) -> None:
    notification_id = doubtful(arrives=False)

    look_up(notification_id)
    assert row(notification_id).status == "RETRYING"
    send_again(notification_id)

    assert (row(notification_id).status, row(notification_id).attempts) == ("SENT", 2)
    assert copies(provider) == 1
    assert story(notification_id) == ["accepted", "attempted", "doubt_decided", "attempted", "sent"]


def test_a_connection_cut_before_anything_was_read_ends_in_one_copy(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(reset_unread())
    notification_id = accept()
    run_pipeline([notification_id])

    look_up(notification_id)
    _execute("UPDATE notifications SET next_attempt_at = now() - interval '1 second' WHERE status = 'RETRYING'")
    send_again(notification_id)

    assert row(notification_id).status == "SENT"
    assert copies(provider) == 1


def test_a_provider_that_is_down_is_asked_again(doubtful: Accept, provider: ProviderStandIn) -> None:
    notification_id = doubtful()
    provider.script_lookups(refused(503, 20503))

    look_up(notification_id)
    assert (row(notification_id).status, row(notification_id).lookups) == ("AMBIGUOUS", 1)
    look_up(notification_id)

    assert (row(notification_id).status, row(notification_id).lookups) == ("SENT", 2)
    assert copies(provider) == 1


def test_each_wait_for_a_provider_that_cannot_say_is_twice_the_one_before(
    doubtful: Accept, provider: ProviderStandIn, database: Configure
) -> None:
    notification_id = doubtful()
    provider.always(refused(503, 20503))
    database(SENTINEL_AMBIGUOUS_WAIT_SECONDS="40")
    waits = []

    for _ in range(3):
        _execute("UPDATE notifications SET queue_at = now()")
        look_up(notification_id)
        due_at = row(notification_id).queue_at
        assert due_at is not None
        waits.append((due_at - utc_now()).total_seconds())

    assert [round(wait / 40) for wait in waits] == [1, 2, 4]


def test_the_policy_decides_when_a_provider_cannot_say_for_long(
    doubtful: Accept, provider: ProviderStandIn, published: list[tuple[str, list[str]]]
) -> None:
    notification_id = doubtful()
    provider.always(refused(503, 20503))

    for _ in range(reconciling.MOST_LOOKUPS):
        look_up(notification_id)
    assert row(notification_id).status == "AMBIGUOUS"
    sweeping.sweep_waiting()

    assert row(notification_id).status == "RETRYING"
    assert len(published) == len(provider.lookups) == reconciling.MOST_LOOKUPS
    assert row(notification_id).lookups == 0


def test_who_wants_at_most_one_copy_gets_none_when_it_is_missing(doubtful: Accept, provider: ProviderStandIn) -> None:
    set_policy("at_most_once")
    missing, arrived = doubtful(arrives=False), doubtful(recipient="+14155552672")

    look_up(missing, arrived)

    assert (row(missing).status, row(missing).reason) == ("FAILED", "ambiguous")
    assert row(arrived).status == "SENT"


@pytest.mark.parametrize(
    ("policies", "status"),
    [
        ({"*": "at_most_once"}, "FAILED"),
        ({"email": "at_most_once"}, "RETRYING"),
        ({"*": "at_most_once", "sms": "at_least_once"}, "RETRYING"),
        ({"*": "at_least_once", "sms": "at_most_once"}, "FAILED"),
    ],
)
def test_a_policy_of_the_channel_comes_before_one_for_all(
    doubtful: Accept, policies: dict[str, str], status: str
) -> None:
    for channel, policy in policies.items():
        set_policy(policy, channel)
    notification_id = doubtful(arrives=False)

    look_up(notification_id)

    assert row(notification_id).status == status


def test_the_policy_of_another_client_does_not_hold(doubtful: Accept) -> None:
    _execute("INSERT INTO clients (id, name, created_at) VALUES (4711, 'other', now())")
    set_policy("at_most_once", client_id=4711)
    ours, theirs = doubtful(arrives=False), doubtful(client_id=4711, arrives=False)

    look_up(ours, theirs)

    assert (row(ours).status, row(theirs).status) == ("RETRYING", "FAILED")


def test_the_setting_holds_where_no_policy_is_set(doubtful: Accept, database: Configure) -> None:
    notification_id = doubtful(arrives=False)
    database(SENTINEL_AMBIGUOUS_POLICY="at_most_once")

    look_up(notification_id)

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "ambiguous")


def test_channels_whose_provider_cannot_be_asked_go_by_policy_at_once(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, published: list[tuple[str, list[str]]]
) -> None:
    provider.script(refused(500))
    notification_id = accept(channel="email", recipient="a@example.com", subject="Disk")
    run_pipeline([notification_id], channel="email")

    sweeping.sweep_waiting()

    assert row(notification_id).status == "RETRYING"
    assert published == []


def test_of_two_equal_messages_one_of_which_arrived_exactly_one_is_sent_again(
    doubtful: Accept, provider: ProviderStandIn
) -> None:
    ids = [doubtful(), doubtful(arrives=False)]

    look_up(*ids)

    assert sorted(row(each).status for each in ids) == ["RETRYING", "SENT"]
    send_again(*ids)
    assert {row(each).status for each in ids} == {"SENT"}
    assert len({row(each).provider_message_id for each in ids}) == 2
    assert copies(provider) == 2


def test_an_equal_message_that_was_answered_is_not_taken_for_the_one_in_doubt(
    doubtful: Accept, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    lost, answered = doubtful(arrives=False), accept()
    run_pipeline([answered])

    look_up(lost)

    assert (row(answered).status, row(lost).status) == ("SENT", "RETRYING")


def test_nothing_is_adopted_while_an_equal_message_is_under_way(
    doubtful: Accept, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    """The provider has the other one already, but its worker has not written that down."""
    lost, under_way = doubtful(arrives=False), accept()
    run_pipeline([under_way])
    _execute("UPDATE attempts SET provider_message_id = NULL")
    _execute(
        "UPDATE notifications SET status = 'SENDING', lease_id = gen_random_uuid(), "
        f"lease_until = now() + interval '1 minute' WHERE id = '{under_way}'"
    )

    look_up(lost)

    assert (row(lost).status, row(lost).lookups) == ("AMBIGUOUS", 1)


def test_questions_at_the_same_time_adopt_each_message_once(
    doubtful: Accept, provider: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = queries.holders

    def slowly(*given: Any) -> dict[str, str]:
        found = read(*given)
        time.sleep(0.1)  # time for all others to read the same
        return found

    monkeypatch.setattr(queries, "holders", slowly)
    ids = [doubtful(), *(doubtful(arrives=False) for _ in range(7))]
    start = threading.Barrier(len(ids))

    def work(notification_id: str) -> None:
        start.wait()
        reconciling.reconcile("sms", [notification_id])

    threads = [threading.Thread(target=work, args=[each]) for each in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(row(each).status for each in ids) == ["RETRYING"] * 7 + ["SENT"]


def test_a_question_that_comes_twice_settles_once(doubtful: Accept, provider: ProviderStandIn) -> None:
    notification_id = doubtful(arrives=False)

    look_up(notification_id)
    reconciling.reconcile("sms", [notification_id])

    assert len(provider.lookups) == 1
    assert row(notification_id).status == "RETRYING"


def test_a_late_answer_to_an_earlier_doubt_changes_nothing(
    doubtful: Accept, provider: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question and its answer the message was decided, sent again, and is in doubt anew."""
    notification_id = doubtful(arrives=False)
    settle = reconciling._settle_missing

    def late(*given: Any) -> None:
        with get_engine().begin() as connection:
            connection.execute(text("UPDATE notifications SET attempts = attempts + 1, lookups = 1"))
        settle(*given)

    monkeypatch.setattr(reconciling, "_settle_missing", late)
    look_up(notification_id)

    assert row(notification_id).status == "AMBIGUOUS"


def test_a_send_lost_with_its_worker_is_looked_up_from_its_claim_on(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    """It was killed after the provider had taken the message and before anything was written down."""
    notification_id = accept()
    run_pipeline([notification_id])
    _execute("DELETE FROM attempts")
    _execute(
        "UPDATE notifications SET status = 'SENDING', provider_message_id = NULL, sent_at = NULL, "
        "lease_id = gen_random_uuid(), lease_until = now() - interval '1 second'"
    )

    claimed_at = row(notification_id).updated_at

    sweeping.sweep_leases()
    (attempt,) = tries(notification_id)
    assert (attempt.reason, row(notification_id).reason) == ("worker_lost", "worker_lost")
    assert attempt.started_at == claimed_at
    look_up(notification_id)

    assert row(notification_id).status == "SENT"
    assert row(notification_id).provider_message_id == provider.entries[0].message_id
    assert copies(provider) == 1


def test_while_the_account_rests_doubts_wait_without_being_asked(doubtful: Accept, provider: ProviderStandIn) -> None:
    notification_id = doubtful()
    until = utc_now() + timedelta(minutes=5)
    with unit_of_work() as uow:
        accounts.write(uow.session, "twilio", Standing(state="open", paused_until=until), now=uow.now)

    look_up(notification_id)

    waiting = row(notification_id)
    assert (waiting.status, waiting.lookups, waiting.queue_at) == ("AMBIGUOUS", 0, until)
    assert provider.lookups == []


def test_an_open_account_that_has_rested_may_be_asked(doubtful: Accept, provider: ProviderStandIn) -> None:
    """Nobody else might try it: without a message that waits there is no probe."""
    notification_id = doubtful()
    with unit_of_work() as uow:
        accounts.write(uow.session, "twilio", Standing(state="open", paused_until=utc_now()), now=uow.now)

    look_up(notification_id)

    assert row(notification_id).status == "SENT"


def test_a_doubt_older_than_messages_may_wait_goes_by_policy(
    doubtful: Accept, provider: ProviderStandIn, published: list[tuple[str, list[str]]]
) -> None:
    notification_id = doubtful()
    _execute("UPDATE notifications SET updated_at = now() - interval '2 days'")

    sweeping.sweep_waiting()

    assert row(notification_id).status == "RETRYING"
    assert published == []


def test_a_doubt_whose_other_target_is_due_is_not_asked_about_twice(
    doubtful: Accept, provider: ProviderStandIn
) -> None:
    notification_id = doubtful()
    provider.always(refused(503, 20503))
    _execute("UPDATE notifications SET failover_at = now() - interval '1 second'")

    look_up(notification_id)
    assert row(notification_id).status == "AMBIGUOUS"
    sweeping.sweep_waiting()

    assert row(notification_id).status == "RETRYING"


def test_a_lost_question_is_queued_again(
    doubtful: Accept, provider: ProviderStandIn, published: list[tuple[str, list[str]]]
) -> None:
    notification_id = doubtful()
    sweeping.sweep_waiting()
    sweeping.sweep_waiting()
    assert published == [("sms", [notification_id])]

    _execute("UPDATE notifications SET queue_at = now() - interval '1 second'")
    sweeping.sweep_waiting()

    assert published == [("sms", [notification_id])] * 2


def test_doubts_and_what_became_of_them_are_counted(doubtful: Accept, provider: ProviderStandIn) -> None:
    ids = [doubtful(), doubtful(arrives=False, recipient="+14155552672"), doubtful(recipient="+14155552673")]

    look_up(*ids)

    names = ("ambiguous_total", "reconciled_found_total", "reconciled_missing_total", "notifications_sent_total")
    assert [counted(name) for name in names] == [3, 2, 1, 2]
