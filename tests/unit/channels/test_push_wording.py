"""What apprise would send, written down: one request to the service, and nothing of it happens."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

import pytest

from sentinel.channels.push_wording import worded
from tests.unit.channels.conftest import push
from tests.unit.channels.test_push_targets import BOT, TARGETS

URLS = {
    "tgram": f"https://api.telegram.org/bot{BOT}/sendMessage",
    "discord": "https://discord.com/api/webhooks/123456789012345678/abcDEF-ghi_123",
    "workflows": "https://prod-1.westeurope.logic.azure.com/workflows/0123456789abcdef/triggers/manual/paths/invoke",
    "ntfys": "https://ntfy.sh/",
    "ntfy": "http://10.1.2.3:8080/",
    "pover": "https://api.pushover.net/1/messages.json",
    "gotifys": "https://push.example.com/message",
    "gotify": "http://10.1.2.3/message",
    "mmosts": "https://chat.example.com/hooks/3ccdd113474722377935511fc85d3dd4",
    "mmost": "http://10.1.2.3:8065/hooks/3ccdd113474722377935511fc85d3dd4",
    "gchat": "https://chat.googleapis.com/v1/spaces/AAAAworkspace/messages",
    "pbul": "https://api.pushbullet.com/v2/pushes",
    "barks": "https://api.day.app/push",
    "bark": "http://10.1.2.3:8080/push",
    "prowl": "https://api.prowlapp.com/publicapi/add",
    "line": "https://api.line.me/v2/bot/message/push",
    "zulip": "https://example.zulipchat.com/api/v1/messages",
    "signals": "https://signal.example.com/v2/send",
    "signal": "http://10.1.2.3:8080/v2/send",
}
TEXTS: dict[str, Callable[[bytes], str]] = {
    "tgram": lambda body: str(json.loads(body)["text"]),
    "discord": lambda body: str(json.loads(body)["content"]),
    "pover": lambda body: dict(parse_qsl(body.decode()))["message"],
}
"""How to read a text out of what goes to a service that takes short ones only."""

CHATS = frozenset({"discord", "workflows", "mmosts", "mmost", "gchat", "zulip"})
"""Schemes of services that read a text as markup, and in which it could mention people."""


@pytest.mark.parametrize("scheme", TARGETS)
def test_each_service_is_sent_one_request_with_the_text(scheme: str) -> None:
    (request,) = worded(push(TARGETS[scheme], body="disk", subject="Disk", severity="critical"))

    assert (request.method, request.url.partition("?")[0]) == ("POST", URLS[scheme])
    assert b"disk" in request.body
    assert b"Disk" in request.body
    assert request.headers["User-Agent"] == "Sentinel"
    assert b"github" not in request.body + repr(request.headers).encode()


@pytest.mark.parametrize("scheme", TARGETS)
def test_a_message_needs_no_subject(scheme: str) -> None:
    (request,) = worded(push(TARGETS[scheme], body="disk"))

    assert b"disk" in request.body


def test_a_text_is_a_text_and_no_markup() -> None:
    (telegram,) = worded(push(TARGETS["tgram"], body="<b>a</b> & *b* ${HOME} :smile: \\n", subject="<i>"))
    (ntfy,) = worded(push(TARGETS["ntfys"], body="<b>a</b> & *b* ${HOME} :smile: \\n"))

    assert b"&lt;b&gt;a&lt;/b&gt; &amp; *b* ${HOME} :smile: \\\\n" in telegram.body
    assert b"<b>&lt;i&gt;</b>" in telegram.body
    assert b"<b>a</b> & *b* ${HOME} :smile: \\\\n" in ntfy.body


@pytest.mark.parametrize("scheme", TARGETS)
@pytest.mark.parametrize(
    "mention", ["@everyone", "<@123>", "<@&45>", "<!channel>", "@**all**", "<users/all>", "@all", "<at>a</at>"]
)
def test_an_event_can_mention_nobody(scheme: str, mention: str) -> None:
    (request,) = worded(push(TARGETS[scheme], body=f"disk {mention} full", subject=f"Disk {mention}"))

    body = decoded(request.body)
    if scheme in CHATS:
        assert mention not in body
    if scheme == "discord":
        assert json.loads(body)["allowed_mentions"] == {"parse": []}
    assert "disk " in body


@pytest.mark.parametrize("scheme", ["discord", "mmosts", "mmost"])
def test_no_mark_of_an_event_is_markup_and_links_stay_links(scheme: str) -> None:
    (request,) = worded(push(TARGETS[scheme], body="# a **b** _c_ `d` [f](http://g/a_b) x-y\n> q", subject="_s_"))

    found = json.loads(request.body)
    text = found.get("content") or found["text"]
    assert "\\# a \\*\\*b\\*\\* \\_c\\_ \\`d\\` \\[f\\](http://g/a_b) x-y\n\\> q" in text
    assert "\\_s\\_" in text
    assert int(request.headers["Content-Length"]) == len(request.body)


def test_a_workflow_of_power_automate_is_asked_at_its_own_path() -> None:
    (request,) = worded(push("workflows://a.api.powerplatform.com/f00/sig_1?pa=yes&route=7", body="disk"))

    place = "https://a.api.powerplatform.com/powerautomate/automations/direct/cu/7/workflows/f00/triggers/manual/paths/invoke"
    assert request.url.partition("?")[0] == place


@pytest.mark.parametrize("scheme", TEXTS)
def test_a_long_text_goes_out_in_pieces_of_which_none_is_missing(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", no_rest)  # apprise rests for seconds between two requests of its own
    words = [f"word{number:04}" for number in range(1000)]

    pieces = worded(push(TARGETS[scheme], body=" ".join(words)))

    assert 2 <= len(pieces) <= 12
    assert "".join(TEXTS[scheme](piece.body) for piece in pieces).replace(" ", "") == "".join(words)


def test_a_target_that_apprise_does_not_understand_has_no_requests() -> None:
    assert worded(push("pover://")) == []
    assert worded(push("tgram://nobody/1")) == []


def test_wording_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        first = worded(push(TARGETS["discord"], body="one"))
        threads = threading.active_count()
        second = worded(push(TARGETS["discord"], body="two"))

    assert (len(first), len(second)) == (1, 1)
    assert b"one" not in second[0].body
    assert threading.active_count() == threads
    assert [record for record in caplog.records if "apprise" in record.name] == []
    assert "abcDEF" not in caplog.text


def test_a_request_does_not_show_its_token_and_text() -> None:
    (request,) = worded(push(TARGETS["ntfys"].replace("ntfy.sh", "tk_secret@ntfy.example.com"), body="private-text"))

    assert "private-text" not in repr(request)
    assert "tk_secret" not in repr(request)


def decoded(body: bytes) -> str:
    """What is sent, with the text in letters."""
    if body.startswith(b"{"):
        return json.dumps(json.loads(body), ensure_ascii=False)
    return unquote_plus(body.decode())


def no_rest(seconds: float) -> None:
    message = f"wanted to rest for {seconds} s"
    raise AssertionError(message)
