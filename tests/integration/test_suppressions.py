"""Suppressed addresses: what is to go there ends before it is sent, and says why."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import TextClause, text

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import pipeline as pipeline_queries
from sentinel.queries import suppressions as queries
from sentinel.queries.values import array
from sentinel.services.sending import delivery, failover, pipeline
from sentinel.services.sending.failover import Target
from sentinel.services.suppressions import NewSuppression, suppress_many
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import execute, send, stored
from tests.integration.conftest import DEFAULT_CLIENT_ID, Accept, RunPipeline
from tests.rows import row, rows

NUMBER = "+14155552671"


def suppress(
    recipient: str = NUMBER, reason: str = "opted_out", channel: str = "sms", client_id: int = DEFAULT_CLIENT_ID
) -> int:
    wanted = NewSuppression(client_id, channel, recipient, SuppressionReason(reason), "twilio")
    with unit_of_work() as uow:
        return suppress_many(uow, [wanted])


def standing(notification_id: str) -> tuple[str, str | None]:
    found = row(notification_id)
    return found.status, found.reason


@pytest.mark.parametrize("reason", SuppressionReason)
def test_what_is_to_go_to_a_suppressed_address_ends_with_that_reason(
    reason: str, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    suppress(reason=reason)
    shut, open_ = accept(), accept(recipient="+14155552672")

    run_pipeline([shut, open_])

    assert standing(shut) == ("SUPPRESSED", reason)
    assert [entry.recipient for entry in provider.entries] == ["+14155552672"]


def test_other_clients_and_channels_write_to_the_address_as_before(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    execute("INSERT INTO clients (name, created_at) VALUES ('shop', now())")
    suppress("ann@example.com", channel="sms")
    suppress("ann@example.com", channel="email", client_id=_client("shop"))
    mail = accept(channel="email", recipient="ann@example.com")

    run_pipeline([mail], "email")

    assert standing(mail) == ("SENT", None)


def test_a_suppression_that_comes_after_evaluation_still_stops_the_send(
    accept: Accept, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    with unit_of_work() as uow:
        going = pipeline.prepare(uow, [notification_id])
    suppress()

    delivery.deliver("sms", going, worker="test@here")

    assert going == [notification_id]
    assert standing(notification_id) == ("SUPPRESSED", "opted_out")
    assert provider.entries == []


def test_a_suppression_stops_the_next_try(accept: Accept, provider: ProviderStandIn) -> None:
    notification_id = accept()
    execute("UPDATE notifications SET status = 'RETRYING', attempts = 1, next_attempt_at = now()")
    suppress()

    delivery.deliver("sms", [notification_id], worker="test@here")

    assert standing(notification_id) == ("SUPPRESSED", "opted_out")


def test_a_send_in_doubt_keeps_its_standing(accept: Accept, provider: ProviderStandIn) -> None:
    notification_id = accept()
    execute("UPDATE notifications SET status = 'AMBIGUOUS', attempts = 1, next_attempt_at = now()")
    suppress()

    delivery.deliver("sms", [notification_id], worker="test@here")

    assert row(notification_id).status == "AMBIGUOUS"


def test_a_lifted_suppression_stops_nothing(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    suppress()
    execute("UPDATE suppressions SET lifted_at = now()")
    notification_id = accept()

    run_pipeline([notification_id])

    assert standing(notification_id) == ("SENT", None)


def test_a_suppressed_address_keeps_its_first_reason() -> None:
    assert suppress(reason="opted_out") == 1
    assert suppress(reason="manual") == 0

    assert stored("suppressions WHERE reason = 'opted_out'") == stored("suppressions") == 1


def test_an_address_named_twice_in_one_go_is_one_suppression_with_the_first_reason() -> None:
    wanted = [
        NewSuppression(DEFAULT_CLIENT_ID, "sms", NUMBER, reason, "twilio")
        for reason in (SuppressionReason.BOUNCED, SuppressionReason.MANUAL)
    ]

    with unit_of_work() as uow:
        assert suppress_many(uow, wanted) == 1

    assert stored("suppressions WHERE reason = 'bounced'") == 1


def test_a_suppression_after_a_lifted_one_is_new() -> None:
    suppress()
    execute("UPDATE suppressions SET lifted_at = now()")

    assert suppress() == 1
    assert stored("suppressions") == 2


def _client(name: str) -> int:
    with unit_of_work() as uow:
        found: int = uow.session.execute(text("SELECT id FROM clients WHERE name = :name"), {"name": name}).scalar_one()
        return found


def test_a_stop_is_learnt_and_the_next_message_is_not_even_tried(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(400, 21610))
    first, second = accept(), accept()

    run_pipeline([first])
    run_pipeline([second])

    assert [standing(each) for each in (first, second)] == [("FAILED", "opted_out"), ("SUPPRESSED", "opted_out")]
    assert len(provider.entries) == 1
    (learnt,) = api.get("/suppressions").get_json()
    assert (learnt["reason"], learnt["source"], learnt["notification_id"]) == ("opted_out", "twilio", first)
    entry = next(
        each
        for each in api.get(f"/notifications/{second}/timeline").get_json()
        if each["event"] == "address_suppressed"
    )
    assert entry["detail"]["suppression_id"] == learnt["id"]
    assert (entry["detail"]["by"], entry["detail"]["reason"]) == ("twilio", "opted_out")
    assert datetime.fromisoformat(entry["detail"]["since"]) == datetime.fromisoformat(learnt["created_at"])


def test_two_messages_refused_in_one_batch_are_one_suppression(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(400, 21211))

    run_pipeline([accept() for _ in range(5)])

    assert stored("suppressions") == 1


@pytest.mark.parametrize("code", [21612, 21408, 21617, 21608])
def test_what_another_sender_or_setting_may_mend_suppresses_nothing(
    code: int, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(400, code))

    run_pipeline([accept()])

    assert stored("suppressions") == 0


def test_an_operators_retry_of_a_refused_message_is_suppressed_and_says_so(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(400, 21614))
    notification_id = accept()
    run_pipeline([notification_id])

    assert send(api, {}, f"/notifications/{notification_id}/retry").status_code == 202
    run_pipeline([notification_id])

    assert standing(notification_id) == ("SUPPRESSED", "invalid")
    assert len(provider.entries) == 1
    again = send(api, {}, f"/notifications/{notification_id}/retry")
    assert again.status_code == 409
    assert "SUPPRESSED (invalid)" in again.get_json()["message"]


def test_suppressed_messages_and_new_suppressions_are_counted(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    suppress(reason="bounced")
    suppress(reason="bounced")
    run_pipeline([accept(), accept()])

    lines = api.get("/metrics").get_data(as_text=True).splitlines()

    assert 'suppressions_total{reason="bounced"} 1.0' in lines
    assert 'notifications_suppressed_total{reason="bounced"} 2.0' in lines


@pytest.mark.parametrize("statement", [pipeline_queries.CANDIDATES, queries.END_SUPPRESSED])
def test_a_long_list_is_asked_by_its_index(statement: TextClause, accept: Accept) -> None:
    ids = [accept(recipient=f"+1415555{number:04}") for number in range(20)]
    execute(
        "INSERT INTO suppressions (client_id, channel, recipient, reason, source, created_at) "
        "SELECT 1, 'sms', '+1999' || n, 'manual', 'test', now() FROM generate_series(1, 20000) n"
    )
    execute("ANALYZE suppressions; ANALYZE notifications")
    values = {"ids": array(ids), "now": utc_now(), "sources": "{PENDING}"}

    with get_engine().begin() as connection:
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {statement.text}"), values))

    assert "uq_suppressions_client_id_channel_recipient" in plan
    assert "Seq Scan on suppressions" not in plan


def test_what_is_suppressed_goes_on_to_its_next_target(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    suppress()
    notification_id = accept(failover=(Target("email", "oncall@example.com"),))
    run_pipeline([notification_id])

    assert failover.sweep() == 1

    (second,) = (each for each in rows().values() if each.failover_of == notification_id)
    run_pipeline([second.id], "email")
    assert [standing(each) for each in (notification_id, second.id)] == [("SUPPRESSED", "opted_out"), ("SENT", None)]
