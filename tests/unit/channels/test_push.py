"""The channel `push`: what each answer comes to, what cannot be known, and where no message may lead."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest
from apprise.plugins.telegram import NotifyTelegram
from pytest_httpserver import HTTPServer

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.http import Reply
from sentinel.channels.push_answers import STATUSES, WORDS, ruling_for
from sentinel.channels.push_wording import worded
from sentinel.channels.recipients import normalise
from sentinel.stand_ins import Certificate, Fault, ProviderStandIn, drip, html, raw, redirect, refused, reset, silence
from tests.unit.channels.conftest import http_settings, make_settings, push, send
from tests.unit.channels.test_http_providers import closed_port
from tests.unit.channels.test_push_targets import BOT, TARGETS, _reference
from tests.unit.channels.test_webhook import leads_to

TOKEN = "AbCdEfGhIjKlMnO"
EXPECTED = {
    400: (Outcome.MESSAGE, "refused"),
    401: (Outcome.RECIPIENT, "unauthorized"),
    403: (Outcome.RECIPIENT, "forbidden"),
    404: (Outcome.RECIPIENT, "not_found"),
    405: (Outcome.RECIPIENT, "wrong_method"),
    408: (Outcome.AMBIGUOUS, "request_timeout"),
    410: (Outcome.RECIPIENT, "endpoint_gone"),
    413: (Outcome.MESSAGE, "too_large"),
    415: (Outcome.MESSAGE, "unsupported_media"),
    425: (Outcome.RETRY, "too_early"),
    429: (Outcome.RETRY, "rate_limited"),
    500: (Outcome.AMBIGUOUS, "server_error"),
    502: (Outcome.AMBIGUOUS, "bad_gateway"),
    503: (Outcome.RETRY, "unavailable"),
    504: (Outcome.AMBIGUOUS, "gateway_timeout"),
}
OTHERS = {
    302: (Outcome.RECIPIENT, "redirected"),
    307: (Outcome.RECIPIENT, "redirected"),
    418: (Outcome.MESSAGE, "refused"),
    599: (Outcome.AMBIGUOUS, "server_error"),
}
ANSWERS = [
    ("tgram", 400, '{"ok":false,"description":"Bad Request: chat not found"}', Outcome.RECIPIENT, "chat_not_found"),
    ("tgram", 400, '{"description":"Bad Request: message thread not found"}', Outcome.RECIPIENT, "chat_not_found"),
    ("tgram", 400, '{"description":"group chat was upgraded to a supergroup chat"}', Outcome.RECIPIENT, "chat_moved"),
    ("tgram", 403, '{"description":"Forbidden: bot was blocked by the user"}', Outcome.RECIPIENT, "blocked"),
    ("tgram", 403, '{"description":"Forbidden: bot was kicked from the group chat"}', Outcome.RECIPIENT, "blocked"),
    ("tgram", 400, '{"description":"Bad Request: message is too long"}', Outcome.MESSAGE, "refused"),
    ("pover", 400, '{"user":"invalid","errors":["user identifier is invalid"]}', Outcome.RECIPIENT, "unknown_user"),
    ("pover", 400, '{"token":"invalid","errors":["application token is invalid"]}', Outcome.RECIPIENT, "unauthorized"),
    ("pover", 429, '{"errors":["application is over its quota"]}', Outcome.RETRY, "quota_used_up"),
    ("zulip", 400, '{"msg":"Channel \'general\' does not exist"}', Outcome.RECIPIENT, "not_found"),
    ("line", 400, '{"message":"The property, \'to\', is invalid"}', Outcome.RECIPIENT, "unknown_user"),
    ("discord", 404, '{"message": "Unknown Webhook", "code": 10015}', Outcome.RECIPIENT, "not_found"),
]  # fmt: skip


def target(stand_in: ProviderStandIn) -> str:
    return f"gotify://{stand_in.url.removeprefix('http://')}/push/{TOKEN}"


def receipt_of(stand_in: ProviderStandIn, *faults: Fault, body: str = "disk is full", **overrides: Any) -> Receipt:
    stand_in.script(*faults)
    return send(http_settings(stand_in.url, **overrides), push(target(stand_in), body=body, subject="Disk"))[0]


def test_an_accepted_message_is_ok(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in)

    (entry,) = stand_in.entries
    assert (receipt.outcome, receipt.http_status) == (Outcome.OK, 200)
    assert (entry.method, entry.path, entry.recipient) == ("POST", "/push/message", TOKEN)
    assert (entry.body["title"], entry.body["message"]) == ("Disk", "disk is full")


def test_a_topic_of_ntfy_gets_a_message_with_its_priority(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/", method="POST").respond_with_json({"id": "x"})
    recipient = f"ntfy://tk_secret@{httpserver.host}:{httpserver.port}/ops?priority=high"

    receipt = send(http_settings("http://127.0.0.1:9", webhook_private_networks="127.0.0.0/8, ::1"), push(recipient))[0]

    ((request, _),) = httpserver.log
    assert receipt.outcome == Outcome.OK
    assert json.loads(request.get_data()) == {"topic": "ops", "message": "disk is full"}
    assert (request.headers["X-Priority"], request.headers["Authorization"]) == ("high", "Bearer tk_secret")


def test_a_chat_of_telegram_that_asks_for_patience_gets_it(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", httpserver.url_for("/bot"))
    settings = http_settings("http://127.0.0.1:9", webhook_private_networks="127.0.0.0/8, ::1")
    answers = httpserver.expect_ordered_request(f"/bot{BOT}/sendMessage", method="POST")
    answers.respond_with_json({"ok": False, "error_code": 429, "parameters": {"retry_after": 31}}, status=429)
    httpserver.expect_ordered_request(f"/bot{BOT}/sendMessage").respond_with_json({"ok": True, "result": {}})

    later, accepted = send(settings, push(TARGETS["tgram"]), push(TARGETS["tgram"]), at_once=1)

    assert (later.outcome, later.reason, later.retry_after_seconds) == (Outcome.RETRY, "rate_limited", 31.0)
    assert accepted.outcome == Outcome.OK


def test_the_table_has_these_rows_and_no_others() -> None:
    assert {status: (ruling.outcome, ruling.reason) for status, ruling in STATUSES.items()} == EXPECTED


@pytest.mark.parametrize(("status", "expected"), (EXPECTED | OTHERS).items())
def test_each_status_has_its_outcome_and_is_answered_by_one_request(
    stand_in: ProviderStandIn, status: int, expected: tuple[Outcome, str]
) -> None:
    receipt = receipt_of(stand_in, html(status))

    assert (receipt.outcome, receipt.reason, receipt.http_status) == (*expected, status)
    assert not receipt.is_account_wide
    assert len(stand_in.entries) == 1


@pytest.mark.parametrize("status", sorted(EXPECTED))
def test_each_status_is_in_the_reference(status: int) -> None:
    rows = re.findall(rf"^\| {status} \| (\w+) \| `(\w+)` \|", _reference(), re.MULTILINE)

    assert rows == [(EXPECTED[status][0].value, EXPECTED[status][1])]


@pytest.mark.parametrize(("scheme", "status", "body", "outcome", "reason"), ANSWERS)
def test_what_a_service_says_is_more_than_its_status(
    scheme: str, status: int, body: str, outcome: Outcome, reason: str
) -> None:
    ruling = ruling_for(scheme, Reply(status, {}, body.encode()))

    assert (ruling.outcome, ruling.reason, ruling.is_account_wide) == (outcome, reason, False)


def test_each_row_of_words_is_in_the_reference() -> None:
    for scheme, status, _, ruling in WORDS:
        row = rf"^\| `{scheme}` \| {status} \|.*\| {ruling.outcome.value} \| `{ruling.reason}` \|"
        assert re.search(row, _reference(), re.MULTILINE), (scheme, status, ruling.reason)


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_is_read_from_the_header_first(stand_in: ProviderStandIn, status: int) -> None:
    answer = Fault(status, headers={"Retry-After": "17"}, body='{"retry_after": 5.5}')

    assert receipt_of(stand_in, answer).retry_after_seconds == 17
    assert receipt_of(stand_in, raw(status, '{"retry_after": 5.5}')).retry_after_seconds == 5.5


@pytest.mark.parametrize(
    ("fault", "reason", "timeouts"),
    [
        (reset(), "connection_reset", {}),
        (silence(), "read_timeout", {"read_timeout_seconds": 0.2}),
        (drip(), "deadline_passed", {"read_timeout_seconds": 0.95, "send_deadline_seconds": 1.0}),
    ],
    ids=["reset", "silence", "drip"],
)
def test_a_request_that_got_no_answer_may_have_arrived(
    stand_in: ProviderStandIn, fault: Fault, reason: str, timeouts: dict[str, Any]
) -> None:
    receipt = receipt_of(stand_in, fault, **timeouts)

    assert (receipt.outcome, receipt.reason, receipt.is_account_wide) == (Outcome.AMBIGUOUS, reason, False)


def test_a_server_that_refuses_the_connection_has_got_nothing() -> None:
    with closed_port() as port:
        receipt = send(http_settings("http://127.0.0.1:9"), push(f"gotify://127.0.0.1:{port}/{TOKEN}"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connection_refused")


def test_an_untrusted_certificate_is_the_servers_and_may_be_renewed(certificate: Certificate) -> None:
    with ProviderStandIn(tls=certificate.server_context()) as stand_in:
        recipient = f"gotifys://{stand_in.url.removeprefix('https://')}/push/{TOKEN}"
        receipt = send(http_settings(stand_in.url), push(recipient))[0]

    assert (receipt.outcome, receipt.reason, receipt.is_account_wide) == (Outcome.RETRY, "tls_certificate", False)
    assert stand_in.entries == []


def test_a_redirect_is_not_followed(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in, redirect(f"{stand_in.url}/push/other"))

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "redirected")
    assert len(stand_in.entries) == 1


def test_pieces_follow_each_other_until_one_is_not_accepted(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", httpserver.url_for("/bot"))
    settings = http_settings("http://127.0.0.1:9", webhook_private_networks="127.0.0.0/8, ::1")
    path = f"/bot{BOT}/sendMessage"
    message = push(TARGETS["tgram"], body="word " * 1000)
    pieces = len(worded(message))
    for status in [*[200] * pieces, 200, 503]:
        httpserver.expect_ordered_request(path).respond_with_json({}, status=status)

    whole, in_part = send(settings, message, message, at_once=1)

    assert whole.outcome == Outcome.OK
    assert (in_part.outcome, in_part.reason) == (Outcome.AMBIGUOUS, "partly_sent")
    assert (in_part.detail or "").startswith("unavailable")
    assert len(httpserver.log) == pieces + 2


def test_a_first_piece_that_is_refused_ends_as_any_message(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in, refused(503), body="word " * 9000)

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "unavailable")
    assert len(stand_in.entries) == 1


def test_a_token_is_in_no_receipt(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in, raw(500, f"unknown {TOKEN} of {target(stand_in)}"))

    assert (receipt.outcome, receipt.detail) == (Outcome.AMBIGUOUS, "unknown *** of ***")


def test_a_target_that_apprise_refuses_was_sent_nothing(stand_in: ProviderStandIn) -> None:
    receipt = send(http_settings(stand_in.url), push("tgram://nobody/1"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "invalid_target")
    assert stand_in.entries == []


# --- where messages must not lead -----------------------------------------------------------------------------------


def test_a_private_address_is_not_connected_to(stand_in: ProviderStandIn) -> None:
    receipt = receipt_of(stand_in, webhook_private_networks="")

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "forbidden_address")
    assert (stand_in.entries, stand_in.connections) == ([], 0)


def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    stand_in: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", leads_to("127.0.0.1"))
    port = stand_in.url.rpartition(":")[2]
    settings = http_settings(stand_in.url, webhook_private_networks="")

    receipt = send(settings, push(f"gotify://rebound.example.com:{port}/push/{TOKEN}"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "forbidden_address")
    assert stand_in.connections == 0


def test_in_development_pushes_go_to_the_sandbox() -> None:
    receipt = send(make_settings(), push(TARGETS["tgram"]))[0]

    assert (receipt.outcome, receipt.provider_message_id) == (Outcome.OK, "sandbox-n-1")


def test_an_address_that_becomes_too_long_is_the_targets_fault() -> None:
    recipient = normalise("push", f"gotifys://push.example.com/{'a' * 1570}/t")

    (receipt,) = send(make_settings(push_provider="apprise"), push(recipient))

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "invalid_target")
