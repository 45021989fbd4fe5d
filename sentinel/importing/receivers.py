"""Alertmanager's receivers as targets of our channels, and what of their settings has no counterpart. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from sentinel.channels.recipients import normalise
from sentinel.errors import InvalidInputError
from sentinel.importing.configuration import ReceiverConfig
from sentinel.importing.remarks import Remark, loss

Target = tuple[str, str]
"""A channel of ours, and an address there."""

PUSH = "push"
BY_HAND = "make an endpoint by hand that reaches them, and have the rule notify it, too"

TELLS_RESOLVED = frozenset({"webhook", "telegram", "discord", "msteamsv2", "pushover"})
"""Kinds that say by default when an alert is resolved."""

HARMLESS = frozenset({"follow_redirects", "enable_http2"})
"""Settings of `http_config` that change nothing about who is reached."""

LOGINS = frozenset({"authorization", "bearer_token", "bearer_token_file"})
"""How Alertmanager is Slack's bot; ours has its token in the settings."""

TELEGRAM = "https://api.telegram.org"
WORKFLOW = re.compile(
    r"(?P<power_automate>/powerautomate/automations/direct(?:/cu/(?P<route>\d+))?)?/workflows/(?P<id>[^/]+)/"
)
SLACK_ID = re.compile(r"[CDGUW][A-Z0-9]{7,20}")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a receiver's config becomes."""

    targets: tuple[Target, ...] = ()
    tells_resolved: bool = True
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of config: how its targets are found, by which settings; all others of it are wording or not ours."""

    targets: Callable[[ReceiverConfig, Surroundings], Iterable[Target]]
    settings: frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all receivers share: `global`, and which channels each URL of Slack serves."""

    defaults: Mapping[str, Any]
    slack_channels: Mapping[str, frozenset[str]]


