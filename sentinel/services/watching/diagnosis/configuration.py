"""What the settings alone tell: providers, limits, times, who may call."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.channels.registry import CHANNELS, problems, provider_name
from sentinel.channels.twilio_reports import callback_url
from sentinel.errors import ConfigurationError
from sentinel.services.watching.diagnosis.findings import Finding, broken, ok, warning
from sentinel.settings import Limit, Settings

SANDBOX = "sandbox"
INBOX = "inbox"


def check_configuration(settings: Settings) -> Iterator[Finding]:
    """Everything that needs no server."""
    yield from check_times(settings)
    yield from check_limits(settings)
    yield from check_providers(settings)
    yield from check_access(settings)


def check_times(settings: Settings) -> Iterator[Finding]:
    """Settings refuse times in the wrong order; here they are shown."""
    for (inner, inner_seconds), (outer, outer_seconds), _ in settings.time_order:
        yield ok("times", f"{inner} ({inner_seconds:g} s) < {outer} ({outer_seconds:g} s)")


def check_limits(settings: Settings) -> Iterator[Finding]:
    """Each limit in words; one for a channel that does not exist limits nothing."""
    for limit in settings.limits:
        if limit.channel is not None and limit.channel not in CHANNELS:
            remedy = f"in SENTINEL_LIMITS use one of: {', '.join(CHANNELS)}; or leave the channel out"
            yield broken("limits", f"{_in_words(limit)}: there is no such channel, it limits nothing", remedy)
        else:
            yield ok("limits", _in_words(limit))
    if not settings.limits:
        yield ok("limits", "none")


def _in_words(limit: Limit) -> str:
    where = f"on {limit.channel}" if limit.channel else "on every channel"
    return f"{limit.rate} per {limit.scope} {where}, above it {limit.above}"


def check_providers(settings: Settings) -> Iterator[Finding]:
    """Who sends each channel, and what is half done about it."""
    for channel in CHANNELS:
        try:
            yield _provider(channel, provider_name(channel, settings), settings)
        except ConfigurationError as error:
            yield broken(channel, str(error), "or choose another provider")
    for problem in problems(settings):
        text, _, remedy = problem.rpartition("; ")
        yield warning("providers", text, remedy)


def _provider(channel: str, name: str | None, settings: Settings) -> Finding:
    variable = f"SENTINEL_{channel.upper()}_PROVIDER"
    if name is None:
        return ok(channel, f"no provider: each message ends as FAILED not_configured ({variable})")
    if name == SANDBOX and settings.env == "production":
        remedy = f"set {variable}=auto and the credentials of a provider"
        return warning(channel, "sandbox: in production, and no message leaves this machine", remedy)
    if name == SANDBOX:
        return ok(channel, "sandbox: messages are simulated, none leaves this machine")
    return ok(channel, name)


def check_access(settings: Settings) -> Iterator[Finding]:
    """Who may call, and whether providers can call back."""
    if settings.is_open and settings.env == "production":
        remedy = "set SENTINEL_OPEN_MODE=false and make a key with `sentinel keys create`"
        yield broken("access", "open mode: requests from this machine need no API key, in production", remedy)
    elif settings.is_open:
        yield ok("access", f"open mode: requests to {settings.api_host} need no API key (development only)")
    else:
        yield ok("access", "each request needs an API key")
    yield _proxies(settings)
    yield from _check_callbacks(settings, _live(settings))


def _proxies(settings: Settings) -> Finding:
    """The API speaks no TLS itself: whoever reaches it by https comes through a proxy."""
    if settings.trusted_proxies:
        return ok("proxies", f"believed who asks: {', '.join(map(str, settings.trusted_proxies))}")
    if settings.public_base_url.startswith("https://"):
        remedy = "set SENTINEL_TRUSTED_PROXIES to the network from which the proxy comes"
        message = (
            "PUBLIC_BASE_URL is https, so a proxy stands in front: to limits and audit all visitors are that proxy"
        )
        return warning("proxies", message, remedy)
    return ok("proxies", "none: visitors are known by the address they come from")


def _check_callbacks(settings: Settings, live: set[str]) -> Iterator[Finding]:
    """Without reports nobody knows what became of accepted messages."""
    remedy = "set PUBLIC_BASE_URL to the https address under which the outside reaches the API"
    if live and not settings.public_base_url:
        yield warning("callbacks", "PUBLIC_BASE_URL is not set: no provider can report back", remedy)
        return
    if "twilio" in live and callback_url(settings, "") is None:
        yield warning("callbacks", f"Twilio cannot reach {settings.public_base_url}: it is not asked to report", remedy)
    if "sendgrid" in live and settings.sendgrid_webhook_public_key is None:
        key = "copy the verification key of SendGrid's event webhook to SENDGRID_WEBHOOK_PUBLIC_KEY"
        yield warning("callbacks", "SENDGRID_WEBHOOK_PUBLIC_KEY is not set: SendGrid's reports are refused", key)


def _live(settings: Settings) -> set[str]:
    names = set()
    for channel in CHANNELS:
        try:
            names.add(provider_name(channel, settings))
        except ConfigurationError:
            continue  # already reported as broken
    return {name for name in names if name is not None} - {SANDBOX, INBOX}
