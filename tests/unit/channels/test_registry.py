"""Which provider serves a channel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from sentinel.channels import registry
from sentinel.channels.http import HttpTransport
from sentinel.channels.recipients import normalise
from sentinel.channels.registry import (
    CHANNELS,
    ROUTES,
    build_provider,
    channels_by_provider,
    problems,
    provider_name,
    providers_to_ask,
)
from sentinel.errors import ConfigurationError
from tests.unit.channels.conftest import built_providers, close_all, make_settings

TWILIO = {"twilio_account_sid": "AC1", "twilio_auth_token": "t", "twilio_from_number": "+15005550006"}
SERVICE = {"twilio_account_sid": "AC1", "twilio_auth_token": "t", "twilio_messaging_service_sid": "MG1"}
SENDGRID = {"sendgrid_api_key": "SG.k", "sendgrid_from_email": "a@example.com"}
SMTP = {"smtp_host": "mail.example.com", "smtp_from_email": "a@example.com"}
LIVE = {"env": "production"}


@pytest.mark.parametrize(
    ("given", "sms", "email"),
    [
        ({}, "sandbox", "sandbox"),
        (LIVE, None, None),
        (TWILIO, "twilio", "sandbox"),
        (SERVICE, "twilio", "sandbox"),
        ({**LIVE, **TWILIO, **SENDGRID}, "twilio", "sendgrid"),
        (SMTP, "sandbox", "smtp"),
        ({**SMTP, **SENDGRID}, "sandbox", "sendgrid"),
        ({**SMTP, **SENDGRID, "email_provider": "smtp"}, "sandbox", "smtp"),
        ({**LIVE, "sms_provider": "sandbox", "email_provider": "sandbox"}, "sandbox", "sandbox"),
        ({**TWILIO, "sms_provider": "none"}, None, "sandbox"),
        ({**TWILIO, "twilio_auth_token": ""}, "sandbox", "sandbox"),
        ({**LIVE, **TWILIO, "twilio_from_number": ""}, None, None),
        ({**SMTP, "smtp_username": "u"}, "sandbox", "sandbox"),
    ],
)
def test_the_provider_follows_from_the_settings(given: dict[str, Any], sms: str | None, email: str | None) -> None:
    settings = make_settings(**given)

    assert (provider_name("sms", settings), provider_name("email", settings)) == (sms, email)
    built = asyncio.run(names_of_built(settings))
    assert {channel: built.get(channel) for channel in ("sms", "email")} == {"sms": sms, "email": email}


@pytest.mark.parametrize(
    ("given", "slack", "webhook"),
    [
        ({}, "sandbox", "sandbox"),
        ({"slack_bot_token": "xoxb-1"}, "slack", "sandbox"),
        ({"slack_provider": "slack", "webhook_provider": "webhook"}, "slack", "webhook"),
        (LIVE, "slack", "webhook"),
        ({**LIVE, "slack_provider": "none", "webhook_provider": "sandbox"}, None, "sandbox"),
    ],
)
def test_what_needs_no_credentials_leaves_a_development_machine_only_when_it_is_switched_on(
    given: dict[str, Any], slack: str | None, webhook: str | None
) -> None:
    settings = make_settings(**given)

    built = asyncio.run(names_of_built(settings))
    assert {channel: built.get(channel) for channel in ("slack", "webhook")} == {"slack": slack, "webhook": webhook}


@pytest.mark.parametrize("env", ["development", "production"])
def test_the_inbox_needs_nothing_and_is_no_simulation(env: str) -> None:
    assert provider_name("inbox", make_settings(env=env)) == "inbox"
    assert provider_name("inbox", make_settings(env=env, inbox_provider="none")) is None


def test_a_channel_that_is_off_has_no_provider_to_build() -> None:
    settings = make_settings(sms_provider="none")

    with pytest.raises(ConfigurationError, match="sms: no provider is configured"):
        build_provider("sms", "twilio", settings, HttpTransport(settings))


@pytest.mark.parametrize(
    ("channel", "given", "missing"),
    [
        ("sms", {"sms_provider": "twilio"}, "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"),
        ("sms", {**TWILIO, "twilio_auth_token": None, "sms_provider": "twilio"}, "TWILIO_AUTH_TOKEN"),
        (
            "sms",
            {**TWILIO, "twilio_from_number": None, "sms_provider": "twilio"},
            "TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID",
        ),
        ("email", {"email_provider": "sendgrid", "sendgrid_api_key": "k"}, "SENDGRID_FROM_EMAIL"),
        ("email", {**SMTP, "email_provider": "smtp", "smtp_username": "u"}, "SMTP_PASSWORD"),
    ],
)
def test_a_provider_asked_for_by_name_must_be_complete(channel: str, given: dict[str, Any], missing: str) -> None:
    settings = make_settings(**given)

    with pytest.raises(ConfigurationError, match=missing):
        provider_name(channel, settings)
    assert any(missing in problem for problem in problems(settings))


def test_a_channel_that_is_wrongly_set_up_has_nobody_and_the_others_keep_theirs() -> None:
    settings = make_settings(**LIVE, **TWILIO, email_provider="smtp")

    assert channels_by_provider(settings)["twilio"] == ("sms",)
    assert "smtp" not in channels_by_provider(settings)
    assert providers_to_ask(settings) == ("twilio",)


def test_nothing_is_wrong_with_an_empty_development_machine() -> None:
    assert problems(make_settings()) == []


def test_nothing_is_wrong_with_complete_credentials() -> None:
    assert problems(make_settings(**LIVE, **TWILIO, **SENDGRID)) == []


def test_half_set_credentials_are_a_problem_though_the_sandbox_steps_in() -> None:
    found = problems(make_settings(twilio_account_sid="AC1"))

    assert len(found) == 1
    assert "TWILIO_ACCOUNT_SID is set, but twilio also needs TWILIO_AUTH_TOKEN" in found[0]


def test_production_without_a_provider_is_a_problem_unless_meant() -> None:
    assert [problem.partition(":")[0] for problem in problems(make_settings(**LIVE))] == ["sms", "email"]
    assert problems(make_settings(**LIVE, sms_provider="none", email_provider="none")) == []


def test_no_problem_shows_a_secret() -> None:
    settings = make_settings(twilio_auth_token="hidden-1", sendgrid_api_key="hidden-2", smtp_password="hidden-3")

    assert len(problems(settings)) == 3
    assert "hidden" not in " ".join(problems(settings))


@pytest.fixture
def without_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra."""
    monkeypatch.setattr(registry, "_is_found", lambda package: package != "apprise")


