"""Which channels there are, and which provider serves each under given settings."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sentinel.channels.addresses import mail_address, phone_number, user_id
from sentinel.channels.base import Provider
from sentinel.channels.push_services import push_target
from sentinel.channels.urls import slack_target, webhook_url
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

if TYPE_CHECKING:
    from sentinel.channels.http import HttpTransport  # not for beat and Flower, who want the channels' names only


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that can serve a channel. Its module is imported only when it is used: the SDKs are heavy.

    `requires` names the settings it needs, each as its alternatives; `together` those that come in one piece.
    `switches` (where it is not None) names settings of which one must be set before `auto` takes it in development:
    a provider that needs no credentials would send to the outside by surprise. `looks_up`: it can be asked whether it
    has a message whose send is in doubt. `is_over_http`: it sends by our HTTP client. `package`: what it needs beside
    our own packages; the extra has its name.
    """

    name: str
    module: str
    requires: tuple[tuple[str, ...], ...] = ()
    together: tuple[str, ...] = ()
    switches: tuple[str, ...] | None = None
    looks_up: bool = False
    is_over_http: bool = True
    package: str | None = None

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

    def suits(self, settings: Settings) -> bool:
        """Whether `auto` may take it: it is complete, and in development it was switched on."""
        if settings.env == "development" and self.switches is not None:
            return any(getattr(settings, name) for name in self.switches)
        return self.is_installed and not self.missing(settings)

    @property
    def is_installed(self) -> bool:
        """Whether its package is there."""
        return self.package is None or _is_found(self.package)

    @property
    def remedy(self) -> str:
        """What to do to have it."""
        return f"set the credentials of {self.name}" if self.package is None else f"install sentinel[{self.package}]"


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach people: the form of its recipients, and its providers, the first complete one preferred.

    `longest_body` is the most characters that its providers take. `has_own_receivers`: each recipient is a server, or
    has limits, of its own, so that one that hangs or asks for patience must hold up no other. `knows_repetitions`: they
    tell a message that comes again by its id.
    """

    address: Callable[[str], str]
    offers: tuple[Offer, ...]
    longest_body: int = 100_000
    has_own_receivers: bool = False
    knows_repetitions: bool = False


TWILIO = Offer(
    "twilio",
    "sentinel.channels.sms_twilio",
    requires=(
        ("twilio_account_sid",),
        ("twilio_auth_token",),
        ("twilio_from_number", "twilio_messaging_service_sid"),
    ),
    looks_up=True,
)
SENDGRID = Offer(
    "sendgrid", "sentinel.channels.email_sendgrid", requires=(("sendgrid_api_key",), ("sendgrid_from_email",))
)
SMTP = Offer(
    "smtp",
    "sentinel.channels.email_smtp",
    requires=(("smtp_host",), ("smtp_from_email",)),
    together=("smtp_username", "smtp_password"),
    is_over_http=False,
)
SLACK = Offer("slack", "sentinel.channels.slack", switches=("slack_bot_token",))
WEBHOOK = Offer("webhook", "sentinel.channels.webhook", switches=())
INBOX = Offer("inbox", "sentinel.channels.inbox", is_over_http=False)
APPRISE = Offer("apprise", "sentinel.channels.push_apprise", switches=(), package="apprise")
SANDBOX = Offer("sandbox", "sentinel.channels.sandbox", is_over_http=False)

HTTP_CLIENT = "sentinel.channels.http_client"

LONGEST_PUSH = 10_000
"""Services take one to eight thousand characters; longer texts go out in pieces, of which there should not be many."""

ROUTES: dict[str, Channel] = {
    # Longer ones are refused by Twilio as 21617: https://www.twilio.com/docs/errors/21617
    "sms": Channel(phone_number, (TWILIO,), longest_body=1600),
    "email": Channel(mail_address, (SENDGRID, SMTP)),
    # Slack cuts longer texts off: https://docs.slack.dev/reference/methods/chat.postMessage
    "slack": Channel(slack_target, (SLACK,), longest_body=40_000, has_own_receivers=True),
    "webhook": Channel(webhook_url, (WEBHOOK,), has_own_receivers=True, knows_repetitions=True),
    "push": Channel(push_target, (APPRISE,), longest_body=LONGEST_PUSH, has_own_receivers=True),
    "inbox": Channel(user_id, (INBOX,)),
}

CHANNELS: tuple[str, ...] = tuple(ROUTES)

PROVIDERS: tuple[str, ...] = (*(offer.name for channel in ROUTES.values() for offer in channel.offers), SANDBOX.name)


def provider_names(channel: str, settings: Settings) -> tuple[str, ...]:
    """The providers that serve `channel`, in the order in which they are tried; none when none is configured.

    Raises `ConfigurationError` when a provider is asked for by name, but lacks credentials.
    """
    return tuple(offer.name for offer in _chosen(channel, settings))


def provider_name(channel: str, settings: Settings) -> str | None:
    """The provider that serves `channel` while all is well; None when none is configured."""
    return next(iter(provider_names(channel, settings)), None)


def channels_by_provider(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Which channels each configured provider serves; the channels' order, then the providers'.

    A channel that is wrongly set up has nobody: it must not keep the others from theirs.
    """
    found: dict[str, tuple[str, ...]] = {}
    for channel in CHANNELS:
        for offer in _usable(channel, settings):
            found[offer.name] = (*found.get(offer.name, ()), channel)
    return found


