"""The stand-in itself: chaos tests are only worth what its ledger is worth."""

from __future__ import annotations

import http.client
import json
import os
import signal
from pathlib import Path

import pytest

from sentinel.channels.base import Outcome
from sentinel.stand_ins import (
    Certificate,
    ProviderProcess,
    ProviderStandIn,
    delayed,
    read_ledger,
    refused,
    reset,
    silence,
)
from tests.unit.channels.conftest import TWILIO, http_settings, mail, send, sms


def test_the_ledger_has_every_request_in_full(stand_in: ProviderStandIn) -> None:
    stand_in.script(refused(400, 21211), reset())

    send(http_settings(stand_in.url), sms(body="one"), sms(body="two"), sms(body="three"), at_once=1)

    assert [(entry.text, entry.status, entry.ending, entry.is_accepted) for entry in stand_in.entries] == [
        ("one", 400, "whole", False),
        ("two", None, "reset", False),
        ("three", 201, "whole", True),
    ]
    assert {entry.recipient for entry in stand_in.entries} == {"+14155552671"}
    assert all(entry.peer_port and entry.at and entry.headers["host"] for entry in stand_in.entries)


def test_faults_by_recipient_come_before_the_queue_and_the_last_one_stays(stand_in: ProviderStandIn) -> None:
    stand_in.script(refused(503))
    stand_in.script_recipient("+14155550001", refused(500), refused(400, 21211))
    bad = sms("+14155550001")

    receipts = send(http_settings(stand_in.url), bad, bad, bad, sms(), sms(), at_once=1)

    assert [receipt.http_status for receipt in receipts] == [500, 400, 400, 503, 201]


def test_an_outage_lasts_until_it_is_ended(stand_in: ProviderStandIn) -> None:
    stand_in.always(refused(503))
    during = send(http_settings(stand_in.url), sms(), mail())
    stand_in.always(None)
    after = send(http_settings(stand_in.url), sms(), mail())

    assert [receipt.outcome for receipt in during] == [Outcome.RETRY] * 2
    assert [receipt.outcome for receipt in after] == [Outcome.OK] * 2


def test_forget_starts_afresh(stand_in: ProviderStandIn) -> None:
    stand_in.always(refused(503))
    TWILIO.receipt(stand_in)

    stand_in.forget()

    assert (stand_in.entries, stand_in.connections) == ([], 0)
    assert TWILIO.receipt(stand_in).outcome == Outcome.OK


@pytest.mark.parametrize(
    ("message", "overrides", "status"),
    [
        (sms(body=""), {}, 400),
        (sms(recipient=""), {}, 400),
        (sms(), {"twilio_auth_token": "wrong"}, 401),
        (sms(), {"twilio_account_sid": "AC" + "f" * 32}, 401),
        (mail(), {"sendgrid_api_key": "wrong"}, 401),
    ],
)
def test_it_refuses_what_the_providers_refuse(
    stand_in: ProviderStandIn, message: object, overrides: dict[str, str], status: int
) -> None:
    receipt = send(http_settings(stand_in.url, **overrides), message)[0]  # type: ignore[arg-type] # both kinds

    assert receipt.http_status == status


def test_as_a_process_it_takes_faults_and_writes_its_ledger(tmp_path: Path) -> None:
    with ProviderProcess(tmp_path / "ledger") as stand_in:
        stand_in.script(refused(503), delayed(0.01))
        stand_in.script_recipients({"+14155550001": [refused(400, 21614)]})
        messages = [sms(), sms("+14155550001"), mail(), sms(body="né 🚨")]

        receipts = send(http_settings(stand_in.url), *messages, at_once=1)
        entries = stand_in.entries

    assert [receipt.http_status for receipt in receipts] == [503, 400, 202, 201]
    assert [entry.status for entry in entries] == [503, 400, 202, 201]
    assert entries[3].text == "né 🚨"
    assert entries == read_ledger(tmp_path / "ledger")


def test_as_a_process_it_speaks_tls_to_those_who_trust_its_certificate(
    tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProviderProcess(tmp_path / "ledger", certificate=certificate) as stand_in:
        stand_in.script(refused(503))
        stranger = send(http_settings(stand_in.url), sms())[0]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.pem))

        receipts = send(http_settings(stand_in.url), sms(), mail(), at_once=1)

    assert stand_in.url.startswith("https://")
    assert stranger.reason == "tls_certificate"
    assert [receipt.http_status for receipt in receipts] == [503, 202]


def test_the_ledger_survives_the_stand_ins_own_death(tmp_path: Path) -> None:
    with ProviderProcess(tmp_path / "ledger") as stand_in:
        send(http_settings(stand_in.url), *[sms(body=str(index)) for index in range(100)])
        os.kill(stand_in.pid, signal.SIGKILL)

    assert {entry.text for entry in read_ledger(tmp_path / "ledger")} == {str(index) for index in range(100)}


def test_a_client_that_went_away_is_in_the_ledger(tmp_path: Path) -> None:
    with ProviderProcess(tmp_path / "ledger") as stand_in:
        stand_in.always(silence())
        settings = http_settings(stand_in.url, read_timeout_seconds=0.2)

        receipt = send(settings, sms(body="nobody waits"))[0]

        assert receipt.outcome == Outcome.AMBIGUOUS
        assert [entry.text for entry in stand_in.entries] == ["nobody waits"]


def test_requests_in_pieces_and_in_one_piece_are_told_apart(stand_in: ProviderStandIn) -> None:
    body = json.dumps({"personalizations": []}).encode()
    address = stand_in.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address)
    head = f"POST /v3/mail/send HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    connection.connect()

    connection.sock.sendall((head + body) * 2 + head[:20])
    connection.sock.sendall(head[20:])
    connection.sock.sendall(body)
    answered = b""
    while answered.count(b"HTTP/1.1 401") < 3:
        answered += connection.sock.recv(4096)
    connection.close()

    assert len(stand_in.entries) == 3
