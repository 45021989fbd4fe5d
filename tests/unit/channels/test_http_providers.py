"""What every HTTP provider must do alike: the shared suite. A new one is added to `PROVIDERS`."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sentinel.channels.base import Outcome
from sentinel.stand_ins import (
    API_KEY,
    AUTH_TOKEN,
    BOT_TOKEN,
    Certificate,
    Credentials,
    Fault,
    ProviderStandIn,
    delayed,
    drip,
    html,
    rate_limited,
    raw,
    redirect,
    refused,
    reset,
    reset_unread,
    silence,
)
from tests.unit.channels.conftest import SENDGRID, SLACK, TWILIO, Wire, http_settings, send

PROVIDERS = pytest.mark.parametrize("wire", [TWILIO, SENDGRID, SLACK], ids=["twilio", "sendgrid", "slack"])
RECIPIENTS = {"sms": "+1415555{:04}", "email": "u{}@example.com", "slack": "#room-{}"}

STATUSES = [
    (302, Outcome.MESSAGE),
    (303, Outcome.MESSAGE),
    (400, Outcome.MESSAGE),
    (401, Outcome.CONFIG),
    (402, Outcome.CONFIG),
    (403, Outcome.CONFIG),
    (404, Outcome.CONFIG),
    (405, Outcome.CONFIG),
    (406, Outcome.CONFIG),
    (407, Outcome.CONFIG),
    (408, Outcome.AMBIGUOUS),
    (409, Outcome.MESSAGE),
    (413, Outcome.MESSAGE),
    (415, Outcome.MESSAGE),
    (418, Outcome.MESSAGE),
    (425, Outcome.RETRY),
    (429, Outcome.RETRY),
    (451, Outcome.CONFIG),
    (500, Outcome.AMBIGUOUS),
    (502, Outcome.AMBIGUOUS),
    (503, Outcome.RETRY),
    (504, Outcome.AMBIGUOUS),
    (520, Outcome.AMBIGUOUS),
    (599, Outcome.AMBIGUOUS),
]
BODIES: dict[str, Callable[[int], Fault]] = {
    "html": html,
    "empty": raw,
    "bytes": lambda status: raw(status, "\xff\xfe\x00\x80{"),
    "list": lambda status: raw(status, '[{"code": 21211}]'),
    "deep": lambda status: raw(status, "[" * 60_000),
    "cut": lambda status: raw(status, '{"code": 212'),
    "nulls": lambda status: raw(status, '{"code": null, "message": null, "errors": [null, {"field": null}]}'),
    "odd types": lambda status: raw(status, '{"code": {"a": 1}, "message": [1], "errors": "no"}'),
}


@PROVIDERS
@pytest.mark.parametrize(("status", "outcome"), STATUSES)
def test_each_status_has_its_outcome(stand_in: ProviderStandIn, wire: Wire, status: int, outcome: Outcome) -> None:
    receipt = wire.receipt(stand_in, refused(status))

    assert (receipt.outcome, receipt.http_status) == (outcome, status)
    assert receipt.reason
    assert len(stand_in.entries) == 1


@PROVIDERS
@pytest.mark.parametrize("body", list(BODIES))
@pytest.mark.parametrize(
    ("status", "outcome"), [(400, Outcome.MESSAGE), (401, Outcome.CONFIG), (500, Outcome.AMBIGUOUS)]
)
def test_whatever_the_body_is_the_status_decides(
    stand_in: ProviderStandIn, wire: Wire, body: str, status: int, outcome: Outcome
) -> None:
    receipt = wire.receipt(stand_in, BODIES[body](status))

    assert receipt.outcome == outcome
    assert len(receipt.detail or "") <= 300


@PROVIDERS
def test_an_accepted_message_has_the_providers_id(stand_in: ProviderStandIn, wire: Wire) -> None:
    receipt = wire.receipt(stand_in)

    assert (receipt.outcome, receipt.http_status) == (Outcome.OK, wire.accepted_status)
    assert receipt.provider_message_id == stand_in.entries[0].message_id


@PROVIDERS
def test_a_redirect_is_not_followed(stand_in: ProviderStandIn, wire: Wire) -> None:
    receipt = wire.receipt(stand_in, redirect())

    assert (receipt.outcome, receipt.reason) == (Outcome.MESSAGE, "unexpected_status")
    assert receipt.hint
    assert [entry.method for entry in stand_in.entries] == ["POST"]


@PROVIDERS
@pytest.mark.parametrize(
    ("fault", "reason", "timeouts"),
    [
        (reset(), "connection_reset", {}),
        (silence(), "read_timeout", {"read_timeout_seconds": 0.2}),
        (drip(), "deadline_passed", {"read_timeout_seconds": 0.95, "send_deadline_seconds": 1.0}),
    ],
    ids=["reset", "silence", "drip"],
)
def test_trouble_after_the_request_is_ambiguous(
    stand_in: ProviderStandIn, wire: Wire, fault: Fault, reason: str, timeouts: dict[str, float]
) -> None:
    receipt = wire.receipt(stand_in, fault, **timeouts)

    assert (receipt.outcome, receipt.reason) == (Outcome.AMBIGUOUS, reason)
    assert len(stand_in.entries) == 1


@PROVIDERS
def test_a_reset_of_a_new_connection_is_tried_again_only_when_nothing_was_written(
    stand_in: ProviderStandIn, wire: Wire
) -> None:
    # Which of both it is depends on whose packet is first; each must be told as it is.
    receipts = [wire.receipt(stand_in, reset_unread()) for _ in range(10)]

    assert {(receipt.outcome, receipt.reason) for receipt in receipts} <= {
        (Outcome.RETRY, "connection_failed"),
        (Outcome.AMBIGUOUS, "connection_reset"),
    }
    assert {entry.ending for entry in stand_in.entries} == {"reset_unread"}


@PROVIDERS
def test_a_reset_while_tls_is_set_up_is_tried_again(stand_in: ProviderStandIn, wire: Wire) -> None:
    stand_in.script(reset_unread())

    receipt = send(http_settings(stand_in.url.replace("http://", "https://")), wire.message)[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connection_failed")


@PROVIDERS
def test_a_slow_answer_within_the_timeout_is_an_answer(stand_in: ProviderStandIn, wire: Wire) -> None:
    assert wire.receipt(stand_in, delayed(0.2)).outcome == Outcome.OK


@PROVIDERS
def test_a_refused_connection_is_tried_again(wire: Wire) -> None:
    with closed_port() as port:
        receipt = send(http_settings(f"http://127.0.0.1:{port}"), wire.message)[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connection_refused")


@PROVIDERS
def test_a_host_that_does_not_answer_to_connect_is_tried_again(wire: Wire) -> None:
    with deaf_port() as port:
        settings = http_settings(f"http://127.0.0.1:{port}", connect_timeout_seconds=0.2)
        receipt = send(settings, wire.message)[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connect_timeout")


@PROVIDERS
def test_a_name_that_does_not_resolve_is_tried_again(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)

    receipt = send(http_settings("https://provider.invalid"), wire.message)[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "dns_failure")


@PROVIDERS
def test_an_untrusted_certificate_is_our_configuration(wire: Wire, certificate: Certificate) -> None:
    with ProviderStandIn(tls=certificate.server_context()) as stand_in:
        receipt = wire.receipt(stand_in)

    assert (receipt.outcome, receipt.reason) == (Outcome.CONFIG, "tls_certificate")
    assert stand_in.entries == []


@PROVIDERS
def test_a_certificate_of_ones_own_can_be_trusted(
    wire: Wire, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.pem))

    with ProviderStandIn(tls=certificate.server_context()) as stand_in:
        receipt = wire.receipt(stand_in)

    assert receipt.outcome == Outcome.OK


@PROVIDERS
@pytest.mark.parametrize("headers", [{}, {"Retry_After": "soon"}, {"Retry_After": "-5"}])
def test_429_without_a_usable_wait_leaves_it_to_our_backoff(
    stand_in: ProviderStandIn, wire: Wire, headers: dict[str, str]
) -> None:
    receipt = wire.receipt(stand_in, rate_limited(**headers))

    assert (receipt.outcome, receipt.retry_after_seconds) == (Outcome.RETRY, None)


@PROVIDERS
@pytest.mark.parametrize("status", [429, 503, 500])
def test_retry_after_in_seconds_is_reported(stand_in: ProviderStandIn, wire: Wire, status: int) -> None:
    receipt = wire.receipt(stand_in, refused(status, headers={"Retry-After": "17"}))

    assert receipt.retry_after_seconds == 17


@PROVIDERS
def test_retry_after_as_a_date_is_reported(stand_in: ProviderStandIn, wire: Wire) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=600)

    receipt = wire.receipt(stand_in, rate_limited(Retry_After=format_datetime(moment, usegmt=True)))

    assert receipt.retry_after_seconds == pytest.approx(600, abs=60)


@PROVIDERS
@pytest.mark.parametrize("name", ["X_RateLimit_Reset", "RateLimit_Reset"])
def test_a_reset_header_is_reported_as_moment_or_as_wait(stand_in: ProviderStandIn, wire: Wire, name: str) -> None:
    moment = str(int(datetime.now(UTC).timestamp()) + 600)

    as_moment = wire.receipt(stand_in, rate_limited(**{name: moment}))
    as_wait = wire.receipt(stand_in, rate_limited(**{name: "42"}))

    assert as_moment.retry_after_seconds == pytest.approx(600, abs=60)
    assert as_wait.retry_after_seconds == 42


@PROVIDERS
def test_a_final_refusal_asks_for_no_wait(stand_in: ProviderStandIn, wire: Wire) -> None:
    receipt = wire.receipt(stand_in, refused(400, headers={"Retry-After": "17"}))

    assert receipt.retry_after_seconds is None


@PROVIDERS
def test_a_refusal_whose_reason_was_cut_off_is_tried_again(stand_in: ProviderStandIn, wire: Wire) -> None:
    receipt = wire.receipt(stand_in, refused(400, 21211, ending="truncated"))

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "answer_cut_off")


@pytest.mark.parametrize("wire", [TWILIO, SENDGRID], ids=["twilio", "sendgrid"])
@pytest.mark.parametrize("ending", ["drip_body", "truncated"])
def test_the_status_line_alone_is_an_acceptance(stand_in: ProviderStandIn, wire: Wire, ending: Any) -> None:
    waits = {"read_timeout_seconds": 0.9, "send_deadline_seconds": 1.0}

    receipt = wire.receipt(stand_in, Fault(ending=ending), **waits)

    assert (receipt.outcome, receipt.http_status) == (Outcome.OK, wire.accepted_status)


@PROVIDERS
@pytest.mark.parametrize(("status", "outcome"), [(400, Outcome.MESSAGE), (500, Outcome.AMBIGUOUS)])
def test_an_endless_body_is_cut_off(stand_in: ProviderStandIn, wire: Wire, status: int, outcome: Outcome) -> None:
    receipt = wire.receipt(stand_in, refused(status, ending="endless"))

    assert (receipt.outcome, receipt.http_status) == (outcome, status)
    assert receipt.detail == "x" * 300


@PROVIDERS
def test_many_sends_share_few_connections(stand_in: ProviderStandIn, wire: Wire) -> None:
    messages = [replace(wire.message, id=f"n-{index}") for index in range(200)]

    receipts = send(http_settings(stand_in.url), *messages, at_once=8)

    assert {receipt.outcome for receipt in receipts} == {Outcome.OK}
    assert len(stand_in.entries) == 200
    assert stand_in.connections <= 8


@PROVIDERS
def test_no_more_connections_than_the_settings_allow(stand_in: ProviderStandIn, wire: Wire) -> None:
    messages = [wire.message] * 40
    stand_in.always(delayed(0.01))

    send(http_settings(stand_in.url, provider_concurrency=4), *messages, at_once=40)

    assert len(stand_in.entries) == 40
    assert stand_in.connections <= 4


@PROVIDERS
def test_who_never_gets_a_connection_is_tried_again(stand_in: ProviderStandIn, wire: Wire) -> None:
    stand_in.always(drip())
    waits = {"read_timeout_seconds": 0.9, "send_deadline_seconds": 1.0}

    receipts = send(http_settings(stand_in.url, provider_concurrency=1, **waits), *[wire.message] * 12)

    unsure = [receipt for receipt in receipts if receipt.outcome == Outcome.AMBIGUOUS]
    assert len(stand_in.entries) <= len(unsure)
    assert {r.reason for r in receipts if r.outcome == Outcome.RETRY} == {"deadline_before_request"}


@PROVIDERS
def test_answers_in_flight_do_not_mix(stand_in: ProviderStandIn, wire: Wire) -> None:
    recipients = [RECIPIENTS[wire.message.channel].format(index) for index in range(100)]
    for index, recipient in enumerate(recipients):
        stand_in.script_recipient(recipient, refused(400, message=f"no {index}", delay_seconds=(index % 7) / 100))

    receipts = send(http_settings(stand_in.url), *(replace(wire.message, recipient=to) for to in recipients))

    assert [receipt.detail for receipt in receipts] == [f"no {index}" for index in range(100)]


@pytest.mark.parametrize(
    ("wire", "secrets"),
    [(TWILIO, (AUTH_TOKEN, Credentials().basic.removeprefix("Basic "))), (SENDGRID, (API_KEY,)), (SLACK, (BOT_TOKEN,))],
    ids=["twilio", "sendgrid", "slack"],
)
def test_no_secret_is_repeated(
    stand_in: ProviderStandIn, wire: Wire, secrets: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = refused(400, message="you sent " + " ".join(secrets))

    said = repr([wire.receipt(stand_in, echo), wire.receipt(stand_in, reset()), wire.receipt(stand_in)])

    assert "you sent ***" in said
    for secret in secrets:
        assert secret not in said
        assert secret not in caplog.text


@PROVIDERS
def test_proxies_of_the_environment_are_not_used(
    stand_in: ProviderStandIn, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closed_port() as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        receipt = wire.receipt(stand_in)

    assert receipt.outcome == Outcome.OK


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses, and that nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose queue is full: the kernel drops who knocks."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for knocking in (first, second):
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def unknown_name(*_args: Any, **_kwargs: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
