"""Suppressed addresses: what is to go there ends before it is sent, and says why."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sentinel.models.suppression import SuppressionReason
from sentinel.services import delivery, pipeline
from sentinel.services.suppressions import NewSuppression, suppress_many
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn
from tests.integration.calls import execute, stored
from tests.integration.conftest import DEFAULT_CLIENT_ID, Accept, RunPipeline
from tests.rows import row

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
