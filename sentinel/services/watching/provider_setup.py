"""Who sends each channel under these settings, and what the others lack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sentinel.channels.registry import CHANNELS, ROUTES, SANDBOX, Offer, provider_names
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

LIVE, SIMULATED, ABSENT, WRONG = "live", "sandbox", "not configured", "wrong"


@dataclass(frozen=True, slots=True)
class Setup:
    """A channel: who sends it, in the order in which they are tried; `lacking` says of each other what it needs."""

    channel: str
    state: str
    providers: tuple[str, ...]
    lacking: dict[str, str]
    problem: str | None = None


def setups(settings: Settings) -> Iterator[Setup]:
    """Every channel in the order of the registry."""
    for channel in CHANNELS:
        try:
            names, problem = provider_names(channel, settings), None
        except ConfigurationError as error:
            names, problem = (), str(error)
        lacking = {
            offer.name: _needs(channel, offer, settings) for offer in ROUTES[channel].offers if offer.name not in names
        }
        yield Setup(channel, _state(names, problem), names, lacking, problem)


def _state(names: tuple[str, ...], problem: str | None) -> str:
    if problem:
        return WRONG
    if not names:
        return ABSENT
    return SIMULATED if names == (SANDBOX.name,) else LIVE


def _needs(channel: str, offer: Offer, settings: Settings) -> str:
    """What to set or install so that the provider sends."""
    variable = f"SENTINEL_{channel.upper()}_PROVIDER"
    if not offer.is_installed:
        return offer.remedy
    if missing := offer.missing(settings):
        return f"set {', '.join(missing)}"
    if not offer.suits(settings):  # in development nothing goes out by surprise
        return f"set {' or '.join((*(name.upper() for name in offer.switches or ()), f'{variable}={offer.name}'))}"
    return f"{variable} names others"
