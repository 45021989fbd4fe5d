"""Providers against stand-ins: settings, messages and one way to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sentinel.channels.base import Message, Provider, Receipt
from sentinel.channels.http import HttpTransport
from sentinel.channels.registry import CHANNELS, build_provider, provider_name
from sentinel.settings import Settings, get_settings
from sentinel.stand_ins import ACCOUNT_SID, API_KEY, AUTH_TOKEN, BOT_TOKEN, Certificate, Fault, ProviderStandIn

PREFIXES = ("TWILIO_", "SENDGRID_", "SMTP_", "SLACK_", "SENTINEL_")
PATIENT = {"connect_timeout_seconds": 10.0, "read_timeout_seconds": 15.0, "send_deadline_seconds": 25.0}
"""Nothing times out because the machine is busy; a test of a timeout sets its own."""

SettingsOf = Callable[..., Settings]
Send = Callable[..., list[Receipt]]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the developer's shell has set must not reach a test."""
    import os

    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def stand_in() -> Iterator[ProviderStandIn]:
    with ProviderStandIn() as stand_in:
        yield stand_in


def make_settings(**overrides: Any) -> Settings:
    """Settings from these values alone."""
    return Settings(_env_file=None, **overrides)  # type: ignore[call-arg]


@pytest.fixture
def settings_of() -> SettingsOf:
    return make_settings


def http_settings(url: str, **overrides: Any) -> Settings:
    """All HTTP providers, complete, with timeouts that a busy machine does not reach."""
    given: dict[str, Any] = {
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_from_number": "+15005550006",
        "twilio_api_base_url": url,
        "sendgrid_api_key": API_KEY,
        "sendgrid_from_email": "alerts@example.com",
        "sendgrid_api_base_url": url,
        "slack_bot_token": BOT_TOKEN,
        "slack_api_base_url": f"{url}/api",
        "webhook_provider": "webhook",
        "push_provider": "apprise",
        "webhook_private_networks": "127.0.0.0/8",
    }
    return make_settings(**{**PATIENT, **given, **overrides})


def sms(recipient: str = "+14155552671", body: str = "disk is full", **more: Any) -> Message:
    return Message(id=more.pop("id", "n-1"), channel="sms", recipient=recipient, body=body, **more)


def mail(recipient: str = "oncall@example.com", body: str = "disk is full", **more: Any) -> Message:
    return Message(id=more.pop("id", "n-1"), channel="email", recipient=recipient, body=body, **more)


def slack(recipient: str = "#ops", body: str = "disk is full", **more: Any) -> Message:
    return Message(id=more.pop("id", "n-1"), channel="slack", recipient=recipient, body=body, **more)


def hook(recipient: str, body: str = "disk is full", **more: Any) -> Message:
    return Message(id=more.pop("id", "n-1"), channel="webhook", recipient=recipient, body=body, **more)


def push(recipient: str, body: str = "disk is full", **more: Any) -> Message:
    return Message(id=more.pop("id", "n-1"), channel="push", recipient=recipient, body=body, **more)


def send(settings: Settings, *messages: Message, at_once: int = 64) -> list[Receipt]:
    """Send all of these in one event loop, as a worker does; the receipts come in the order of the messages."""

    async def run() -> list[Receipt]:
        places = asyncio.Semaphore(at_once)
        providers = built_providers(settings)

        async def one(message: Message) -> Receipt:
            async with places:
                return await providers[message.channel].send(message)

        try:
            return await asyncio.gather(*(one(message) for message in messages))
        finally:
            await close_all(providers)

    return asyncio.run(run())


def built_providers(settings: Settings) -> dict[str, Provider]:
    """The provider of each channel that has one, over one transport as in a worker."""
    transport = HttpTransport(settings)
    served = [channel for channel in CHANNELS if provider_name(channel, settings)]
    return {
        channel: build_provider(channel, str(provider_name(channel, settings)), settings, transport)
        for channel in served
    }


async def close_all(providers: dict[str, Provider]) -> None:
    for provider in providers.values():
        await provider.close()


@dataclass(frozen=True)
class Wire:
    """One HTTP provider in front of the stand-in."""

    message: Message
    accepted_status: int

    def receipt(self, stand_in: ProviderStandIn, *faults: Fault, **overrides: Any) -> Receipt:
        stand_in.script(*faults)
        return send(http_settings(stand_in.url, **overrides), self.message)[0]


TWILIO = Wire(sms(), 201)
SENDGRID = Wire(mail(subject="Disk"), 202)
SLACK = Wire(slack(), 200)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate.make(tmp_path / "stand-in.pem")
