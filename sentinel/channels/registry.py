"""Which channels there are, and which provider serves each under given settings."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from sentinel.channels.addresses import mail_address, phone_number
from sentinel.channels.base import Provider
from sentinel.channels.http import HttpTransport
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that can serve a channel. Its module is imported only when it is used: the SDKs are heavy.

    `requires` names the settings it needs, each as its alternatives; `together` those that come in one piece.
    """

    name: str
    module: str
    requires: tuple[tuple[str, ...], ...] = ()
    together: tuple[str, ...] = ()

    def missing(self, settings: Settings) -> list[str]:
        """The variables that must still be set, alternatives joined by "or"."""
        lacking = [names for names in self.requires if not any(getattr(settings, name) for name in names)]
        if any(getattr(settings, name) for name in self.together):
            lacking += [(name,) for name in self.together if not getattr(settings, name)]
        return [" or ".join(name.upper() for name in names) for names in lacking]

    def given(self, settings: Settings) -> list[str]:
        """The variables of this provider that are set."""
        names = [name for names in self.requires for name in names] + list(self.together)
        return [name.upper() for name in names if getattr(settings, name)]


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach people: the form of its recipients, and its providers, the first complete one preferred.

    `longest_body` is the most characters that its providers take.
    """

    address: Callable[[str], str]
    offers: tuple[Offer, ...]
    longest_body: int = 100_000


TWILIO = Offer(
    "twilio",
    "sentinel.channels.sms_twilio",
    requires=(
        ("twilio_account_sid",),
        ("twilio_auth_token",),
        ("twilio_from_number", "twilio_messaging_service_sid"),
    ),
)
SENDGRID = Offer(
    "sendgrid", "sentinel.channels.email_sendgrid", requires=(("sendgrid_api_key",), ("sendgrid_from_email",))
)
SMTP = Offer(
    "smtp",
    "sentinel.channels.email_smtp",
    requires=(("smtp_host",), ("smtp_from_email",)),
    together=("smtp_username", "smtp_password"),
)
SANDBOX = Offer("sandbox", "sentinel.channels.sandbox")

ROUTES: dict[str, Channel] = {
    # Longer ones are refused by Twilio as 21617: https://www.twilio.com/docs/errors/21617
    "sms": Channel(phone_number, (TWILIO,), longest_body=1600),
    "email": Channel(mail_address, (SENDGRID, SMTP)),
}

CHANNELS: tuple[str, ...] = tuple(ROUTES)


def provider_name(channel: str, settings: Settings) -> str | None:
    """The provider that serves `channel`; None when none is configured.

    Raises `ConfigurationError` when a provider is asked for by name, but lacks credentials.
    """
    offer = _chosen(channel, settings)
    return offer.name if offer else None


def build_providers(settings: Settings) -> dict[str, Provider]:
    """Channel → provider. Call it in the event loop that sends; close all of them together, they share a transport."""
    transport = HttpTransport(settings)
    chosen = {channel: _chosen(channel, settings) for channel in CHANNELS}
    return {channel: _built(offer, settings, transport) for channel, offer in chosen.items() if offer}


def problems(settings: Settings) -> list[str]:
    """What is wrong or half done about the providers, a sentence each, with the variable to set."""
    return [problem for channel in CHANNELS for problem in _problems_of(channel, settings)]


def _wish(channel: str, settings: Settings) -> str:
    return str(getattr(settings, f"{channel}_provider"))


def _chosen(channel: str, settings: Settings) -> Offer | None:
    wish = _wish(channel, settings)
    if wish == "auto":
        complete = (offer for offer in ROUTES[channel].offers if not offer.missing(settings))
        return next(complete, SANDBOX if settings.env == "development" else None)
    offer = next((offer for offer in (*ROUTES[channel].offers, SANDBOX) if offer.name == wish), None)
    if offer and (missing := offer.missing(settings)):
        raise ConfigurationError(_asked_but_missing(channel, wish, missing))
    return offer


def _built(offer: Offer, settings: Settings, transport: HttpTransport) -> Provider:
    provider: Provider = importlib.import_module(offer.module).build(settings, transport)
    return provider


def _problems_of(channel: str, settings: Settings) -> list[str]:
    wish = _wish(channel, settings)
    offers = ROUTES[channel].offers
    if wish != "auto":
        asked = (offer for offer in offers if offer.name == wish and offer.missing(settings))
        return [_asked_but_missing(channel, wish, offer.missing(settings)) for offer in asked]
    half = [
        f"{channel}: {', '.join(offer.given(settings))} is set, but {offer.name} also needs "
        f"{', '.join(offer.missing(settings))}; set it, or unset the others"
        for offer in offers
        if offer.given(settings) and offer.missing(settings)
    ]
    if _chosen(channel, settings) is None:
        half.append(_not_configured(channel))
    return half


def _asked_but_missing(channel: str, wish: str, missing: list[str]) -> str:
    return f"SENTINEL_{channel.upper()}_PROVIDER={wish}, but {', '.join(missing)} is not set; set it in the environment"


def _not_configured(channel: str) -> str:
    names = " or ".join(offer.name for offer in ROUTES[channel].offers)
    return (
        f"{channel}: no provider is configured, every message will be FAILED not_configured; "
        f"set the credentials of {names}, or SENTINEL_{channel.upper()}_PROVIDER=none to say that this is meant"
    )
