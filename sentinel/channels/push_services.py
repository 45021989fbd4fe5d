"""The services that messages are pushed to, and the form of their targets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sentinel.channels.addresses import refused
from sentinel.channels.urls import LONGEST_URL, Url, must_be_allowed, parse_url
from sentinel.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Service:
    """A service by the scheme of its targets, which have the form `form`.

    `rest` is what follows the scheme; where it names a `server`, that is somebody's own, spoken to by https, or by http
    under the `clear` scheme. `options` may follow as a query. `plugin` is the module and the class of apprise for it.
    A target is one receiver, so that each message is one request: what fails has reached nobody.
    """

    title: str
    scheme: str
    form: str
    rest: re.Pattern[str]
    plugin: tuple[str, str]
    clear: str | None = None
    options: frozenset[str] = frozenset()


_OPTION = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_SERVER = r"(?:(?P<login>[A-Za-z0-9._~%!$&'()*+,;=:-]+)@)?(?P<server>[^/@?#]+)"
_WORD = r"[A-Za-z0-9._~%+=-]+"


def _there(rest: str) -> re.Pattern[str]:
    """A target at the service's own address."""
    return re.compile(rest)


def _own(rest: str) -> re.Pattern[str]:
    """A target that names a server."""
    return re.compile(f"{_SERVER}(?P<path>/{rest})")


SERVICES: tuple[Service, ...] = (
    Service(
        "Telegram",
        "tgram",
        "tgram://{bot_token}/{chat_id}",
        _there(r"[0-9]+:[A-Za-z0-9_-]{20,}/(-?[0-9]+(:[0-9]+)?|@[A-Za-z0-9_]{4,32})"),
        ("telegram", "NotifyTelegram"),
        options=frozenset({"silent"}),
    ),
    Service(
        "Discord",
        "discord",
        "discord://{webhook_id}/{webhook_token}",
        _there(r"[0-9]+/[A-Za-z0-9_-]+"),
        ("discord", "NotifyDiscord"),
        options=frozenset({"thread"}),
    ),
    Service(
        "Microsoft Teams",
        "workflows",
        "workflows://{host}/{workflow}/{signature}",
        _own(rf"{_WORD}/{_WORD}"),
        ("workflows", "NotifyWorkflows"),
        options=frozenset({"pa", "route"}),
    ),
    Service(
        "ntfy",
        "ntfys",
        "ntfys://{host}/{topic}",
        _own(r"[A-Za-z0-9_-]{1,64}"),
        ("ntfy", "NotifyNtfy"),
        clear="ntfy",
        options=frozenset({"priority", "xtags"}),
    ),
    Service(
        "Pushover",
        "pover",
        "pover://{user_key}@{token}",
        _there(r"[A-Za-z0-9]{30}@[A-Za-z0-9]{30}(/[A-Za-z0-9_-]{1,25})?"),
        ("pushover", "NotifyPushover"),
        options=frozenset({"priority", "sound"}),
    ),
    Service(
        "Gotify",
        "gotifys",
        "gotifys://{host}/{token}",
        _own(rf"({_WORD}/)*{_WORD}"),
        ("gotify", "NotifyGotify"),
        clear="gotify",
        options=frozenset({"priority"}),
    ),
    Service(
        "Mattermost",
        "mmosts",
        "mmosts://{host}/{webhook_token}",
        _own(rf"({_WORD}/)*{_WORD}"),
        ("mattermost", "NotifyMattermost"),
        clear="mmost",
    ),
    Service(
        "Google Chat",
        "gchat",
        "gchat://{workspace}/{webhook_key}/{webhook_token}",
        _there(rf"{_WORD}/{_WORD}/{_WORD}"),
        ("google_chat", "NotifyGoogleChat"),
    ),
    Service(
        "Pushbullet", "pbul", "pbul://{access_token}", _there(r"[A-Za-z0-9.]+"), ("pushbullet", "NotifyPushBullet")
    ),
    Service(
        "Bark",
        "barks",
        "barks://{host}/{device_key}",
        _own(_WORD),
        ("bark", "NotifyBark"),
        clear="bark",
        options=frozenset({"group", "level", "sound"}),
    ),
    Service("Prowl", "prowl", "prowl://{api_key}", _there(r"[A-Za-z0-9]{40}"), ("prowl", "NotifyProwl")),
    Service(
        "LINE",
        "line",
        "line://{access_token}/{user_id}",
        _there(rf"{_WORD}/[UCR][0-9a-f]{{32}}"),
        ("line", "NotifyLine"),
    ),
    Service(
        "Zulip",
        "zulip",
        "zulip://{bot}@{organization}/{token}/{channel}",
        _there(r"[A-Za-z0-9_-]+@[A-Za-z0-9_-]+/[A-Za-z0-9]{32}/[A-Za-z0-9_.%-]+"),
        ("zulip", "NotifyZulip"),
    ),
    Service(
        "Signal",
        "signals",
        "signals://{host}/{from_number}/{to_number}",
        _own(r"\+[0-9]{8,15}/\+[0-9]{8,15}"),
        ("signal_api", "NotifySignalAPI"),
        clear="signal",
    ),
)

BY_SCHEME: dict[str, Service] = {
    scheme: service for service in SERVICES for scheme in (service.scheme, service.clear) if scheme
}

_REMEDY = f'write a target like "{SERVICES[0].form}"; the schemes are {", ".join(BY_SCHEME)}'


def push_target(recipient: str) -> str:
    """One receiver at one of the services; the scheme and a server's name in their one spelling."""
    text = recipient.strip()
    if len(text) > LONGEST_URL:
        raise refused(recipient, f"is longer than {LONGEST_URL} characters", _REMEDY)
    scheme, mark, rest = text.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in BY_SCHEME:
        raise refused(recipient, "names no service that messages are pushed to", _REMEDY)
    service = BY_SCHEME[scheme]
    address, _, query = rest.partition("?")
    found = service.rest.fullmatch(address.removesuffix("/"))
    if found is None:
        raise refused(recipient, f"is no target of {service.title}", f'write it like "{service.form}"')
    _check_options(recipient, service, query)
    if "server" in service.rest.groupindex:
        address = _with_server(recipient, found, is_clear=scheme == service.clear)
    else:
        address = found[0]
    return f"{scheme}://{address}" + (f"?{query}" if query else "")


def _check_options(recipient: str, service: Service, query: str) -> None:
    allowed = ", ".join(sorted(service.options)) or "none"
    pairs = parse_qsl(query, keep_blank_values=True)
    if query and (not pairs or any(name not in service.options or not _OPTION.fullmatch(each) for name, each in pairs)):
        message = f"has an option that {service.title} does not have here"
        raise refused(recipient, message, f'options of {service.scheme}:// after a "?": {allowed}')


def _with_server(recipient: str, found: re.Match[str], *, is_clear: bool) -> str:
    """The address with its server as it is written in URLs; one that no message may be sent to is refused."""
    url = _server(recipient, found["server"], "http" if is_clear else "https")
    must_be_allowed(url, recipient)
    login = f"{found['login']}@" if found["login"] else ""
    return f"{login}{url.netloc}{found['path']}"


def _server(recipient: str, server: str, scheme: str) -> Url:
    remedy = 'write the name of the server, and its port if it has one of its own: "push.example.com:8443"'
    try:
        return parse_url(f"{scheme}://{server}/", remedy=remedy)
    except InvalidInputError:
        raise refused(recipient, "names no server", remedy) from None
