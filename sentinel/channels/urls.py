"""URLs as recipients: a webhook's, and Slack's channels, people and incoming webhooks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from sentinel.channels.addresses import refused
from sentinel.channels.reach import Address, Reach, literal_address
from sentinel.settings import Settings, get_settings

LONGEST_URL = 1600
"""With the longest dedupe_key beside it, it still fits into a row of PostgreSQL's indexes (2,704 bytes)."""

SLACK_WEBHOOK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})

_URL_TEXT = re.compile(r"[!-~]+")
_NOT_IN_URL = re.compile(r'[\\"<>^`{|}]')
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SLACK_CHANNEL = re.compile(r"#[\w.-]{1,80}")
_SLACK_ID = re.compile(r"[CDGUW][A-Z0-9]{7,20}")

_URL_REMEDY = 'write a URL like "https://example.com/hooks/sentinel"'
_NETWORKS_REMEDY = "use a public address, or name its network in SENTINEL_WEBHOOK_PRIVATE_NETWORKS"
_CLEAR_REMEDY = "use https://; plain http:// is for the networks of SENTINEL_WEBHOOK_PRIVATE_NETWORKS"
_SLACK_REMEDY = (
    'write "#channel", the id of a channel or a person ("C024BE91L"), '
    'or an incoming webhook\'s URL ("https://hooks.slack.com/services/…")'
)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL taken apart; the host in its one spelling."""

    scheme: str
    host: str
    port: int
    rest: str

    @property
    def literal(self) -> Address | None:
        """The address the host is by itself; None for a name."""
        return ip_address("127.0.0.1") if self.host == "localhost" else literal_address(self.host)

    @property
    def netloc(self) -> str:
        """Host and port, the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.rest}"


def webhook_url(recipient: str) -> str:
    """A URL of a receiver on the internet, or in the networks that the operator named."""
    url = parse_url(recipient, remedy=_URL_REMEDY)
    must_be_allowed(url, recipient)
    return str(url)


def must_be_allowed(url: Url, recipient: str) -> None:
    """Refuse a recipient whose server no message may be sent to, as far as the name alone tells."""
    settings = get_settings()
    reach = Reach(settings.webhook_private_networks)
    if url.literal is not None and not reach.contains(url.literal):
        raise refused(recipient, "leads to a private, loopback or reserved address", _NETWORKS_REMEDY)
    if url.scheme == "http" and not _may_be_clear(url, settings):
        raise refused(recipient, "would send alerts unencrypted", _CLEAR_REMEDY)


def reach_of(url: Url, settings: Settings) -> Reach:
    """Where this URL may lead: in production, unencrypted ones lead nowhere but into the operator's own networks."""
    is_private_only = url.scheme == "http" and settings.env == "production"
    return Reach(settings.webhook_private_networks, is_private_only=is_private_only)


def slack_target(recipient: str) -> str:
    """A channel by name or id, a person by id, or an incoming webhook."""
    text = recipient.strip()
    if text.lower().startswith(("https://", "http://")):
        return _slack_webhook(recipient)
    if text.startswith("#") and _SLACK_CHANNEL.fullmatch(text.lower()):
        return text.lower()  # Slack knows names of channels in lower case only
    if _SLACK_ID.fullmatch(text):
        return text
    raise refused(recipient, "is no channel, id or webhook of Slack", _SLACK_REMEDY)


def parse_url(recipient: str, *, remedy: str) -> Url:
    """Take a URL apart, or say why it cannot be used."""
    text = recipient.strip()
    if len(text) > LONGEST_URL:
        raise refused(recipient, f"is longer than {LONGEST_URL} characters", remedy)
    if not _URL_TEXT.fullmatch(text) or _NOT_IN_URL.search(text):
        raise refused(recipient, "has characters that must be percent-encoded in a URL", remedy)
    try:
        parts = urlsplit(text)
        scheme, port = parts.scheme.lower(), parts.port
    except ValueError:
        raise refused(recipient, "is not a URL", remedy) from None
    if "@" in parts.netloc:
        raise refused(recipient, "carries a name or password", "leave them out: requests are signed instead")
    if "#" in text:
        raise refused(recipient, "has a fragment, which is never sent", 'leave out what follows the "#"')
    host = _host(parts.hostname or "")
    if scheme not in _DEFAULT_PORTS or host is None or port == 0:
        raise refused(recipient, "is not a URL", remedy)
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(scheme, host, port or _DEFAULT_PORTS[scheme], rest)


def _host(host: str) -> str | None:
    """A name in lower case or a literal address, each in its one spelling; None for what is neither."""
    name = host.lower().removesuffix(".")
    address = literal_address(name)
    if address is not None:
        return None if isinstance(address, IPv6Address) and address.scope_id else str(address)
    return name if _NAME.fullmatch(name) else None


def _may_be_clear(url: Url, settings: Settings) -> bool:
    if settings.env != "production":
        return True
    if url.literal is not None:
        return reach_of(url, settings).contains(url.literal)
    return bool(settings.webhook_private_networks)  # where the name leads is seen when we connect


def _slack_webhook(recipient: str) -> str:
    url = parse_url(recipient, remedy=_SLACK_REMEDY)
    if url.scheme == "https" and url.netloc in SLACK_WEBHOOK_HOSTS and url.rest != "/":
        return str(url)
    rehearsal = urlsplit(get_settings().slack_api_base_url)
    if (url.scheme, url.netloc) == (rehearsal.scheme, rehearsal.netloc) and url.netloc != "slack.com":
        return str(url)
    raise refused(recipient, "is no incoming webhook of Slack", _SLACK_REMEDY)
