"""The audit finds each way in which books and rows can be wrong, by id, and nothing where all is well."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.ids import new_id
from sentinel.models.status import Status
from sentinel.services import notifications
from sentinel.services.bookkeeping import audit, books, retention
from sentinel.services.bookkeeping.audit_report import KINDS
from sentinel.services.sending import delivery, sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import gauges
from sentinel.services.watching.diagnosis.flow import check_flow
from sentinel.settings import get_settings
from sentinel.stand_ins import ProviderStandIn, refused
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, rows

Found = set[tuple[str, str]]


def found() -> Found:
    return {(each.kind, each.id) for each in audit.audit().found}


@pytest.fixture
def sent(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> str:
    """A notification that a provider has accepted, and another beside it."""
    ids = [accept(), accept()]
    run_pipeline(ids)
    assert row(ids[0]).status == Status.SENT
    return ids[0]


def test_a_system_with_every_kind_of_end_balances(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    ids = [accept(recipient=f"+1415555267{number}") for number in range(4)]
    provider.script(refused(400, 21211), refused(503, 20503))
    run_pipeline(ids)
    repeated = [accept(recipient="+14155552679", dedupe_key="k") for _ in range(2)]
    run_pipeline(repeated)
    with unit_of_work() as uow:
        notifications.cancel(uow, accept(send_at=utc_now() + timedelta(hours=1)), client_id=None)
    accept(channel="email", recipient="anna@example.com")

    report = audit.audit()

    assert report.found == []
    lines = {line.channel: line for line in report.lines}
    sms = lines["sms"]
    assert (sms.accepted, sms.rows, sms.pruned) == (7, 7, 0)
    assert sms.count(Status.SENT) == 3
    assert (sms.count(Status.FAILED), sms.count(Status.SUPPRESSED)) == (1, 1)
    assert sms.count(Status.CANCELLED) == 1
    assert sms.in_flight == 1
    assert lines["email"].in_flight == 1


def test_what_the_retention_deletes_is_in_the_books(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_RETENTION_DAYS="1")
    ids = [accept(dedupe_key="k"), accept(dedupe_key="k")]
    run_pipeline(ids)
    make_old(ids[0])

    retention.prune()

    report = audit.audit()
    assert report.found == []  # the duplicate that is left was told of one that is gone
    assert [(line.accepted, line.pruned, line.rows) for line in report.lines] == [(1, 0, 1), (1, 1, 0)]


def test_adding_up_changes_no_balance(sent: str) -> None:
    before = balance()

    assert books.add_up() == 2
    assert books.add_up() == 0

    assert balance() == before == [(2, 0, 2)]


def test_books_balance_at_every_moment_beside_those_who_write(accept: Accept) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            accept()

    def add_up() -> None:
        while not stop.is_set():
            books.add_up()

    threads = [threading.Thread(target=work) for work in (write, write, add_up, add_up)]
    for thread in threads:
        thread.start()
    found_meanwhile = [audit.audit().found for _ in range(10)]
    stop.set()
    for thread in threads:
        thread.join()

    assert found_meanwhile == [[]] * 10
    assert balance()[0][0] > 10


def test_each_kind_of_discrepancy_is_explained() -> None:
    text_of_page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "audit.md").read_text()

    assert set(re.findall(r"^\| `(\w+)` \|", text_of_page, re.MULTILINE)) == set(KINDS)


def test_days_of_which_nothing_is_left_are_closed(accept: Accept, run_pipeline: RunPipeline) -> None:
    old = accept()
    run_pipeline([old])
    make_old(old, days=200)
    execute("UPDATE book_entries SET pruned = accepted")
    execute("DELETE FROM notifications")

    books.add_up()

    assert balance() == []


def balance() -> list[tuple[int, int, int]]:
    return [(line.accepted, line.pruned, line.rows) for line in audit.audit().lines]


def test_a_row_that_was_deleted_by_hand_is_missed(sent: str) -> None:
    execute("DELETE FROM notifications WHERE id = :id", id=sent)

    today = utc_now().date()
    assert found() == {("unbalanced", f"{today}/default/sms")}
    assert "accepted 2, deleted after retention 0, there are 1" in audit.audit().found[0].detail


def test_a_row_that_came_past_the_books_is_noticed(sent: str) -> None:
    execute(
        "INSERT INTO notifications (id, client_id, channel, recipient, body, status, attempt_limit, created_at, "
        "updated_at) SELECT CAST(:id AS uuid), client_id, channel, recipient, body, 'CANCELLED', 6, now(), now() "
        "FROM notifications LIMIT 1",
        id=new_id(utc_now()),
    )

    assert {kind for kind, _ in found()} == {"unbalanced"}


def test_books_that_are_settled_balance_again(sent: str) -> None:
    execute("DELETE FROM notifications WHERE id = :id", id=sent)

    assert audit.settle(audit.audit()) == 1

    assert found() == set()
    assert audit.settle(audit.audit()) == 0


def test_sent_without_a_try_that_shows_it(sent: str) -> None:
    execute("UPDATE attempts SET outcome = 'RETRY' WHERE notification_id = :id", id=sent)

    assert found() == {("sent_without_evidence", sent)}


def test_a_look_up_is_evidence_of_a_send(sent: str) -> None:
    execute("UPDATE attempts SET outcome = 'AMBIGUOUS' WHERE notification_id = :id", id=sent)
    execute("UPDATE notifications SET lookups = 1 WHERE id = :id", id=sent)

    assert found() == set()


def test_a_receipt_is_evidence_of_a_send(sent: str) -> None:
    execute("UPDATE attempts SET outcome = 'AMBIGUOUS' WHERE notification_id = :id", id=sent)
    store_receipt(sent, status="APPLIED")

    assert found() == set()


def test_a_try_that_was_not_kept(sent: str) -> None:
    execute("UPDATE notifications SET attempts = 2 WHERE id = :id", id=sent)

    assert found() == {("attempts_differ", sent)}


def test_a_claimed_row_has_one_try_under_way(accept: Accept) -> None:
    notification_id = accept()
    claim(notification_id)
    assert found() == set()

    execute("UPDATE notifications SET attempts = 2")
    assert found() == {("attempts_differ", notification_id)}


def test_a_send_that_lost_its_worker_and_was_decided_is_no_discrepancy(
    accept: Accept, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    claim(notification_id, lease="- interval '1 second'")
    sweeping.sweep_leases()
    assert found() == set()

    execute("UPDATE notifications SET status = 'RETRYING', queue_at = now(), next_attempt_at = now()")
    delivery.deliver("sms", [notification_id], worker="test@here")
    assert row(notification_id).status == Status.SENT
    assert found() == set()


@pytest.mark.parametrize("status", ["FAILED", "SUPPRESSED"])
def test_a_bad_end_without_a_reason(sent: str, status: str) -> None:
    execute("UPDATE notifications SET status = :status, reason = NULL WHERE id = :id", id=sent, status=status)

    assert found() == {("end_without_reason", sent)}


def test_an_end_that_is_still_due(sent: str) -> None:
    execute("UPDATE notifications SET next_attempt_at = now() WHERE id = :id", id=sent)

    assert found() == {("end_that_waits", sent)}


def test_a_row_that_waits_for_nobody(accept: Accept) -> None:
    notification_id = accept()
    assert found() == set()

    execute("UPDATE notifications SET queue_at = now() + interval '1 day'")
    assert found() == {("waits_unseen", notification_id)}


def test_a_scheduled_row_is_expected_to_wait(accept: Accept) -> None:
    accept(send_at=utc_now() + timedelta(days=3))

    assert found() == set()


@pytest.mark.parametrize("other", ["NULL", "gen_random_uuid()"])
def test_a_duplicate_of_nothing(sent: str, other: str) -> None:
    execute(
        f"UPDATE notifications SET status = 'SUPPRESSED', reason = 'duplicate', duplicate_of = {other} WHERE id = :id",
        id=sent,
    )

    assert found() == {("duplicate_of_nothing", sent)}


def test_a_failover_of_nothing(sent: str) -> None:
    execute("UPDATE notifications SET failover_of = gen_random_uuid() WHERE id = :id", id=sent)

    assert found() == {("failover_of_nothing", sent)}


def test_a_failover_that_nobody_took_up(sent: str) -> None:
    execute(
        "UPDATE notifications SET status = 'FAILED', reason = 'invalid', "
        """failover = '[{"channel": "email", "recipient": "anna@example.com"}]' WHERE id = :id""",
        id=sent,
    )
    assert found() == set()

    execute("UPDATE notifications SET updated_at = now() - interval '1 day' WHERE id = :id", id=sent)
    assert found() == {("failover_late", sent)}


@pytest.mark.parametrize("status", ["PENDING", "RETRYING", "AMBIGUOUS"])
def test_a_waiting_row_whose_time_is_long_over(accept: Accept, status: str) -> None:
    notification_id = accept()
    execute("UPDATE notifications SET status = :status, queue_at = now() - interval '1 hour'", status=status)

    assert found() == {("overdue", notification_id)}


def test_what_is_overdue_is_found_whatever_its_age(accept: Accept) -> None:
    notification_id = accept()
    make_old(notification_id, days=3)
    execute("UPDATE notifications SET queue_at = now() - interval '1 hour'")

    assert [each.kind for each in audit.audit(since=utc_now()).found] == ["overdue"]


def test_a_lease_that_is_long_over(accept: Accept) -> None:
    notification_id = accept()
    claim(notification_id, lease="- interval '1 hour'")

    assert found() == {("lease_over", notification_id)}


def test_an_event_that_met_no_rules(database: Configure) -> None:
    event_id = store_event("status = 'PENDING', queue_at = now() - interval '1 hour'")

    assert found() == {("event_overdue", event_id)}


def test_an_event_that_led_to_nothing_though_rules_spoke(database: Configure) -> None:
    event_id = store_event("status = 'MATCHED', rule_ids = '{7}'")

    assert found() == {("event_without_messages", event_id)}


@pytest.mark.parametrize("change", ["status = 'UNMATCHED'", "status = 'MATCHED', reason = 'throttled'"])
def test_an_event_that_says_why_it_led_to_nothing(database: Configure, change: str) -> None:
    store_event(change)

    assert found() == set()


def test_two_messages_of_one_dedupe_key(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> None:
    first, second = accept(dedupe_key="k"), accept(dedupe_key="other")
    run_pipeline([first, second])
    assert found() == set()

    execute("UPDATE notifications SET dedupe_key = 'k'")
    assert found() == {("said_twice", second)}

    execute("UPDATE notifications SET dedupe_seconds = 0")
    assert found() == set()


def test_a_report_that_nobody_read(sent: str) -> None:
    receipt_id = store_receipt(sent, status="PENDING")

    assert found() == {("receipt_overdue", receipt_id)}


def test_one_client_is_audited_alone(sent: str) -> None:
    execute("INSERT INTO clients (name, created_at) VALUES ('shop', now())")
    execute("UPDATE notifications SET client_id = (SELECT id FROM clients WHERE name = 'shop') WHERE id = :id", id=sent)

    with get_engine().connect() as connection:
        shop = connection.execute(text("SELECT id FROM clients WHERE name = 'shop'")).scalar_one()
    report = audit.audit(client_id=shop)

    assert [(line.client_id, line.accepted, line.rows) for line in report.lines] == [(shop, 0, 1)]
    assert {each.kind for each in audit.audit().found} == {"unbalanced"}


def test_when_its_time_is_up_it_says_how_far_it_came(accept: Accept) -> None:
    make_old(accept(), days=2)
    accept()

    report = audit.audit(seconds=0)

    assert (report.is_complete, report.since > utc_now() - timedelta(hours=2)) == (False, True)


def test_a_run_is_kept_with_what_it_found(sent: str) -> None:
    execute("UPDATE notifications SET attempts = 2 WHERE id = :id", id=sent)

    audit.audit_and_keep()

    with unit_of_work() as uow:
        run = audit.last_run(uow)
    assert (run.checked, run.discrepancies) == (2, 1)
    assert [(each["kind"], each["id"], each["client"]) for each in run.report["found"]] == [
        ("attempts_differ", sent, "default")
    ]


def test_operators_are_told_once_when_the_books_stop_balancing(sent: str, database: Configure) -> None:
    database(SENTINEL_OPERATOR_TARGETS="email:ops@example.com")
    audit.audit_and_keep()
    execute("UPDATE notifications SET attempts = 2 WHERE id = :id", id=sent)

    for _ in range(3):
        audit.audit_and_keep()

    told = [each for each in rows().values() if each.recipient == "ops@example.com"]
    assert [each.subject for each in told] == ["Sentinel: the books do not balance"]
    assert "attempts_differ 1" in told[0].body


def test_the_metrics_say_what_the_last_audit_found(sent: str, api: FlaskClient) -> None:
    execute("UPDATE notifications SET attempts = 2 WHERE id = :id", id=sent)
    audit.audit_and_keep()

    gauges.get_gauges.forget()
    shown = api.get("/metrics").get_data(as_text=True)

    assert "\naudit_discrepancies 1.0\n" in shown
    assert "\naudit_age_seconds 0." in shown


def test_the_doctor_says_what_the_last_audit_found(sent: str) -> None:
    assert doctor() == []

    audit.audit_and_keep()
    assert doctor() == ["ok"]

    execute("UPDATE notifications SET attempts = 2 WHERE id = :id", id=sent)
    audit.audit_and_keep()
    assert doctor() == ["broken"]


def doctor() -> list[str]:
    with unit_of_work() as uow:
        return [each.level for each in check_flow(uow, get_settings()) if each.subject == "books"]


def test_old_runs_are_forgotten(database: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "RUNS_KEPT", 2)

    for _ in range(4):
        audit.audit_and_keep()

    with get_engine().connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_runs")).scalar_one() == 2


def test_a_slice_ends_where_the_next_begins(
    accept: Accept, run_pipeline: RunPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [accept() for _ in range(7)]
    execute("UPDATE notifications SET attempts = 1")
    monkeypatch.setattr(audit, "SLICE", 3)

    assert found() == {("attempts_differ", each) for each in ids}


def make_old(notification_id: str, days: int = 4) -> None:
    """Let a row and its entry be of a day long ago."""
    moment = utc_now() - timedelta(days=days)
    with get_engine().begin() as connection:
        connection.execute(text("DELETE FROM attempts WHERE notification_id = :id"), {"id": notification_id})
        connection.execute(
            text("UPDATE notifications SET id = :new, created_at = :moment, attempts = 0 WHERE id = :id"),
            {"id": notification_id, "new": new_id(moment), "moment": moment},
        )
        connection.execute(
            text("UPDATE book_entries SET day = :day WHERE id = (SELECT min(id) FROM book_entries)"),
            {"day": moment.date()},
        )
        connection.execute(
            text("UPDATE notifications SET duplicate_of = :new WHERE duplicate_of = :id"),
            {"id": notification_id, "new": new_id(moment)},
        )


def claim(notification_id: str, lease: str = "+ interval '1 minute'") -> None:
    execute(
        "UPDATE notifications SET status = 'SENDING', attempts = attempts + 1, provider = 'twilio', queue_at = NULL, "
        f"lease_id = gen_random_uuid(), lease_until = now() {lease} WHERE id = :id",
        id=notification_id,
    )


def store_event(change: str) -> str:
    """An event that was evaluated, changed as the text says."""
    event_id = new_id(utc_now())
    execute(
        "INSERT INTO events (id, client_id, occurred_at, body, status, created_at) "
        "VALUES (:id, 1, now(), '{}', 'UNMATCHED', now())",
        id=event_id,
    )
    execute(f"UPDATE events SET {change} WHERE id = :id", id=event_id)
    return event_id


def store_receipt(notification_id: str, *, status: str) -> str:
    receipt_id = new_id(utc_now())
    execute(
        "INSERT INTO receipts (id, provider, provider_event_id, notification_id, kind, body, status, queue_at, "
        "occurred_at, received_at) VALUES (:id, 'twilio', :id, :of, 'delivered', '{}', :status, "
        "CASE WHEN :status = 'PENDING' THEN now() - interval '1 hour' END, now(), now())",
        id=receipt_id,
        of=notification_id,
        status=status,
    )
    return receipt_id
