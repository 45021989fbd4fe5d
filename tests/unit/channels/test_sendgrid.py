"""SendGrid: its payload, and its answers, which must be read for lack of codes."""

from __future__ import annotations

import pytest

from sentinel.channels.base import Outcome
from sentinel.stand_ins import API_KEY, Fault, ProviderStandIn, html, raw, refused
from tests.unit.channels.conftest import SENDGRID, http_settings, mail, send

ANSWERS = [
    (refused(400, message="Does not contain a valid address.", field="personalizations.0.to.0.email"), "RECIPIENT"),
    (refused(400, message="The to array is required", field="personalizations.12.to"), "RECIPIENT"),
    (refused(400, message="Substitutions may not be used", field="personalizations.0.substitutions"), "MESSAGE"),
    (refused(400, message="The content value must be a string", field="content.0.value"), "MESSAGE"),
    (refused(400, message="The from email does not contain a valid address.", field="from.email"), "CONFIG"),
    (refused(400, message="Bad Request"), "MESSAGE"),
    (refused(401, message="The provided authorization grant is invalid, expired, or revoked"), "CONFIG"),
    (refused(401, message="Maximum credits exceeded"), "QUOTA"),
    (refused(403, message="The from address does not match a verified Sender Identity.", field="from"), "CONFIG"),
    (refused(403, message="You have sent too many bad requests"), "QUOTA"),
    (refused(403, message="access forbidden"), "CONFIG"),
    (refused(404, message="not found"), "CONFIG"),
    (refused(405, message="method not allowed"), "CONFIG"),
    (refused(406, message="not acceptable"), "CONFIG"),
    (refused(415, message="Content-Type should be application/json."), "MESSAGE"),
    (refused(451, message="unavailable for legal reasons"), "CONFIG"),
    (refused(429, message="too many requests"), "RETRY"),
    (html(413), "MESSAGE"),
    (raw(200), "MESSAGE"),
    (raw(201), "MESSAGE"),
    (raw(204), "MESSAGE"),
]


@pytest.mark.parametrize(("fault", "outcome"), ANSWERS, ids=lambda value: getattr(value, "message", None))
def test_each_answer_has_its_outcome(stand_in: ProviderStandIn, fault: Fault, outcome: str) -> None:
    receipt = SENDGRID.receipt(stand_in, fault)

    assert (receipt.outcome, receipt.http_status) == (outcome, fault.status)
    if outcome != "RETRY":
        assert receipt.hint


def test_used_up_credits_are_told_apart_from_a_wrong_key(stand_in: ProviderStandIn) -> None:
    credits_gone = SENDGRID.receipt(stand_in, refused(401, message="Maximum credits exceeded"))
    wrong_key = send(http_settings(stand_in.url, sendgrid_api_key="SG.wrong"), mail())[0]

    assert (credits_gone.outcome, credits_gone.reason) == (Outcome.QUOTA, "credits_exceeded")
    assert (wrong_key.outcome, wrong_key.reason) == (Outcome.CONFIG, "unauthorized")


def test_a_block_for_bad_requests_is_waited_for(stand_in: ProviderStandIn) -> None:
    receipt = SENDGRID.receipt(stand_in, refused(403, message="too many bad requests"))

    assert receipt.retry_after_seconds == 900


def test_a_200_says_that_nothing_was_sent(stand_in: ProviderStandIn) -> None:
    assert "sandbox_mode" in (SENDGRID.receipt(stand_in, raw(200)).hint or "")


def test_a_202_without_an_id_was_accepted_all_the_same(stand_in: ProviderStandIn) -> None:
    receipt = SENDGRID.receipt(stand_in, raw(202))

    assert (receipt.outcome, receipt.provider_message_id) == (Outcome.OK, None)
    assert "X-Message-Id" in (receipt.detail or "")


def test_the_payload_is_the_one_of_the_sdk(stand_in: ProviderStandIn) -> None:
    send(http_settings(stand_in.url), mail(subject="Disk", id="0199-7"))

    entry = stand_in.entries[0]
    assert entry.path == "/v3/mail/send"
    assert entry.headers["authorization"] == f"Bearer {API_KEY}"
    assert entry.headers["user-agent"].startswith("sendgrid/")
    assert entry.body == {
        "from": {"email": "alerts@example.com"},
        "subject": "Disk",
        "personalizations": [{"to": [{"email": "oncall@example.com"}]}],
        "content": [{"type": "text/plain", "value": "disk is full"}],
        "custom_args": {"notification_id": "0199-7"},
    }


def test_the_sender_may_have_a_name(stand_in: ProviderStandIn) -> None:
    send(http_settings(stand_in.url, sendgrid_from_email="Sentinel <alerts@example.com>"), mail())

    assert stand_in.entries[0].body["from"] == {"email": "alerts@example.com", "name": "Sentinel"}


@pytest.mark.parametrize(
    "body", ["  leads and trails  ", "two\nlines\r\n", "žluťoučký 🚨 ünï", "<b>&amp;</b>", "x" * 9000]
)
def test_the_text_passes_through_unchanged(stand_in: ProviderStandIn, body: str) -> None:
    receipt = send(http_settings(stand_in.url), mail(body=body))[0]

    assert receipt.outcome == Outcome.OK
    assert [entry.text for entry in stand_in.entries] == [body]


@pytest.mark.parametrize(
    ("given", "body", "subject"),
    [
        ("Disk", "anything", "Disk"),
        ("Größe 🚨", "anything", "Größe 🚨"),
        (None, "disk is full\non web-1", "disk is full"),
        ("", "\n \n  spaced   out\n", "spaced out"),
        (None, "y" * 100, "y" * 77 + "…"),
        ("  ", "\t", "Notification"),
    ],
)
def test_a_missing_subject_is_made_from_the_text(
    stand_in: ProviderStandIn, given: str | None, body: str, subject: str
) -> None:
    send(http_settings(stand_in.url), mail(subject=given, body=body))

    assert stand_in.entries[0].body["subject"] == subject


@pytest.mark.parametrize("subject", ["Disk\nBcc: x@example.com", "Disk\rfull", "Disk\x00", "Disk\u2028full"])
def test_a_subject_with_a_line_break_is_refused_before_anything_is_sent(
    stand_in: ProviderStandIn, subject: str
) -> None:
    receipt = send(http_settings(stand_in.url), mail(subject=subject))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.MESSAGE, "invalid_subject")
    assert stand_in.entries == []


def test_a_text_that_looks_like_an_api_key_is_a_receipt_and_not_an_exception(stand_in: ProviderStandIn) -> None:
    receipt = send(http_settings(stand_in.url), mail(body="SG.abc.def leaked"))[0]

    assert (receipt.outcome, receipt.reason) == (Outcome.MESSAGE, "api_key_in_body")
    assert "SG.abc" not in repr(receipt)
