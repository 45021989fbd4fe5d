"""Webhooks: signed, never redirected, never where they must not lead."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.webhook_answers import STATUSES
from sentinel.stand_ins import (
    WEBHOOK_SECRET,
    Certificate,
    Fault,
    ProviderStandIn,
    drip,
    html,
    raw,
    redirect,
    refused,
    reset,
    silence,
)
from tests.unit.channels.conftest import hook, http_settings, send
from tests.unit.channels.test_http_providers import closed_port, deaf_port, unknown_name

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"
EXPECTED = {
    400: (Outcome.MESSAGE, "refused"),
    401: (Outcome.RECIPIENT, "unauthorized"),
    403: (Outcome.RECIPIENT, "forbidden"),
    404: (Outcome.RECIPIENT, "not_found"),
    405: (Outcome.RECIPIENT, "wrong_method"),
    408: (Outcome.RETRY, "request_timeout"),
    410: (Outcome.RECIPIENT, "endpoint_gone"),
    413: (Outcome.MESSAGE, "too_large"),
    415: (Outcome.MESSAGE, "unsupported_media"),
    425: (Outcome.RETRY, "too_early"),
    429: (Outcome.RETRY, "rate_limited"),
    500: (Outcome.RETRY, "server_error"),
    502: (Outcome.RETRY, "bad_gateway"),
    503: (Outcome.RETRY, "unavailable"),
    504: (Outcome.RETRY, "gateway_timeout"),
}
OTHERS = {
    302: (Outcome.RECIPIENT, "redirected"),
    307: (Outcome.RECIPIENT, "redirected"),
    418: (Outcome.MESSAGE, "refused"),
    422: (Outcome.MESSAGE, "refused"),
    599: (Outcome.RETRY, "server_error"),
}


def receipt_of(stand_in: ProviderStandIn, *faults: Fault, path: str = "/hooks/a", **overrides: Any) -> Receipt:
    stand_in.script(*faults)
    message = hook(f"{stand_in.url}{path}", secret=WEBHOOK_SECRET)
    return send(http_settings(stand_in.url, **overrides), message)[0]


def test_a_receiver_can_verify_what_it_gets(stand_in: ProviderStandIn) -> None:
    message = hook(
        f"{stand_in.url}/hooks/a?k=1",
        id="0199-7",
        subject="Größe 🚨",
        severity="high",
        client="shop",
        event_id="0199-1",
        event='{"type": "order", "amount": 750}',
        rule_ids=(7, 9),
        metadata={"a": [1, None]},
        secret=WEBHOOK_SECRET,
    )

    receipt = send(http_settings(stand_in.url), message)[0]

    assert (receipt.outcome, receipt.http_status, receipt.provider_message_id) == (Outcome.OK, 204, None)
    entry = stand_in.entries[0]
    assert entry.path == "/hooks/a?k=1"
    assert (entry.headers["webhook-id"], entry.headers["content-type"]) == ("0199-7", "application/json")
    assert entry.headers["user-agent"] == "Sentinel"
    assert entry.body["type"] == "notification.created"
    assert entry.body["data"] == {
        "id": "0199-7",
        "client": "shop",
        "severity": "high",
        "subject": "Größe 🚨",
        "body": "disk is full",
        "event_id": "0199-1",
        "event": {"type": "order", "amount": 750},
        "rules": [7, 9],
        "metadata": {"a": [1, None]},
    }


def test_a_wrong_secret_is_noticed_by_the_receiver(stand_in: ProviderStandIn) -> None:
    message = hook(f"{stand_in.url}/hooks/a", secret="whsec_d3Jvbmc=")

    receipt = send(http_settings(stand_in.url), message)[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "unauthorized")
    assert "No matching signature" in (receipt.detail or "")


def test_without_a_secret_nothing_is_signed(stand_in: ProviderStandIn) -> None:
    receipt = send(http_settings(stand_in.url), hook(f"{stand_in.url}/hooks/open/a"))[0]

    assert receipt.outcome == Outcome.OK
    assert "webhook-signature" not in stand_in.entries[0].headers


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "žluť", "whsec_====="])
def test_a_secret_that_is_none_stops_its_endpoint_only(stand_in: ProviderStandIn, secret: str) -> None:
    receipt = send(http_settings(stand_in.url), hook(f"{stand_in.url}/hooks/a", secret=secret))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.CONFIG, "invalid_secret")
    assert not receipt.is_account_wide
    assert stand_in.entries == []


def test_every_attempt_has_the_same_id_and_a_signature_of_its_own_time(stand_in: ProviderStandIn) -> None:
    stand_in.script(refused(503))
    message = hook(f"{stand_in.url}/hooks/a", secret=WEBHOOK_SECRET)

    receipts = send(http_settings(stand_in.url), message, message, at_once=1)

    assert [receipt.http_status for receipt in receipts] == [503, 204]
    assert {entry.headers["webhook-id"] for entry in stand_in.entries} == {"n-1"}


def test_the_table_has_these_rows_and_no_others() -> None:
    assert {status: (ruling.outcome, ruling.reason) for status, ruling in STATUSES.items()} == EXPECTED


@pytest.mark.parametrize(("status", "expected"), (EXPECTED | OTHERS).items())
def test_each_status_has_its_outcome(stand_in: ProviderStandIn, status: int, expected: tuple[Outcome, str]) -> None:
    receipt = receipt_of(stand_in, html(status))

    assert (receipt.outcome, receipt.reason, receipt.http_status) == (*expected, status)
    assert not receipt.is_account_wide
    assert len(stand_in.entries) == 1


@pytest.mark.parametrize("status", sorted(EXPECTED))
def test_each_status_is_in_the_reference(status: int) -> None:
    chapter = REFERENCE.read_text(encoding="utf-8").split("\n## Webhooks\n")[1]
    rows = re.findall(rf"^\| {status} \| (\w+) \| `(\w+)` \|", chapter, re.MULTILINE)

    assert rows == [(EXPECTED[status][0].value, EXPECTED[status][1])]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_accepts(stand_in: ProviderStandIn, status: int) -> None:
    assert receipt_of(stand_in, raw(status)).outcome == Outcome.OK


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_patience_gets_it(stand_in: ProviderStandIn, status: int) -> None:
    receipt = receipt_of(stand_in, refused(status, headers={"Retry-After": "17"}))

    assert (receipt.outcome, receipt.retry_after_seconds, receipt.is_account_wide) == (Outcome.RETRY, 17, False)


def test_a_wait_is_not_read_from_a_final_answer(stand_in: ProviderStandIn) -> None:
    assert receipt_of(stand_in, refused(410, headers={"Retry-After": "17"})).retry_after_seconds is None


@pytest.mark.parametrize(
    ("fault", "reason", "timeouts"),
    [
        (reset(), "connection_reset", {}),
        (silence(), "read_timeout", {"read_timeout_seconds": 0.2}),
        (drip(), "deadline_passed", {"read_timeout_seconds": 0.95, "send_deadline_seconds": 1.0}),
    ],
    ids=["reset", "silence", "drip"],
)
def test_without_an_answer_it_may_be_repeated(
    stand_in: ProviderStandIn, fault: Fault, reason: str, timeouts: dict[str, Any]
) -> None:
    receipt = receipt_of(stand_in, fault, **timeouts)

    assert (receipt.outcome, receipt.reason, receipt.is_account_wide) == (Outcome.RETRY, reason, False)


def test_a_body_without_end_does_not_hold_back_an_acceptance(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in, raw(200, "x" * 400), Fault(200, ending="endless"))

    assert (receipt.outcome, receipt.detail) == (Outcome.OK, "x" * 300)
    assert receipt_of(stand_in).outcome == Outcome.OK


def test_a_refused_connection_is_tried_again() -> None:
    with closed_port() as port:
        receipt = send(http_settings("http://127.0.0.1:9"), hook(f"http://127.0.0.1:{port}/"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connection_refused")


def test_a_host_that_does_not_answer_to_connect_is_tried_again() -> None:
    with deaf_port() as port:
        settings = http_settings("http://127.0.0.1:9", connect_timeout_seconds=0.2)
        receipt = send(settings, hook(f"http://127.0.0.1:{port}/"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connect_timeout")


def test_a_name_that_does_not_resolve_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)

    receipt = send(http_settings("http://127.0.0.1:9"), hook("https://hooks.example.invalid/"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "dns_failure")


def test_an_untrusted_certificate_is_the_receivers_and_may_be_renewed(certificate: Certificate) -> None:
    with ProviderStandIn(tls=certificate.server_context()) as stand_in:
        receipt = receipt_of(stand_in)

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "tls_certificate")
    assert "SSL_CERT_FILE" in (receipt.hint or "")
    assert stand_in.entries == []


def test_a_redirect_is_not_followed(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in, redirect(f"{stand_in.url}/hooks/b"))

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "redirected")
    assert [entry.path for entry in stand_in.entries] == ["/hooks/a"]


def test_a_secret_is_in_no_receipt_and_no_repr(stand_in: ProviderStandIn) -> None:
    message = hook(f"{stand_in.url}/hooks/a", secret=WEBHOOK_SECRET)
    stand_in.script(raw(500, f"you use {WEBHOOK_SECRET}"))

    receipt = send(http_settings(stand_in.url), message)[0]

    assert receipt.detail == "you use ***"
    assert WEBHOOK_SECRET not in repr(message)


def test_the_stand_in_verifies_as_the_specification_says(stand_in: ProviderStandIn) -> None:
    """A receiver that lets everything pass would prove nothing."""
    receipt_of(stand_in)
    entry = stand_in.entries[0]

    with pytest.raises(Exception, match="No matching signature"):
        Webhook(WEBHOOK_SECRET).verify('{"other": "body"}', entry.headers)


# --- where webhooks must not lead -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"])
def test_a_private_address_in_any_spelling_is_not_connected_to(stand_in: ProviderStandIn, host: str) -> None:
    port = stand_in.url.rpartition(":")[2]
    settings = http_settings(stand_in.url, webhook_private_networks="")

    receipt = send(settings, hook(f"http://{host}:{port}/hooks/open/a"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "forbidden_address")
    assert "SENTINEL_WEBHOOK_PRIVATE_NETWORKS" in (receipt.hint or "")
    assert (stand_in.entries, stand_in.connections) == ([], 0)


def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    stand_in: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", leads_to("127.0.0.1"))
    port = stand_in.url.rpartition(":")[2]
    settings = http_settings(stand_in.url, webhook_private_networks="")

    receipt = send(settings, hook(f"http://rebound.example.com:{port}/hooks/open/a"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "forbidden_address")
    assert stand_in.connections == 0


def test_of_several_addresses_only_those_within_reach_are_tried(
    stand_in: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", leads_to("10.0.0.1", "127.0.0.1"))
    port = stand_in.url.rpartition(":")[2]

    receipt = send(http_settings(stand_in.url), hook(f"http://two.example.com:{port}/hooks/open/a"))[0]

    assert receipt.outcome == Outcome.OK
    assert stand_in.connections == 1


def test_a_name_is_judged_each_time_it_is_resolved(stand_in: ProviderStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is judged is what is connected to: the resolver's one answer serves for both."""
    asked: list[str] = []

    def once_good_then_bad(host: str, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return leads_to("127.0.0.1" if len(asked) == 1 else "10.0.0.1")(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once_good_then_bad)
    port = stand_in.url.rpartition(":")[2]

    receipt = send(http_settings(stand_in.url), hook(f"http://rebind.example.com:{port}/hooks/open/a"))[0]

    assert receipt.outcome == Outcome.OK
    assert asked == ["rebind.example.com"]


def test_in_production_plain_http_leads_into_named_networks_only(
    stand_in: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = stand_in.url.rpartition(":")[2]
    settings = http_settings(stand_in.url, env="production")
    monkeypatch.setattr(socket, "getaddrinfo", leads_to("127.0.0.1"))
    inside = send(settings, hook(f"http://inside.example.com:{port}/hooks/open/a"))[0]
    monkeypatch.setattr(socket, "getaddrinfo", leads_to("93.184.215.14"))
    outside = send(settings, hook(f"http://outside.example.com:{port}/hooks/open/a"))[0]

    assert inside.outcome == Outcome.OK
    assert (outside.outcome, outside.reason) == (Outcome.RECIPIENT, "forbidden_address")


def test_what_is_no_url_is_the_recipients_fault(stand_in: ProviderStandIn) -> None:
    receipt = send(http_settings(stand_in.url), hook("not a url"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "invalid_url")


def leads_to(*addresses: str) -> Any:
    """A name server with these answers."""

    def answered(_host: str, port: int, *_rest: Any, **_more: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return answered
