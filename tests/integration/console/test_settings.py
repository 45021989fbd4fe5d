"""The screen of the settings."""

from __future__ import annotations

import pytest

from sentinel.cli.db import revisions
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import schema
from sentinel.settings import Settings
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit


def test_every_setting_is_shown_with_its_meaning_under_its_heading(visit: Visit) -> None:
    shown = visit.get("/console/settings").text

    assert "SENTINEL_LEASE_SECONDS" in shown
    assert all(f">{group}</h3>" in shown for group in ("General", "API and Flower", "Rules", "Providers"))
    assert f"{len(Settings.model_fields)} of {len(Settings.model_fields)} shown" in shown


def test_no_secret_is_shown(database: Configure, as_role: AsRole) -> None:
    database(TWILIO_AUTH_TOKEN="a-token-of-twilio", SENTINEL_METRICS_TOKEN="a-token-of-metrics")

    shown = as_role("viewer").get("/console/settings").text

    assert "a-token-of" not in shown
    assert "********" in shown


def test_who_hears_what_befalls_the_installation_is_shown_without_secret_addresses(
    database: Configure, as_role: AsRole
) -> None:
    database(SENTINEL_OPERATOR_TARGETS="slack:https://hooks.slack.com/services/T0/B0/s3cret,push:tgram://12:s3cret/-1")

    shown = as_role("viewer").get("/console/settings").text

    assert "slack:https://•••,push:tgram://•••" in shown
    assert "s3cret" not in shown


def test_what_differs_from_the_default_says_so_and_can_be_asked_for_alone(database: Configure, as_role: AsRole) -> None:
    database(SENTINEL_MAX_ATTEMPTS="3")
    somebody = as_role("viewer")

    shown = somebody.get("/console/settings", only="changed").text

    assert "SENTINEL_MAX_ATTEMPTS" in shown
    assert "from environment; default 6" in shown
    assert "SENTINEL_LEASE_SECONDS</span>\n        <span" not in shown


def test_filters_narrow_by_words_group_and_source(visit: Visit) -> None:
    assert "No setting is like that" in visit.get("/console/settings", q="no such words").text
    by_words = visit.get("/console/settings", q="smtp HOST").text
    assert ("SMTP_HOST</span>" in by_words, "SMTP_PORT</span>" in by_words) == (True, False)
    of_rules = visit.get("/console/settings", group="Rules").text
    assert (">Rules</h3>" in of_rules, ">General</h3>" in of_rules) == (True, False)
    given = visit.get("/console/settings", source="environment").text
    assert ("DATABASE_URL</span>" in given, "SENTINEL_BATCH_SIZE</span>" in given) == (True, False)


def test_each_channel_says_who_sends_it_and_what_others_lack(database: Configure, as_role: AsRole) -> None:
    database(TWILIO_ACCOUNT_SID="AC1", SMTP_HOST="mail.example.com", SMTP_FROM_EMAIL="sentinel@example.com")

    shown = as_role("viewer").get("/console/settings").text

    assert "set TWILIO_AUTH_TOKEN, TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID" in shown
    assert "set SENDGRID_API_KEY, SENDGRID_FROM_EMAIL" in shown
    assert 'tone-good">live</span>' in shown
    assert 'tone-waiting">sandbox</span>' in shown


def test_in_production_a_channel_without_a_provider_is_not_configured(database: Configure, as_role: AsRole) -> None:
    database(SENTINEL_ENV="production", PUBLIC_BASE_URL="http://127.0.0.1")

    shown = as_role("viewer").get("/console/settings").text

    assert "not configured" in shown
    assert "nobody: FAILED not_configured" in shown


def test_a_provider_that_is_named_and_incomplete_is_told(database: Configure, as_role: AsRole) -> None:
    database(SENTINEL_EMAIL_PROVIDER="sendgrid")

    shown = as_role("viewer").get("/console/settings").text

    assert "SENTINEL_EMAIL_PROVIDER names sendgrid, but" in shown
    assert 'tone-bad">wrong</span>' in shown


def test_a_schema_of_another_version_is_something_to_look_at(visit: Visit) -> None:
    known = schema.newest_revision()
    execute("UPDATE alembic_version SET version_num = '0001'")
    try:
        shown = visit.get("/console/settings").text
    finally:
        execute("UPDATE alembic_version SET version_num = :known", known=known)

    assert f"at 0001, this version needs {known}" in shown
    assert "run <code>sentinel db upgrade</code>" in shown


def test_the_revisions_are_those_of_alembic(database: Configure) -> None:
    with unit_of_work() as uow:
        assert schema.revisions(uow) == revisions()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_everybody_may_look(role: str, as_role: AsRole) -> None:
    assert as_role(role).get("/console/settings").status_code == 200
