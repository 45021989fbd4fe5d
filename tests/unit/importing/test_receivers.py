"""Receivers as targets of our channels: what of each kind is carried over, and what is said about the rest."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.importing.configuration import ReceiverConfig
from sentinel.importing.receivers import Carried, Target, carried, surroundings

HOOK = "https://hooks.slack.com/services/T0/B0/abc"
TOKEN = "123456:" + "a" * 30
POWER = "default0.58.environment.api.powerplatform.com"
OTHER_HOOK = "https://hooks.slack.com/services/T0/B1/def"


def config(kind: str, settings: dict[str, Any], number: int = 0) -> ReceiverConfig:
    return ReceiverConfig(f"receivers.r.{kind}_configs.{number}", kind, settings)


def carry(kind: str, settings: dict[str, Any], defaults: dict[str, Any] | None = None) -> Carried:
    found = config(kind, settings)
    return carried(found, surroundings(defaults or {}, [found]))


@pytest.mark.parametrize(
    ("kind", "settings", "targets"),
    [
        ("webhook", {"url": "https://Example.com/hook"}, (("webhook", "https://example.com/hook"),)),
        ("email", {"to": "a@example.com, B@example.com"}, (("email", "a@example.com"), ("email", "B@example.com"))),
        ("slack", {"api_url": HOOK, "channel": "#ops"}, (("slack", HOOK),)),
        ("telegram", {"bot_token": TOKEN, "chat_id": "-100"}, (("push", f"tgram://{TOKEN}/-100"),)),
        (
            "discord",
            {"webhook_url": "https://discord.com/api/webhooks/12/ab-c"},
            (("push", "discord://12/ab-c"),),
        ),
        (
            "msteamsv2",
            {"webhook_url": "https://p.example.com:443/workflows/f00/triggers/manual/paths/invoke?sp=x&sig=ab_c"},
            (("push", "workflows://p.example.com/f00/ab_c"),),
        ),
        (
            "msteamsv2",
            {
                "webhook_url": f"https://{POWER}/powerautomate/automations/direct/workflows/f00/triggers/manual/paths/invoke?sig=ab_c"
            },
            (("push", f"workflows://{POWER}/f00/ab_c?pa=yes"),),
        ),
        (
            "msteamsv2",
            {"webhook_url": f"https://{POWER}/powerautomate/automations/direct/cu/7/workflows/f00/triggers/x?sig=ab_c"},
            (("push", f"workflows://{POWER}/f00/ab_c?pa=yes&route=7"),),
        ),
        (
            "discord",
            {"webhook_url": "https://discord.com/api/webhooks/12/ab-c?thread_id=99"},
            (("push", "discord://12/ab-c?thread=99"),),
        ),
        (
            "telegram",
            {"bot_token": TOKEN, "chat_id": "-100", "message_thread_id": "7"},
            (("push", f"tgram://{TOKEN}/-100:7"),),
        ),
        (
            "telegram",
            {"bot_token": TOKEN, "chat_id": "1", "api_url": "https://api.telegram.org"},
            (("push", f"tgram://{TOKEN}/1"),),
        ),
        ("pushover", {"user_key": "u" * 30, "token": "t" * 30}, (("push", f"pover://{'u' * 30}@{'t' * 30}"),)),
        ("slack", {"channel": "ops"}, (("slack", "#ops"),)),
        ("slack", {"channel": "C024BE91L"}, (("slack", "C024BE91L"),)),
        ("slack", {"api_url": "https://slack.com/api/chat.postMessage", "channel": "#ops"}, (("slack", "#ops"),)),
    ],
)
def test_targets_are_those_of_our_channels(kind: str, settings: dict[str, Any], targets: tuple[Target, ...]) -> None:
    found = carry(kind, settings)

    assert found.targets == targets
    assert not any(each.is_loss for each in found.remarks)


def test_an_incoming_webhook_that_serves_several_channels_gives_way_to_their_names() -> None:
    defaults = {"slack_api_url": HOOK}
    configs = [
        config("slack", {"channel": "#ops"}),
        config("slack", {"channel": "#db"}, 1),
        config("slack", {"channel": "#web", "api_url": OTHER_HOOK}, 2),
    ]
    around = surroundings(defaults, configs)

    found = [carried(each, around) for each in configs]

    assert [target for each in found for target in each.targets] == [
        ("slack", "#ops"),
        ("slack", "#db"),
        ("slack", OTHER_HOOK),
    ]
    assert "SLACK_BOT_TOKEN" in found[0].remarks[0].remedy
    assert found[2].remarks == ()


@pytest.mark.parametrize(
    ("kind", "settings", "what"),
    [
        ("pagerduty", {"routing_key": "x"}, "no channel for pagerduty"),
        ("webhook", {"url_file": "/etc/hook"}, "url_file names a file"),
        ("webhook", {"url": "http://127.0.0.1:5001/"}, "private, loopback or reserved"),
        ("webhook", {"url": "https://user:pass@example.com/"}, "carries a name or password"),
        ("webhook", {"url": "https://example.com/", "http_config": {"basic_auth": {"username": "u"}}}, "basic_auth"),
        ("webhook", {}, "it has no url"),
        ("telegram", {"bot_token_file": "/etc/token", "chat_id": "1"}, "bot_token_file names a file"),
        ("discord", {"webhook_url": "https://example.com/"}, "not that of a webhook of Discord"),
        ("msteamsv2", {"webhook_url": "https://example.com/hook"}, "not that of a workflow"),
        ("email", {"to": "{{ .CommonLabels.owner }}@example.com"}, "made by a template"),
        ("slack", {"channel": "@ann"}, "no channel, id or webhook"),
        ("slack", {"api_url_file": "/etc/slack"}, "api_url is in a file"),
        ("slack", {"channel": "#ops", "http_config": {"proxy_url": "http://proxy"}}, "proxy_url"),
        ("slack", {"api_url": HOOK, "channel": "{{ .GroupLabels.team }}"}, "channel is made by a template"),
        (
            "msteamsv2",
            {"webhook_url": "https://example.com/elsewhere/workflows/f00/triggers?sig=ab_c"},
            "of a workflow",
        ),
        ("telegram", {"bot_token": TOKEN, "chat_id": "1", "api_url": "https://bots.example.com"}, "api_url"),
    ],
)
def test_what_cannot_be_reached_is_a_loss_with_a_remedy(kind: str, settings: dict[str, Any], what: str) -> None:
    found = carry(kind, settings)

    (remark,) = found.remarks
    assert remark.is_loss
    assert what in remark.what
    assert remark.remedy
    assert found.targets == ()


@pytest.mark.parametrize(
    ("kind", "settings", "defaults", "what"),
    [
        ("slack", {"api_url_file": "/etc/slack", "channel": "#ops"}, {"slack_api_url": HOOK}, "api_url is in a file"),
        ("webhook", {"url": "https://example.com/"}, {"http_config": {"basic_auth": {"username": "u"}}}, "basic_auth"),
        ("slack", {"api_url": HOOK}, {"http_config": {"proxy_url": "http://proxy"}}, "proxy_url"),
        ("telegram", {"bot_token": TOKEN, "chat_id": "1"}, {"telegram_api_url": "https://bots.example.com"}, "api_url"),
    ],
)
def test_what_all_receivers_share_is_lost_as_if_each_said_it(
    kind: str, settings: dict[str, Any], defaults: dict[str, Any], what: str
) -> None:
    (remark,) = carry(kind, settings, defaults).remarks

    assert remark.is_loss
    assert what in remark.what


def test_a_receivers_own_way_of_speaking_http_stands_for_that_of_all() -> None:
    defaults = {"http_config": {"proxy_url": "http://proxy"}}

    assert carry("slack", {"api_url": HOOK, "http_config": {"follow_redirects": "true"}}, defaults).targets
    assert carry("email", {"to": "a@example.com"}, defaults).targets


def test_the_secret_of_a_webhook_that_nobody_has_seen_is_spoken_of() -> None:
    found = carry("webhook", {"url": "https://example.com/"})

    assert any("rotate-secret" in each.remedy for each in found.remarks)


def test_the_login_of_slacks_bot_is_no_loss() -> None:
    settings = {"channel": "#ops", "http_config": {"authorization": {"credentials": "xoxb-1"}}}

    assert carry("slack", settings).targets == (("slack", "#ops"),)


@pytest.mark.parametrize(
    ("kind", "said", "tells"),
    [
        ("webhook", {}, True),
        ("email", {}, False),
        ("slack", {}, False),
        ("email", {"send_resolved": "true"}, True),
        ("webhook", {"send_resolved": "false"}, False),
    ],
)
def test_who_hears_that_alerts_are_resolved_is_as_alertmanager_has_it(
    kind: str, said: dict[str, Any], *, tells: bool
) -> None:
    settings = {"url": "https://example.com/", "to": "a@example.com", "channel": "#a"}

    assert carry(kind, settings | said).tells_resolved is tells


def test_wording_is_named_and_not_carried_over() -> None:
    found = carry("email", {"to": "a@example.com", "html": "{{ . }}", "headers": {"subject": "x"}})

    (remark,) = found.remarks
    assert (remark.what, remark.is_loss) == ("headers, html are not carried over", False)
