"""SMTP against a real server: every step may be refused, cut off or left without a reply."""

from __future__ import annotations

import ssl
import threading
from typing import Any

import pytest

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.settings import Settings
from sentinel.stand_ins import Certificate
from tests.smtp_stand_in import DISCONNECT, PASSWORD, SILENCE, USERNAME, SmtpStandIn, Step
from tests.unit.channels.conftest import PATIENT, mail, make_settings, send
from tests.unit.channels.test_http_providers import closed_port, deaf_port


def smtp_settings(port: int, **overrides: Any) -> Settings:
    given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_from_email": "alerts@example.com"}
    return make_settings(**{**PATIENT, **given, "smtp_security": "none", **overrides})


def receipt_of(server: SmtpStandIn, *messages: Message, **overrides: Any) -> Receipt:
    return send(smtp_settings(server.port, **overrides), *(messages or (mail(subject="Disk"),)))[0]


def test_a_mail_arrives_as_it_was_written() -> None:
    with SmtpStandIn() as server:
        receipt = receipt_of(server, mail(subject="Größe 🚨", body="hi", id="0199-7"))

    assert (receipt.outcome, receipt.provider_message_id) == (Outcome.OK, "0199-7@example.com")
    assert receipt.detail == "2.0.0 queued as stand-in"
    headers = server.mails[0]
    assert (headers["From"], headers["To"]) == ("alerts@example.com", "oncall@example.com")
    assert (headers["Subject"], headers["Message-ID"]) == ("Größe 🚨", "<0199-7@example.com>")
    assert headers["Date"]
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers.get_content_type() == "text/plain"


@pytest.mark.parametrize("body", ["  leads and trails  ", "two\nlines\r\n", "ünï 🚨\n.\nQUIT\n", "x" * 5000, ".", ""])
def test_the_text_passes_through_unchanged(body: str) -> None:
    with SmtpStandIn() as server:
        receipt = receipt_of(server, mail(body=body))

    assert receipt.outcome == Outcome.OK
    assert server.mails[0].get_payload(decode=True) == body.encode()


@pytest.mark.parametrize(
    ("step", "reply", "outcome", "reason"),
    [
        ("rcpt", "550 5.1.1 no such user", Outcome.RECIPIENT, "no_such_mailbox"),
        ("rcpt", "551 not here", Outcome.RECIPIENT, "mailbox_moved"),
        ("rcpt", "553 name not allowed", Outcome.RECIPIENT, "invalid_address"),
        ("rcpt", "554 no", Outcome.RECIPIENT, "mailbox_refused"),
        ("rcpt", "556 no mail accepted", Outcome.RECIPIENT, "mailbox_refused"),
        ("rcpt", "552 mailbox full", Outcome.RETRY, "mailbox_full"),
        ("rcpt", "550 5.7.1 relaying denied", Outcome.CONFIG, "relay_denied"),
        ("rcpt", "530 5.5.1 login first", Outcome.CONFIG, "unauthorized"),
        ("rcpt", "450 4.2.1 greylisted", Outcome.RETRY, "try_later"),
        ("rcpt", "421 4.3.2 going down", Outcome.RETRY, "try_later"),
        ("mail", "530 5.7.0 login first", Outcome.CONFIG, "unauthorized"),
        ("mail", "550 5.1.8 sender refused", Outcome.CONFIG, "sender_refused"),
        ("mail", "552 5.3.4 too big", Outcome.MESSAGE, "too_large"),
        ("mail", "451 4.3.0 later", Outcome.RETRY, "try_later"),
        ("data", "552 5.3.4 too big", Outcome.MESSAGE, "too_large"),
        ("data", "554 5.7.1 spam", Outcome.MESSAGE, "content_refused"),
        ("data", "550 5.7.1 spam", Outcome.MESSAGE, "content_refused"),
        ("data", "451 4.3.0 later", Outcome.RETRY, "try_later"),
        ("mail", DISCONNECT, Outcome.RETRY, "connection_lost"),
        ("rcpt", DISCONNECT, Outcome.RETRY, "connection_lost"),
        ("data", DISCONNECT, Outcome.AMBIGUOUS, "connection_lost"),
    ],
)
def test_each_refusal_has_its_outcome(step: Step, reply: str, outcome: Outcome, reason: str) -> None:
    with SmtpStandIn() as server:
        server.script(step, reply)

        receipt = receipt_of(server)

    assert (receipt.outcome, receipt.reason) == (outcome, reason)
    assert receipt.is_account_wide == (reason != "relay_denied")
    assert server.mails == []


@pytest.mark.parametrize(
    ("step", "outcome"), [("mail", Outcome.RETRY), ("rcpt", Outcome.RETRY), ("data", Outcome.AMBIGUOUS)]
)
@pytest.mark.parametrize(
    "waits",
    [
        {"read_timeout_seconds": 0.3},
        {"read_timeout_seconds": 0.9, "send_deadline_seconds": 1.0},
    ],
    ids=["read timeout", "deadline"],
)
def test_a_server_that_falls_silent(step: Step, outcome: Outcome, waits: dict[str, float]) -> None:
    with SmtpStandIn() as server:
        server.script(step, SILENCE)

        receipt = receipt_of(server, **waits)

    assert receipt.outcome == outcome


