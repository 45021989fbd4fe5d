"""Targets of the channel `push`: one receiver each, at a service that is known, where messages may be sent to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.push_services import BY_SCHEME, SERVICES, Service
from sentinel.channels.recipients import normalise
from sentinel.errors import FieldError, InvalidInputError
from sentinel.settings import get_settings

BOT = "123456789:abcdefghij_ABCDEFGHIJ-12345"
USER, APP = "u" * 30, "A" * 30
TARGETS = {
    "tgram": f"tgram://{BOT}/-1001234",
    "discord": "discord://123456789012345678/abcDEF-ghi_123",
    "workflows": "workflows://prod-1.westeurope.logic.azure.com/0123456789abcdef/sIg-nature_1",
    "ntfys": "ntfys://ntfy.sh/sentinel-ops",
    "ntfy": "ntfy://10.1.2.3:8080/ops",
    "pover": f"pover://{USER}@{APP}",
    "gotifys": "gotifys://push.example.com/AbCdEfGhIjKlMnO",
    "gotify": "gotify://10.1.2.3/AbCdEfGhIjKlMnO",
    "mmosts": "mmosts://chat.example.com/3ccdd113474722377935511fc85d3dd4",
    "mmost": "mmost://10.1.2.3:8065/3ccdd113474722377935511fc85d3dd4",
    "gchat": "gchat://AAAAworkspace/AIzaKey-1_x/tok-en_1",
    "pbul": "pbul://o.abcdefghijklmnop",
    "barks": "barks://api.day.app/AbCdEfGhIj",
    "bark": "bark://10.1.2.3:8080/AbCdEfGhIj",
    "prowl": "prowl://" + "0a1b2c3d" * 5,
    "line": "line://abc%2Bdef/U" + "0123456789abcdef" * 2,
    "zulip": "zulip://sentinel-bot@example/" + "a1b2c3d4" * 4 + "/general",
    "signals": "signals://signal.example.com/+14155550100/+14155550101",
    "signal": "signal://10.1.2.3:8080/+14155550100/+14155550101",
}
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"


@pytest.fixture(autouse=True)
def own_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A network of the operator's own, and a way to change what the environment says."""

    def apply(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    apply(SENTINEL_WEBHOOK_PRIVATE_NETWORKS="10.1.0.0/16")
    yield apply
    get_settings.cache_clear()


def refusal_of(recipient: str) -> FieldError:
    with pytest.raises(InvalidInputError) as refused:
        normalise("push", recipient)
    return refused.value.errors[0]


def test_there_is_a_target_here_for_each_scheme() -> None:
    assert sorted(TARGETS) == sorted(BY_SCHEME)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_of_each_service_stays_as_it_is(target: str) -> None:
    assert normalise("push", target) == target


@pytest.mark.parametrize(
    ("recipient", "normal"),
    [
        (f"  TGram://{BOT}/@ops_room/ ", f"tgram://{BOT}/@ops_room"),
        ("NTFYS://Ntfy.SH:443/Ops", "ntfys://ntfy.sh/Ops"),
        ("ntfys://tk_secret@ntfy.example.com:8443/ops?priority=high", "ntfys://tk_secret@ntfy.example.com:8443/ops?priority=high"),
        ("gotify://10.1.2.3:80/below/AbC", "gotify://10.1.2.3/below/AbC"),
        (f"tgram://{BOT}/-100:7?silent=yes", f"tgram://{BOT}/-100:7?silent=yes"),
        ("workflows://a.api.powerplatform.com/f00/sig_1?pa=yes&route=7", "workflows://a.api.powerplatform.com/f00/sig_1?pa=yes&route=7"),
    ],
)  # fmt: skip
def test_a_target_has_one_spelling(recipient: str, normal: str) -> None:
    assert normalise("push", recipient) == normal


@pytest.mark.parametrize(
    "recipient",
    ["", "#ops", "https://ntfy.sh/ops", "file:///etc/passwd", "dbus://", "syslog://localhost", "gnome://", "windows://",
     "macosx://", "json://example.com/hook", "mailto://a:b@example.com", "ntfys:ntfy.sh/ops", "exec://ls", "apprise://h/t"],
)  # fmt: skip
def test_what_is_no_service_at_the_other_end_of_https_is_refused_with_an_example(recipient: str) -> None:
    error = refusal_of(recipient)

    assert (error.field, error.message) == ("recipient", "names no service that messages are pushed to")
    assert "tgram://{bot_token}/{chat_id}" in error.remedy
    assert "ntfys" in error.remedy


@pytest.mark.parametrize(
    ("recipient", "form"),
    [
        ("tgram://ops", "tgram://{bot_token}/{chat_id}"),
        (f"tgram://{BOT}/1/2", "tgram://{bot_token}/{chat_id}"),
        ("discord://webhook", "discord://{webhook_id}/{webhook_token}"),
        ("ntfys://ntfy.sh", "ntfys://{host}/{topic}"),
        ("ntfys://ntfy.sh/one/two", "ntfys://{host}/{topic}"),
        ("ntfys://ntfy.sh/a,b", "ntfys://{host}/{topic}"),
        ("pover://me@app", "pover://{user_key}@{token}"),
        (
            "signals://h.example.com/+14155550100/+14155550101/+14155550102",
            "signals://{host}/{from_number}/{to_number}",
        ),
    ],
)
def test_what_is_no_single_receiver_of_its_service_is_told_the_form(recipient: str, form: str) -> None:
    assert form in refusal_of(recipient).remedy


@pytest.mark.parametrize(
    "query",
    ["verify=no", "cto=900", "redirect=yes", "retry=5", "attach=http://10.0.0.1/", "priority=a%0Ab", "priority", "&"],
)
def test_options_that_would_change_how_it_is_sent_are_refused(query: str) -> None:
    error = refusal_of(f"ntfys://ntfy.sh/ops?{query}")

    assert "option" in error.message
    assert "priority, xtags" in error.remedy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "0x7f000001", "10.2.0.1"])