def providers_to_ask(settings: Settings) -> tuple[str, ...]:
    """The configured providers that can be asked about a send in doubt."""
    offers = {offer.name: offer for channel in CHANNELS for offer in _usable(channel, settings)}
    return tuple(name for name, offer in offers.items() if offer.looks_up)


def build_provider(channel: str, name: str, settings: Settings, transport: HttpTransport) -> Provider:
    """One of the channel's providers. Those of a process share the transport, so close them together."""
    offer = next((offer for offer in _chosen(channel, settings) if offer.name == name), None)
    if offer is None:
        raise ConfigurationError(_not_configured(channel))
    provider: Provider = importlib.import_module(offer.module).build(settings, transport)
    return provider


def modules_of(channels: Iterable[str], settings: Settings) -> list[str]:
    """Modules that sending by these channels takes; none for a channel that is wrongly set up, which sends nothing."""
    offers = [offer for channel in channels for offer in _usable(channel, settings)]
    client = [HTTP_CLIENT] if any(offer.is_over_http for offer in offers) else []
    return list(dict.fromkeys(offer.module for offer in offers)) + client


def problems(settings: Settings) -> list[str]:
    """What is wrong or half done about the providers, a sentence each, with the variable to set."""
    return [problem for channel in CHANNELS for problem in problems_of(channel, settings)]


def problems_of(channel: str, settings: Settings) -> list[str]:
    """What is wrong or half done about one channel's providers."""
    wishes = _wishes(channel, settings)
    offers = ROUTES[channel].offers
    if wishes != ["auto"]:
        troubles = (_trouble(channel, offer, settings) for offer in _asked(channel, wishes))
        return [trouble for trouble in troubles if trouble]
    half = [
        f"{channel}: {', '.join(offer.given(settings))} is set, but {offer.name} also needs "
        f"{', '.join(offer.missing(settings))}; set it, or unset the others"
        for offer in offers
        if offer.given(settings) and offer.missing(settings)
    ]
    if not _chosen(channel, settings):
        half.append(_not_configured(channel))
    return half


def _wishes(channel: str, settings: Settings) -> list[str]:
    return str(getattr(settings, f"{channel}_provider")).split(",")


def _chosen(channel: str, settings: Settings) -> tuple[Offer, ...]:
    wishes = _wishes(channel, settings)
    if wishes == ["auto"]:
        suitable = tuple(offer for offer in ROUTES[channel].offers if offer.suits(settings))
        return suitable or ((SANDBOX,) if settings.env == "development" else ())
    asked = _asked(channel, wishes)
    for offer in asked:
        if trouble := _trouble(channel, offer, settings):
            raise ConfigurationError(trouble)
    return asked


def _usable(channel: str, settings: Settings) -> tuple[Offer, ...]:
    try:
        return _chosen(channel, settings)
    except ConfigurationError:
        return ()


def _asked(channel: str, wishes: list[str]) -> tuple[Offer, ...]:
    offers = {offer.name: offer for offer in (*ROUTES[channel].offers, SANDBOX)}
    return tuple(offers[wish] for wish in wishes if wish in offers)


def _trouble(channel: str, offer: Offer, settings: Settings) -> str | None:
    """Why a provider that is asked for by name cannot be used."""
    asked = f"SENTINEL_{channel.upper()}_PROVIDER names {offer.name}, but"
    if not offer.is_installed:
        return f"{asked} its package is not installed; {offer.remedy}"
    missing = offer.missing(settings)
    return f"{asked} {', '.join(missing)} is not set; set it" if missing else None


def _not_configured(channel: str) -> str:
    remedies = " or ".join(offer.remedy for offer in ROUTES[channel].offers)
    return (
        f"{channel}: no provider is configured, every message will be FAILED not_configured; "
        f"{remedies}, or SENTINEL_{channel.upper()}_PROVIDER=none to say that this is meant"
    )


@cache
def _is_found(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