def test_the_deadline_cuts_a_conversation_off() -> None:
    with SmtpStandIn() as server:
        server.script("mail", SILENCE)
        server.script("data", SILENCE)
        # Settings refuse a deadline below the read timeout; here it shows that the deadline alone cuts off.
        settings = smtp_settings(server.port).model_copy(update={"send_deadline_seconds": 0.5})

        before_data, at_data = send(settings, mail(), mail(), at_once=1)

        waiting = [thread for thread in threading.enumerate() if thread.name.startswith("smtp_")]
        for thread in waiting:
            thread.join(timeout=5)

    assert (before_data.outcome, at_data.outcome) == (Outcome.RETRY, Outcome.AMBIGUOUS)
    assert not any(thread.is_alive() for thread in waiting)


def test_a_refused_connection_is_tried_again() -> None:
    with closed_port() as port:
        receipt = send(smtp_settings(port), mail())[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "connection_lost")


def test_a_host_that_does_not_answer_to_connect_is_tried_again() -> None:
    with deaf_port() as port:
        receipt = send(smtp_settings(port, read_timeout_seconds=0.3), mail())[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, "timeout")


@pytest.mark.parametrize("subject", ["Disk\nBcc: x@example.com", "Disk\r\nfull"])
def test_a_subject_cannot_smuggle_in_headers(subject: str) -> None:
    with SmtpStandIn() as server:
        receipt = receipt_of(server, mail(subject=subject))

    assert (receipt.outcome, receipt.reason) == (Outcome.MESSAGE, "invalid_subject")
    assert server.connections == 0


def test_a_recipient_cannot_smuggle_in_headers() -> None:
    with SmtpStandIn() as server:
        receipt = receipt_of(server, mail(recipient="a@example.com\r\nBcc: x@example.com"))

    assert (receipt.outcome, receipt.reason) == (Outcome.RECIPIENT, "invalid_address")
    assert server.connections == 0


def test_mails_that_follow_each_other_share_a_connection() -> None:
    with SmtpStandIn() as server:
        receipts = send(smtp_settings(server.port), *[mail(id=f"n-{index}") for index in range(20)], at_once=1)

    assert {receipt.outcome for receipt in receipts} == {Outcome.OK}
    assert server.connections == 1


def test_a_refused_recipient_does_not_harm_the_next_mail() -> None:
    with SmtpStandIn() as server:
        server.script("rcpt", "550 5.1.1 no such user")

        refused, accepted = send(smtp_settings(server.port), mail(), mail(), at_once=1)

    assert (refused.outcome, accepted.outcome) == (Outcome.RECIPIENT, Outcome.OK)


def test_many_mails_at_once_arrive_once_each() -> None:
    with SmtpStandIn() as server:
        receipts = send(smtp_settings(server.port), *[mail(id=f"n-{index}") for index in range(60)])

    assert {receipt.outcome for receipt in receipts} == {Outcome.OK}
    assert len({arrived["Message-ID"] for arrived in server.mails}) == len(server.mails) == 60
    assert server.connections <= 10


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_and_login(security: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.pem))
    login = {"smtp_username": USERNAME, "smtp_password": PASSWORD, "smtp_security": security}

    with secure_server(security, certificate.server_context()) as server:
        accepted = receipt_of(server, **login)
        refused = receipt_of(server, **{**login, "smtp_password": "wrong-password"})

    assert accepted.outcome == Outcome.OK
    assert (refused.outcome, refused.reason, refused.provider_code) == (Outcome.CONFIG, "unauthorized", "535")
    assert "wrong-password" not in repr(refused)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_untrusted_certificate_is_our_configuration(security: str, certificate: Certificate) -> None:
    with secure_server(security, certificate.server_context()) as server:
        receipt = receipt_of(server, smtp_security=security)

    assert (receipt.outcome, receipt.reason) == (Outcome.CONFIG, "tls_certificate")


def test_nothing_is_sent_in_clear_when_starttls_is_not_offered() -> None:
    with SmtpStandIn() as server:
        receipt = receipt_of(server, smtp_security="starttls")

    assert (receipt.outcome, receipt.reason) == (Outcome.CONFIG, "starttls_missing")
    assert server.mails == []


def test_a_server_without_login_is_told_apart_from_a_wrong_password(certificate: Certificate) -> None:
    with SmtpStandIn(starttls=certificate.server_context()) as server:  # it offers a login after STARTTLS only
        receipt = receipt_of(server, smtp_username=USERNAME, smtp_password=PASSWORD)

    assert (receipt.outcome, receipt.reason) == (Outcome.CONFIG, "login_not_offered")


def secure_server(security: str, context: ssl.SSLContext) -> SmtpStandIn:
    return SmtpStandIn(tls=context) if security == "tls" else SmtpStandIn(starttls=context)
