"""Provider accounts that stop working: one message tries them, others wait or go another way, operators are told."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.services.sending import delivery, sweeping
from sentinel.stand_ins import ProviderStandIn, refused, reset
from tests.conftest import Configure
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row
from tests.smtp_stand_in import SmtpStandIn


def execute(statement: str, **values: Any) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(statement), values)


def account(name: str = "twilio") -> Any:
    with get_engine().connect() as connection:
        return connection.execute(text("SELECT * FROM provider_accounts WHERE name = :name"), {"name": name}).one()


def rest_is_over(name: str = "twilio") -> None:
    execute("UPDATE provider_accounts SET paused_until = now() - interval '1 s' WHERE name = :name", name=name)


def numbers(count: int) -> list[dict[str, str]]:
    return [{"recipient": f"+1415555{number:04}"} for number in range(count)]


@pytest.fixture
def ids(accept: Accept) -> list[str]:
    return [accept(**each) for each in numbers(10)]


def test_an_account_that_has_rested_is_tried_with_one_message_only(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(401, 20003))
    run_pipeline(ids[:1])
    rest_is_over()

    run_pipeline(ids[1:])

    assert len(provider.entries) == 2
    assert (account().state, account().openings) == ("open", 2)
    assert {row(each).reason for each in ids} == {"account_paused"}
    assert sum(row(each).attempt_limit - row(each).attempts == 6 for each in ids) == 10


def test_when_the_probe_is_accepted_the_others_follow_at_once(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(401, 20003))
    run_pipeline(ids[:1])
    rest_is_over()

    run_pipeline(ids[1:])

    assert account().state == "closed"
    assert [row(each).status for each in ids[1:]] == ["SENT"] * 9


def test_the_sweep_wakes_one_message_for_the_probe_and_all_once_the_account_works(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(401, 20003))
    run_pipeline(ids[:1])
    run_pipeline(ids[1:])
    execute("UPDATE notifications SET next_attempt_at = now() + interval '900 s', queue_at = now() + interval '900 s'")
    assert sweeping.sweep_waiting() == 0

    rest_is_over()
    assert sweeping.sweep_waiting() == 1
    delivery.deliver("sms", ids, worker="test@here")
    assert account().state == "closed"

    assert sweeping.sweep_waiting() == 9
    delivery.deliver("sms", ids, worker="test@here")
    assert {row(each).status for each in ids} == {"SENT"}


def test_a_channel_that_is_set_up_by_half_keeps_nobody_on_other_channels_waiting(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    provider.script(refused(401, 20003))
    run_pipeline(ids[:1])
    rest_is_over()
    database(SENTINEL_EMAIL_PROVIDER="smtp")
    execute("UPDATE notifications SET next_attempt_at = now() + interval '900 s', queue_at = now() + interval '900 s'")

    assert sweeping.sweep_waiting() == 1


def test_what_waits_on_a_channel_that_is_set_up_by_half_goes_on_waiting(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    provider.script(refused(401, 20003))
    run_pipeline(ids[:1])
    rest_is_over()
    database(TWILIO_AUTH_TOKEN="", SENTINEL_SMS_PROVIDER="twilio")
    execute("UPDATE notifications SET next_attempt_at = now() + interval '900 s', queue_at = now() + interval '900 s'")

    assert sweeping.sweep_waiting() == 0
    assert (row(ids[0]).status, row(ids[0]).reason) == ("RETRYING", "account_paused")


def test_an_account_that_fails_half_its_tries_is_left_alone(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_BREAKER_TRIES="10", SENTINEL_PROVIDER_CONCURRENCY="10")
    provider.always(reset())
    ids = [accept(**each) for each in numbers(60)]

    run_pipeline(ids)

    assert account().state == "open"
    assert len(provider.entries) <= 20
    assert sum(row(each).reason == "account_paused" for each in ids) >= 40


def test_what_waits_for_an_account_longer_than_the_parking_time_fails(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    provider.always(refused(401, 20003))
    run_pipeline(ids[:1])
    execute("UPDATE notifications SET created_at = created_at - interval '2 days'")

    run_pipeline(ids[1:])

    assert {(row(each).status, row(each).reason) for each in ids[1:]} == {("FAILED", "account_paused")}


def test_what_expires_while_its_account_rests_ends_then_and_not_when_the_account_works_again(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(401, 20003))
    run_pipeline(ids[:1])
    execute("UPDATE notifications SET expires_at = now() - interval '1 s', next_attempt_at = NULL")

    delivery.deliver("sms", ids[:1], worker="test@here")

    assert (row(ids[0]).status, row(ids[0]).reason) == ("FAILED", "expired")


def test_another_provider_of_the_channel_takes_over_while_the_first_one_rests(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    with SmtpStandIn() as smtp:
        database(SMTP_HOST="127.0.0.1", SMTP_PORT=str(smtp.port), SMTP_FROM_EMAIL="a@example.com", SMTP_SECURITY="none")
        provider.always(refused(401))
        ids = [accept(channel="email", recipient=f"user{number}@example.com") for number in range(5)]

        run_pipeline(ids[:1], channel="email")
        run_pipeline(ids[1:], channel="email")
        sweeping.sweep_waiting()
        delivery.deliver("email", ids, worker="test@here")

        assert {row(each).status for each in ids} == {"SENT"}
        assert {row(each).provider for each in ids} == {"smtp"}
        assert len(provider.entries) == 1


def test_operators_are_told_once_over_a_channel_that_works(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_OPERATOR_TARGETS="sms:+14155550199,email:ops@example.com")
    provider.always(refused(401, 20003))
    for each in ids[:3]:
        run_pipeline([each])
        rest_is_over()

    with get_engine().connect() as connection:
        told = connection.execute(text("SELECT channel, subject FROM notifications WHERE channel = 'email'")).all()

    assert [tuple(each) for each in told] == [("email", "Sentinel: provider account twilio stopped")]


def test_operators_are_told_though_another_channel_is_set_up_by_half(
    ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_OPERATOR_TARGETS="sms:+14155550199,inbox:1", SENTINEL_EMAIL_PROVIDER="smtp")
    provider.always(refused(401, 20003))

    run_pipeline(ids[:1])

    with get_engine().connect() as connection:
        told = connection.execute(text("SELECT subject FROM notifications WHERE channel = 'inbox'")).scalars().all()
    assert told == ["Sentinel: provider account twilio stopped"]


def test_an_operator_resumes_and_holds_an_account(
    api: FlaskClient, ids: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(401, 20003))
    run_pipeline(ids[:1])

    shown = api.get("/providers").get_json()
    (twilio,) = [each for each in shown if each["name"] == "twilio"]
    assert (twilio["state"], twilio["channels"], twilio["parked"]) == ("open", ["sms"], 1)

    assert api.post("/providers/twilio/resume").get_json()["state"] == "closed"
    assert api.post("/providers/twilio/resume").status_code == 409
    assert sweeping.sweep_waiting() == 1
    delivery.deliver("sms", ids[:1], worker="test@here")
    assert row(ids[0]).status == "SENT"

    held = api.post("/providers/twilio/hold", json={"reason": "number is being moved"}).get_json()
    assert (held["state"], held["is_held"], held["reason"]) == ("open", True, "number is being moved")
    assert api.post("/providers/twilio/hold", json={}).status_code == 409
    assert [each["name"] for each in api.get("/providers?state=open").get_json()] == ["twilio"]
    run_pipeline(ids[1:])
    assert {row(each).reason for each in ids[1:]} == {"account_paused"}
    assert len(provider.entries) == 2


def test_an_account_that_is_not_configured_is_not_there(api: FlaskClient) -> None:
    answer = api.post("/providers/nobody/resume")

    assert answer.status_code == 404
    assert "there are:" in answer.get_json()["message"]