@pytest.mark.parametrize(
    ("given", "push"),
    [
        ({}, "sandbox"),
        (LIVE, "apprise"),
        ({"push_provider": "apprise"}, "apprise"),
        ({**LIVE, "push_provider": "none"}, None),
    ],
)
def test_pushes_leave_a_development_machine_only_when_they_are_switched_on(
    given: dict[str, Any], push: str | None
) -> None:
    settings = make_settings(**given)

    assert provider_name("push", settings) == push
    assert asyncio.run(names_of_built(settings)).get("push") == push


@pytest.mark.usefixtures("without_apprise")
def test_a_channel_whose_package_is_not_installed_is_not_configured_and_says_how_to_have_it() -> None:
    settings = make_settings(**LIVE, sms_provider="none", email_provider="none")

    assert provider_name("push", settings) is None
    (problem,) = problems(settings)
    assert problem.startswith("push: no provider is configured, every message will be FAILED not_configured; ")
    assert problem.endswith("install sentinel[apprise], or SENTINEL_PUSH_PROVIDER=none to say that this is meant")
    assert provider_name("push", make_settings()) == "sandbox"


@pytest.mark.usefixtures("without_apprise")
def test_a_provider_asked_for_by_name_must_be_installed() -> None:
    settings = make_settings(push_provider="apprise")

    with pytest.raises(ConfigurationError, match=r"its package is not installed; install sentinel\[apprise\]"):
        provider_name("push", settings)
    assert len(problems(settings)) == 1


def test_every_channel_has_recipients_and_providers_of_its_own_and_a_setting() -> None:
    assert CHANNELS == ("sms", "email", "slack", "webhook", "push", "inbox")
    for channel in CHANNELS:
        assert ROUTES[channel].offers
        assert hasattr(make_settings(), f"{channel}_provider")
    assert normalise("sms", "+91-9876543210") != normalise("email", "a@example.com")


def test_the_registry_does_not_import_the_sdks() -> None:
    program = (
        "import sys, sentinel.channels.registry, sentinel.channels.recipients;"
        "sys.exit(str({'twilio', 'sendgrid', 'smtplib', 'apprise', 'requests'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert result.stderr.strip() == "set()"


async def names_of_built(settings: Any) -> dict[str, str]:
    providers = built_providers(settings)
    await close_all(providers)
    return {channel: provider.name for channel, provider in providers.items()}