def test_a_server_beyond_reach_is_refused(host: str) -> None:
    assert "private, loopback or reserved" in refusal_of(f"ntfys://{host}/ops").message


@pytest.mark.parametrize("host", ["a b", "exa_mple..com", "host:port", "host:0"])
def test_what_is_no_server_is_refused(host: str) -> None:
    assert refusal_of(f"ntfys://{host}/ops").field == "recipient"


def test_in_production_texts_go_unencrypted_into_networks_of_ones_own_only(own_network: Callable[..., None]) -> None:
    own_network(SENTINEL_ENV="production")

    assert normalise("push", "ntfy://10.1.2.3/ops")
    assert "unencrypted" in refusal_of("ntfy://8.8.8.8/ops").message


def test_a_target_longer_than_an_index_takes_is_refused() -> None:
    assert "1600" in refusal_of("pbul://" + "a" * 1600).message


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.scheme)
def test_each_service_is_in_the_reference(service: Service) -> None:
    row = re.search(rf"^\| {service.title} \| `{re.escape(service.form)}` \|(.*)\|$", _reference(), re.MULTILINE)

    assert row
    assert {*re.findall(r"`(\w+)`", row[1])} == service.options | ({f"{service.clear}"} if service.clear else set())


@given(st.sampled_from(sorted(BY_SCHEME)), st.text(max_size=60))
def test_whatever_follows_a_scheme_is_a_target_or_refused(scheme: str, rest: str) -> None:
    try:
        normal = normalise("push", f"{scheme}://{rest}")
    except InvalidInputError:
        return
    assert normalise("push", normal) == normal


def _reference() -> str:
    return REFERENCE.read_text(encoding="utf-8").split("\n## Push\n")[1].split("\n## ")[0]
