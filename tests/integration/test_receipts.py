"""What stored reports do to notifications: settled, sent anew, ended, and their addresses left alone."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from sentinel import metrics
from sentinel.channels import sendgrid_reports, twilio_reports
from sentinel.clock import utc_now
from sentinel.db import get_engine, new_session
from sentinel.models import Suppression
from sentinel.models.receipt import Receipt
from sentinel.queries import receipts as queries
from sentinel.services.reporting import receipts
from sentinel.services.sending import delivery, sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import News, ProviderStandIn, refused, reset
from sentinel.stand_ins.callbacks import mail_event, status_form
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, rows, tries

SOME = settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def by_twilio(notification_id: str, sid: str, *news: News) -> list[str]:
    """Store status callbacks; returns their ids."""
    now = utc_now()
    read = (twilio_reports.read(status_form(sid, each), notification_id, now=now) for each in news)
    return _stored([each for each in read if each])


def by_sendgrid(notification_id: str, message_id: str, *news: News) -> list[str]:
    """Store events of mails; returns their ids."""
    events = (mail_event(message_id, notification_id, "a@example.com", each) for each in news)
    read = (sendgrid_reports.read(each, now=utc_now()) for each in events)
    return _stored([each for each in read if each])


def _stored(reports: list[Any]) -> list[str]:
    known = {each.id for each in stored()}
    with unit_of_work() as uow:
        receipts.take_in(uow, reports)
    return [each.id for each in stored() if each.id not in known]


def stored() -> list[Receipt]:
    with new_session() as session:
        return list(session.scalars(select(Receipt).order_by(Receipt.id)))


def suppressed() -> list[tuple[str, str, str, str]]:
    with new_session() as session:
        found = session.scalars(select(Suppression).order_by(Suppression.id))
        return [(each.channel, each.recipient, each.reason, each.source) for each in found]


def sid_of(notification_id: str) -> str:
    return row(notification_id).provider_message_id or ""


@pytest.fixture
def sent(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> str:
    """The id of an SMS that Twilio has accepted."""
    notification_id = accept()
    run_pipeline([notification_id])
    assert row(notification_id).status == "SENT"
    return notification_id


@pytest.fixture
def mailed(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> str:
    """The id of a mail that SendGrid has accepted."""
    notification_id = accept(channel="email", recipient="a@example.com")
    run_pipeline([notification_id], "email")
    assert row(notification_id).status == "SENT"
    return notification_id


def test_a_delivered_message_is_delivered(sent: str) -> None:
    sent_at = row(sent).sent_at

    receipts.apply(by_twilio(sent, sid_of(sent), News("sent"), News("delivered")))

    assert (row(sent).status, row(sent).reason, row(sent).sent_at) == ("DELIVERED", None, sent_at)
    assert [(each.status, each.detail) for each in stored()] == [
        ("IGNORED", "tells nothing new"),
        ("APPLIED", "SENT to DELIVERED"),
    ]
    assert metrics.totals()["notifications_delivered_total", "sms", "twilio"] == 1


def test_reports_in_any_order_in_batches_of_their_own_end_the_same(sent: str) -> None:
    for news in (News("delivered"), News("sent"), News("queued")):
        receipts.apply(by_twilio(sent, sid_of(sent), news))

    assert row(sent).status == "DELIVERED"


ENDS = {
    News("delivered"): ("DELIVERED", None),
    News("undelivered", 30005): ("UNDELIVERED", "unknown_handset"),
    News("failed", 30034): ("UNDELIVERED", "unregistered_sender"),
    News("undelivered", 30003): ("RETRYING", "unreachable_handset"),
}


@SOME
@given(
    last=st.sampled_from(list(ENDS)),
    between=st.lists(st.sampled_from([News("queued"), News("sending"), News("sent")]), max_size=4),
    cuts=st.lists(st.integers(1, 3), min_size=8, max_size=8),
    random=st.randoms(use_true_random=False),
)
def test_any_order_repetition_and_batching_of_reports_ends_the_same(
    sent: str, last: News, between: list[News], cuts: list[int], random: Random
) -> None:
    execute("DELETE FROM receipts")
    execute("UPDATE notifications SET status = 'SENT', reason = NULL, queue_at = NULL, next_attempt_at = NULL")
    reports = [*between, last, last]
    random.shuffle(reports)

    while reports:
        size = cuts.pop()
        receipts.apply(by_twilio(sent, sid_of(sent), *reports[:size]))
        reports = reports[size:]

    assert (row(sent).status, row(sent).reason) == ENDS[last]
    assert {each.status for each in stored()} <= {"APPLIED", "IGNORED"}


def test_a_handset_out_of_reach_is_sent_to_once_more_later(sent: str, provider: ProviderStandIn) -> None:
    first = sid_of(sent)

    receipts.apply(by_twilio(sent, first, News("undelivered", 30003)))

    waiting = row(sent)
    assert (waiting.status, waiting.reason, waiting.attempts) == ("RETRYING", "unreachable_handset", 1)
    assert waiting.next_attempt_at == waiting.queue_at
    assert timedelta(minutes=29) < _until(waiting.next_attempt_at) < timedelta(minutes=61)
    delivery.deliver("sms", [sent], worker="test@here")
    assert len(provider.entries) == 1, "not before it is due"
    _send_again(sent)
    assert (row(sent).status, len(provider.entries)) == ("SENT", 2)
    receipts.apply(by_twilio(sent, first, News("failed", 30003)))
    assert row(sent).status == "SENT", "about the first send"
    receipts.apply(by_twilio(sent, sid_of(sent), News("undelivered", 30003)))
    assert (row(sent).status, row(sent).reason) == ("UNDELIVERED", "unreachable_handset")
    assert metrics.totals()["notifications_undelivered_total", "sms", "unreachable_handset"] == 1


def test_another_send_gets_room_though_all_attempts_are_used_up(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_MAX_ATTEMPTS="1")
    notification_id = accept()
    run_pipeline([notification_id])

    receipts.apply(by_twilio(notification_id, sid_of(notification_id), News("undelivered", 30008)))
    assert row(notification_id).attempt_limit == 2
    provider.script(refused(503, 20503))
    _send_again(notification_id)

    assert (row(notification_id).status, row(notification_id).reason) == ("FAILED", "attempts_exhausted")


def test_what_was_lost_on_the_way_is_sent_twice_more(sent: str, provider: ProviderStandIn) -> None:
    for _ in range(2):
        receipts.apply(by_twilio(sent, sid_of(sent), News("failed", 30001)))
        assert row(sent).status == "RETRYING"
        _send_again(sent)
    receipts.apply(by_twilio(sent, sid_of(sent), News("failed", 30001)))

    assert (row(sent).status, row(sent).reason, len(provider.entries)) == ("UNDELIVERED", "queue_overflow", 3)


def test_a_number_that_nobody_has_is_left_alone(sent: str) -> None:
    receipts.apply(by_twilio(sent, sid_of(sent), News("undelivered", 30005)))

    assert (row(sent).status, row(sent).reason) == ("UNDELIVERED", "unknown_handset")
    assert suppressed() == [("sms", "+14155552671", "invalid", "twilio")]


@pytest.mark.parametrize(
    ("news", "status", "reason", "suppression"),
    [
        (News("bounce", type="bounce", reason="550 no such user"), "UNDELIVERED", "bounced", "bounced"),
        (News("bounce", type="blocked"), "RETRYING", "blocked", None),
        (News("dropped", reason="Unsubscribed Address"), "UNDELIVERED", "opted_out", "opted_out"),
        (News("dropped", reason="Spam Reporting Address"), "UNDELIVERED", "complaint", "complaint"),
        (News("dropped", reason="Invalid"), "UNDELIVERED", "invalid_address", "invalid"),
        (News("spamreport"), "SENT", None, "complaint"),
        (News("group_unsubscribe"), "SENT", None, "opted_out"),
        (News("deferred"), "SENT", None, None),
        (News("open"), "SENT", None, None),
        (News("delivered"), "DELIVERED", None, None),
    ],
)
def test_what_an_event_does_to_a_mail_and_its_address(
    mailed: str, news: News, status: str, reason: str | None, suppression: str | None
) -> None:
    receipts.apply(by_sendgrid(mailed, sid_of(mailed), news))

    assert (row(mailed).status, row(mailed).reason) == (status, reason)
    assert suppressed() == ([("email", "a@example.com", suppression, "sendgrid")] if suppression else [])


def test_a_complaint_about_a_delivered_mail_leaves_it_delivered(mailed: str) -> None:
    receipts.apply(by_sendgrid(mailed, sid_of(mailed), News("delivered"), News("spamreport")))

    assert row(mailed).status == "DELIVERED"
    assert [each[2] for each in suppressed()] == ["complaint"]


def test_a_send_in_doubt_is_settled_by_its_report_and_no_second_copy_leaves(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_AMBIGUOUS_WAIT_SECONDS="45")
    provider.script(reset())
    notification_id = accept(channel="email", recipient="a@example.com")
    run_pipeline([notification_id], "email")
    assert row(notification_id).status == "AMBIGUOUS"

    receipts.apply(by_sendgrid(notification_id, "m-7", News("processed")))

    found = row(notification_id)
    assert (found.status, found.reason, found.provider_message_id) == ("SENT", None, "m-7")
    assert found.sent_at is not None
    assert [(each.outcome, each.provider_message_id) for each in tries(notification_id)] == [("AMBIGUOUS", "m-7")]
    sweeping.sweep_waiting()
    delivery.deliver("email", [notification_id], worker="test@here")
    assert len(provider.entries) == 1
    assert metrics.totals()["notifications_sent_total", "email", "sendgrid"] == 1
    receipts.apply(by_sendgrid(notification_id, "m-7", News("delivered")))
    assert row(notification_id).status == "DELIVERED"


def test_a_doubt_that_already_waits_for_its_second_send_is_settled_too(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(reset())
    notification_id = accept()
    run_pipeline([notification_id])
    execute("UPDATE notifications SET status = 'RETRYING', next_attempt_at = now(), queue_at = now()")

    receipts.apply(by_twilio(notification_id, "SM7", News("delivered")))
    delivery.deliver("sms", [notification_id], worker="test@here")

    assert (row(notification_id).status, len(provider.entries)) == ("DELIVERED", 1)


def test_a_report_that_overtakes_our_own_commit_waits_for_it(sent: str) -> None:
    sid = sid_of(sent)
    execute("UPDATE notifications SET status = 'SENDING', lease_id = id, lease_until = now() + interval '1 minute'")
    execute("UPDATE attempts SET number = 2")  # the try that is under way has no attempt yet
    ids = by_twilio(sent, sid, News("delivered"))

    receipts.apply(ids)

    (waiting,) = stored()
    assert (waiting.status, waiting.tries) == ("PENDING", 1)
    assert timedelta(0) < _until(waiting.queue_at) < timedelta(seconds=2)
    execute("UPDATE notifications SET status = 'SENT', lease_id = NULL, lease_until = NULL")
    receipts.apply(ids)
    assert (row(sent).status, stored()[0].status) == ("DELIVERED", "APPLIED")


def test_a_report_that_fits_nothing_is_unmatched_after_a_few_looks(sent: str) -> None:
    ids = by_twilio("0193b0a0-0000-7000-8000-000000000001", "SM1", News("delivered"))
    ids += by_twilio(sent, "SM-of-another", News("delivered"))

    looks = 0
    while any(each.status == "PENDING" for each in stored()):
        looks += 1
        receipts.apply(ids)

    assert [(each.status, each.detail, each.queue_at) for each in stored()] == [
        ("UNMATCHED", "there is no such notification", None),
        ("UNMATCHED", "fits no try of this notification", None),
    ]
    assert metrics.totals()["receipts_unmatched_total", "twilio"] == 2
    assert looks == len(receipts.LOOKS) + 1
    assert sum(receipts.LOOKS) > 60, "longer than a lease"
    assert row(sent).status == "SENT"


def test_a_report_of_one_clients_message_cannot_move_that_of_another(
    sent: str, accept: Accept, run_pipeline: RunPipeline
) -> None:
    other = accept(recipient="+14155552672")
    run_pipeline([other])

    receipts.apply(by_twilio(other, sid_of(sent), News("undelivered", 30005)))

    assert (row(sent).status, row(other).status, suppressed()) == ("SENT", "SENT", [])


def test_what_was_forgotten_is_queued_by_the_sweep(sent: str) -> None:
    by_twilio(sent, sid_of(sent), News("delivered"))
    assert receipts.sweep() == 0, "its message is still on its way"
    execute("UPDATE receipts SET queue_at = now()")

    assert receipts.sweep() == 1
    assert receipts.sweep() == 0
    with get_engine().connect() as connection:
        runs = connection.execute(text("SELECT last_count FROM sweeper_runs WHERE name = 'sweep_receipts'"))
        assert runs.scalar_one() == 0


def test_two_workers_with_the_same_reports_apply_them_once(sent: str) -> None:
    ids = by_twilio(sent, sid_of(sent), News("undelivered", 30005))
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        receipts.apply(ids)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert row(sent).status == "UNDELIVERED"
    assert stored()[0].tries == 1
    assert metrics.totals()["notifications_undelivered_total", "sms", "unknown_handset"] == 1


def test_a_row_that_changed_meanwhile_is_looked_at_again(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = by_twilio(sent, sid_of(sent), News("undelivered", 30005))
    read = queries.standings

    def overtaken(*arguments: Any) -> Any:
        found = read(*arguments)
        execute("UPDATE notifications SET status = 'DELIVERED'")
        return found

    monkeypatch.setattr(queries, "standings", overtaken)
    receipts.apply(ids)

    assert (row(sent).status, stored()[0].status, suppressed()) == ("DELIVERED", "PENDING", [])
    receipts.apply(ids)
    assert (row(sent).status, stored()[0].status) == ("DELIVERED", "IGNORED")


def test_operators_hear_once_that_messages_fail_for_a_reason_of_our_own(
    sent: str, accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    second = accept(recipient="+14155552672")
    run_pipeline([second])
    database(SENTINEL_OPERATOR_TARGETS="email:ops@example.com")

    for each in (sent, second):
        receipts.apply(by_twilio(each, sid_of(each), News("undelivered", 30034)))

    assert {row(each).status for each in (sent, second)} == {"UNDELIVERED"}
    (told,) = [found for found in rows().values() if found.channel == "email"]
    assert told.recipient == "ops@example.com"
    assert "unregistered_sender" in told.body
    assert "Register this sender" in told.body


def test_a_report_of_trouble_is_applied_though_a_provider_is_set_up_by_half(sent: str, database: Configure) -> None:
    database(SENTINEL_OPERATOR_TARGETS="inbox:1", SENTINEL_EMAIL_PROVIDER="smtp")

    receipts.apply(by_twilio(sent, sid_of(sent), News("undelivered", 30034)))

    assert row(sent).status == "UNDELIVERED"
    assert [found.recipient for found in rows().values() if found.channel == "inbox"] == ["1"]


def test_a_doubt_that_a_report_has_settled_is_counted_as_found(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(reset())
    notification_id = accept()
    run_pipeline([notification_id])

    receipts.apply(by_twilio(notification_id, "SM7", News("undelivered", 30005)))

    assert row(notification_id).status == "UNDELIVERED"
    assert metrics.totals()["reconciled_found_total", "twilio"] == 1


def test_the_timeline_tells_what_was_reported(sent: str, api: FlaskClient) -> None:
    receipts.apply(by_twilio(sent, sid_of(sent), News("sent"), News("undelivered", 30005)))

    items = api.get(f"/notifications/{sent}/timeline").get_json()

    assert [each["event"] for each in items] == ["accepted", "attempted", "reported", "reported", "undelivered"]
    told = items[3]["detail"]
    assert (told["provider"], told["kind"], told["code"], told["result"]) == (
        "twilio",
        "undelivered",
        "30005",
        "APPLIED",
    )
    assert told["detail"] == "SENT to UNDELIVERED"


def _until(moment: datetime | None) -> timedelta:
    assert moment is not None
    return moment - utc_now()


def _send_again(notification_id: str) -> None:
    """Waits are half an hour here; make one over instead."""
    execute("UPDATE notifications SET next_attempt_at = now() - interval '1 second' WHERE status = 'RETRYING'")
    delivery.deliver("sms", [notification_id], worker="test@here")
