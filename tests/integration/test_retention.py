"""Retention: deletes what is old and has ended, of every kind, in batches that hold up nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from sentinel.clock import utc_now
from sentinel.db import get_engine, new_session
from sentinel.ids import first_id, new_id
from sentinel.models import Attempt, Base, BookEntry, Notification, SweeperRun
from sentinel.services.bookkeeping import retention
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import rows

LONG_AGO = utc_now() - timedelta(days=100)


def store_old(count: int) -> None:
    """Notifications that ended a hundred days ago, each with an attempt."""
    with get_engine().begin() as connection:
        values = {"first": first_id(LONG_AGO)[:-12], "count": count, "then": LONG_AGO}
        connection.execute(
            text("""
                INSERT INTO notifications (
                    id, client_id, channel, recipient, body, status, attempt_limit, created_at, updated_at)
                SELECT CAST(:first || lpad(to_hex(n), 12, '0') AS uuid), 1, 'sms', '+14155552671', 'hi', 'SENT', 6,
                       :then, :then
                FROM generate_series(1, :count) AS n
            """),
            values,
        )
        connection.execute(
            text("""
                INSERT INTO attempts (notification_id, number, provider, outcome, started_at, duration_ms)
                SELECT id, 1, 'twilio', 'OK', created_at, 12 FROM notifications
            """)
        )


def count(table: type[Base]) -> int:
    with new_session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_only_what_has_ended_and_is_old_is_deleted(
    accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    ended, waiting, fresh = accept(dedupe_key="k"), accept(send_at=utc_now() + timedelta(days=3)), accept()
    run_pipeline([ended, fresh])
    for old in (ended, waiting):
        execute(f"DELETE FROM attempts WHERE notification_id = '{old}'")
        execute(f"UPDATE notifications SET id = '{new_id(LONG_AGO)}' WHERE id = '{old}'")

    assert retention.prune() is False

    assert sorted(found.status for found in rows().values()) == ["PENDING", "SENT"]
    assert fresh in rows()


def test_what_belongs_to_a_notification_goes_with_it_and_the_books_know(database: Configure) -> None:
    store_old(7)

    retention.prune()

    assert (count(Notification), count(Attempt)) == (0, 0)
    with new_session() as session:
        assert session.scalar(select(func.sum(BookEntry.pruned))) == 7


def test_a_run_goes_on_batch_by_batch_until_nothing_is_left(
    database: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "RUN_SECONDS", 30)
    store_old(2 * retention.BATCH + 1)

    assert retention.prune() is False

    assert count(Notification) == 0
    with new_session() as session:
        assert session.scalar(select(SweeperRun.last_count)) == 2 * retention.BATCH + 1


def test_a_run_whose_time_is_up_says_that_there_is_more(database: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "RUN_SECONDS", 0)
    store_old(3)

    assert retention.prune() is True

    assert count(Notification) == 3


def test_a_row_that_somebody_holds_is_left_for_the_next_run(database: Configure) -> None:
    store_old(3)

    with get_engine().begin() as holder:
        holder.execute(text("SELECT id FROM notifications LIMIT 1 FOR UPDATE"))
        retention.prune()
        assert count(Notification) == 1

    retention.prune()
    assert count(Notification) == 0


def test_every_other_kind_of_row_ends_too(database: Configure) -> None:
    old, fresh = first_id(LONG_AGO), new_id(utc_now())
    execute(
        "INSERT INTO events (id, client_id, occurred_at, body, status, created_at) VALUES "
        f"('{old}', 1, now(), '{{}}', 'UNMATCHED', now()), ('{fresh}', 1, now(), '{{}}', 'UNMATCHED', now())"
    )
    execute(
        "INSERT INTO receipts (id, provider, provider_event_id, kind, body, status, occurred_at, received_at) VALUES "
        f"('{old}', 'twilio', 'a', 'sent', '{{}}', 'APPLIED', now(), now()), "
        f"('{fresh}', 'twilio', 'b', 'sent', '{{}}', 'APPLIED', now(), now())"
    )
    execute(
        "INSERT INTO suppressions (client_id, channel, recipient, reason, source, created_at, lifted_at) VALUES "
        "(1, 'sms', '+14155552671', 'invalid', 'twilio', now(), now() - interval '100 days'), "
        "(1, 'sms', '+14155552672', 'invalid', 'twilio', now() - interval '100 days', NULL)"
    )
    execute(
        "INSERT INTO tickets (client_id, event_id, rule_id, severity, title, status, last_event_at, resolved_at, "
        "created_at, updated_at) "
        "SELECT 1, gen_random_uuid(), 1, 'low', 't', status, now(), resolved_at, now(), now() "
        "FROM (VALUES ('resolved', now() - interval '100 days'), ('open', NULL)) AS v (status, resolved_at)"
    )
    execute(
        "INSERT INTO rule_changes (rule_id, changed_at) VALUES (1, now() - interval '8 days'), "
        "(1, now() - interval '8 days')"
    )
    execute(
        "INSERT INTO dedupe_claims SELECT 1, key, 'sms', '+14155552671', gen_random_uuid(), until "
        "FROM (VALUES ('a', now()), ('b', now() + interval '1 day')) AS v (key, until)"
    )
    execute(
        "INSERT INTO idempotency_keys (client_id, key, request_hash, response_status, response_body, expires_at) "
        "VALUES (1, 'a', '', 202, '', now()), (1, 'b', '', 202, '', now() + interval '1 day')"
    )

    execute(
        "INSERT INTO silences (id, client_id, matchers, starts_at, ends_at, created_by, comment, created_at, "
        "updated_at) "
        "SELECT gen_random_uuid(), 1, '[]', now() - interval '101 days', until, 'ann', '', now(), now() "
        "FROM (VALUES (now() - interval '100 days'), (now())) AS v (until)"
    )
    execute(
        "INSERT INTO alerts (client_id, fingerprint, labels, annotations, generator_url, starts_at, ends_at, "
        "is_open_ended, status, updated_at) "
        "SELECT 1, status, '{}', '{}', '', now(), now(), false, status, now() - interval '100 days' "
        "FROM (VALUES ('resolved'), ('firing')) AS v (status)"
    )

    execute(
        "INSERT INTO firing_alerts (client_id, key, event_id, is_firing, labels, since, changed_at, forget_at) "
        "SELECT 1, status, gen_random_uuid(), status = 'firing', jsonb_build_object('fingerprint', status), now(), "
        "now(), now() FROM (VALUES ('resolved'), ('firing')) AS v (status)"
    )

    execute(
        "INSERT INTO actions (at, actor, role, origin, action, subject, detail) "
        "SELECT at, 'alice', 'admin', '127.0.0.1', 'rule.update', 'rule 7', '{}' "
        "FROM (VALUES (now() - interval '366 days'), (now() - interval '364 days')) AS v (at)"
    )

    retention.prune()

    tables: tuple[str, ...] = ("actions", "silences", "alerts", "firing_alerts")
    tables += ("events", "receipts", "suppressions", "tickets", "rule_changes", "dedupe_claims", "idempotency_keys")
    left = {name: execute_count(name) for name in tables}
    assert left == dict.fromkeys(tables, 1)


def execute_count(table: str) -> int:
    with get_engine().connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