class LostError(ValueError):
    """A config that no channel of ours can stand for."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def surroundings(defaults: Mapping[str, Any], configs: Iterable[ReceiverConfig]) -> Surroundings:
    """What is to be known before one receiver can be read."""
    channels: dict[str, set[str]] = defaultdict(set)
    for each in configs:
        if each.kind == "slack":
            channels[_slack_url(each, defaults)].add(_said(each, "channel"))
    return Surroundings(defaults, {url: frozenset(found) for url, found in channels.items()})


def carried(config: ReceiverConfig, around: Surroundings) -> Carried:
    """The targets of a config, as far as there are any, and everything that is to be said about it."""
    kind = KINDS.get(config.kind)
    if kind is None:
        what = f"Sentinel has no channel for {config.kind}"
        return Carried(remarks=(loss(config.place, what, BY_HAND),))
    try:
        targets = tuple(dict.fromkeys(_spelt(each) for each in kind.targets(config, around)))
        _refuse_own_ways(config, around)
    except LostError as error:
        return Carried(remarks=(loss(config.place, error.what, error.remedy),))
    return Carried(targets, tells_resolved(config), tuple(_remarks(config, kind, targets)))


def tells_resolved(config: ReceiverConfig) -> bool:
    """Whether it says when an alert is resolved."""
    said = _said(config, "send_resolved").lower()
    return said in ("true", "yes", "on") if said else config.kind in TELLS_RESOLVED


def _spelt(target: Target) -> Target:
    """The target in its one spelling."""
    channel, address = target
    try:
        return channel, normalise(channel, address)
    except InvalidInputError as error:
        (problem,) = error.errors
        raise LostError(f"its address {problem.message}", problem.remedy) from None


def _refuse_own_ways(config: ReceiverConfig, around: Surroundings) -> None:
    """Ways of speaking HTTP that ours are not: with a login, through a proxy, with certificates of its own."""
    if config.kind == "email":
        return
    given = config.settings.get("http_config") or around.defaults.get("http_config")
    harmless = HARMLESS | LOGINS if config.kind == "slack" else HARMLESS
    names = [each for each in given if each not in harmless] if isinstance(given, dict) else []
    if names:
        raise LostError(
            f"http_config sets {', '.join(names)}, and Sentinel's requests are signed instead",
            f"have the receiver check the signature, or put a proxy before it; then {BY_HAND}",
        )


def _remarks(config: ReceiverConfig, kind: Kind, targets: Iterable[Target]) -> Iterator[Remark]:
    known = kind.settings | {"send_resolved", "http_config"}
    if others := sorted(each for each in config.settings if each not in known):
        what = f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} not carried over"
        yield Remark(config.place, what, "word messages with a template of Sentinel")
    if config.kind == "webhook":
        what = "what is posted there is Sentinel's own message, not Alertmanager's version 4"
        yield Remark(config.place, what, "let the receiver read it, or shape it with a template")
        remedy = "POST /endpoints/{id}/rotate-secret makes another, and shows it once"
        yield Remark(config.place, "it is signed with a secret that nobody has seen", remedy)
    for channel, address in targets:
        if channel == "slack" and not address.startswith("http"):
            what = f"{address} is written to by Sentinel's own bot"
            yield Remark(config.place, what, "set SLACK_BOT_TOKEN, and invite the bot")


def _said(config: ReceiverConfig, key: str) -> str:
    return str(config.settings.get(key) or "").strip()


def _needed(config: ReceiverConfig, key: str, default: Any = "") -> str:
    """A setting without which there is no target; one that is kept in a file, or made by a template, is not read."""
    if f"{key}_file" in config.settings:
        raise LostError(f"{key}_file names a file, which is not read", f"write {key} into this copy of the file")
    found = _said(config, key) or str(default or "")
    if not found:
        raise LostError(f"it has no {key}", f"write {key} into this copy of the file")
    if "{{" in found:
        raise LostError(f"its {key} is made by a template", f"write a route for each {key}")
    return found


def _of_webhook(config: ReceiverConfig, _: Surroundings) -> Iterator[Target]:
    yield "webhook", _needed(config, "url")


def _of_email(config: ReceiverConfig, _: Surroundings) -> Iterator[Target]:
    for each in _needed(config, "to").split(","):
        yield "email", each.strip()


def _of_slack(config: ReceiverConfig, around: Surroundings) -> Iterator[Target]:
    """The incoming webhook where it serves one channel; several are told apart by their names, by the bot."""
    url = _slack_url(config, around.defaults)
    channel = _needed(config, "channel") if _said(config, "channel") else ""
    is_webhook = urlsplit(url).hostname not in (None, "slack.com")
    if "api_url_file" in config.settings or (not channel and "slack_api_url_file" in around.defaults):
        raise LostError("its api_url is in a file, which is not read", "write api_url into this copy of the file")
    if is_webhook and len(around.slack_channels.get(url, ())) <= 1:
        yield "slack", url
    else:
        channel = channel or _needed(config, "channel")
        yield "slack", channel if channel.startswith("#") or SLACK_ID.fullmatch(channel) else f"#{channel}"


def _slack_url(config: ReceiverConfig, defaults: Mapping[str, Any]) -> str:
    """The URL that is written here; a file that is named instead stands before that of all receivers."""
    if "api_url_file" in config.settings:
        return ""
    return _said(config, "api_url") or str(defaults.get("slack_api_url") or "")


def _of_telegram(config: ReceiverConfig, around: Surroundings) -> Iterator[Target]:
    api_url = _said(config, "api_url") or str(around.defaults.get("telegram_api_url") or TELEGRAM)
    if api_url.rstrip("/") != TELEGRAM:
        raise LostError(f"its api_url is not {TELEGRAM}, and Sentinel knows no other", BY_HAND)
    token = _needed(config, "bot_token", around.defaults.get("telegram_bot_token"))
    thread = _said(config, "message_thread_id").removeprefix("0")
    yield PUSH, f"tgram://{token}/{_needed(config, 'chat_id')}{thread and f':{thread}'}"


def _of_discord(config: ReceiverConfig, _: Surroundings) -> Iterator[Target]:
    url = urlsplit(_needed(config, "webhook_url"))
    found = re.search(r"/api/webhooks/([^/]+)/([^/]+)", url.path)
    if found is None:
        raise LostError("its webhook_url is not that of a webhook of Discord", BY_HAND)
    thread = parse_qs(url.query).get("thread_id")
    yield PUSH, f"discord://{found[1]}/{found[2]}" + (f"?thread={thread[0]}" if thread else "")


def _of_teams(config: ReceiverConfig, _: Surroundings) -> Iterator[Target]:
    """A workflow's address, of which the service needs the host, the workflow, the signature, and whose it is."""
    url = urlsplit(_needed(config, "webhook_url"))
    workflow = WORKFLOW.match(url.path)
    signature = parse_qs(url.query).get("sig")
    if workflow is None or not signature:
        raise LostError("its webhook_url is not that of a workflow", BY_HAND)
    options = {"pa": workflow["power_automate"] and "yes", "route": workflow["route"]}
    query = urlencode({name: text for name, text in options.items() if text})
    target = f"workflows://{url.netloc}/{workflow['id']}/{quote(signature[0], safe='')}"
    yield PUSH, f"{target}?{query}" if query else target


def _of_pushover(config: ReceiverConfig, _: Surroundings) -> Iterator[Target]:
    yield PUSH, f"pover://{_needed(config, 'user_key')}@{_needed(config, 'token')}"


KINDS: dict[str, Kind] = {
    "webhook": Kind(_of_webhook, frozenset({"url", "max_alerts", "timeout"})),
    "email": Kind(_of_email, frozenset({"to", "require_tls", "hello"})),
    "slack": Kind(_of_slack, frozenset({"api_url", "channel"})),
    "telegram": Kind(_of_telegram, frozenset({"bot_token", "chat_id", "message_thread_id", "api_url", "parse_mode"})),
    "discord": Kind(_of_discord, frozenset({"webhook_url"})),
    "msteamsv2": Kind(_of_teams, frozenset({"webhook_url"})),
    "pushover": Kind(_of_pushover, frozenset({"user_key", "token", "retry", "expire"})),
}
