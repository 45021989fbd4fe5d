"""A hundred texts and a hundred mails through providers that misbehave in every known way."""

from __future__ import annotations

import base64
from collections import Counter
from urllib.parse import unquote

import pytest

from sentinel.stand_ins import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    Entry,
    Fault,
    ProviderProcess,
    rate_limited,
    refused,
    reset,
    silence,
)
from tests.brokers import on_both_brokers
from tests.rows import count_statuses, have_ended, row, tries
from tests.system import System, eventually

pytestmark = pytest.mark.acceptance

NORMAL = Fault()
PHONE_FAULTS: dict[str, tuple[Fault, ...]] = {
    "+14155550001": (rate_limited(**{"Retry-After": "1"}), NORMAL),
    "+14155550002": (refused(503, 20503), refused(503, 20503), NORMAL),
    "+14155550003": (refused(500, 20500), NORMAL),
    "+14155550004": (refused(400, 21211),),
    "+14155550005": (reset(), NORMAL),
    "+14155550006": (silence(), NORMAL),
    "+14155550007": (refused(400, 21610),),
    "+14155550008": (refused(503, 20503),),
}
EXPECTED = {
    "+14155550001": ("SENT", None, ["RETRY", "OK"]),
    "+14155550002": ("SENT", None, ["RETRY", "RETRY", "OK"]),
    "+14155550003": ("SENT", None, ["AMBIGUOUS", "OK"]),
    "+14155550004": ("FAILED", "invalid_number", ["RECIPIENT"]),
    "+14155550005": ("SENT", None, ["AMBIGUOUS"]),  # it had arrived, and was found
    "+14155550006": ("SENT", None, ["AMBIGUOUS"]),
    "+14155550007": ("FAILED", "opted_out", ["RECIPIENT"]),
    "+14155550008": ("FAILED", "attempts_exhausted", ["RETRY"] * 4),
}
TEXT = "Ofen 3: 85 °C — bitte prüfen!\nZeile zwei 🔥 "


@on_both_brokers
def test_every_row_is_right_and_the_recoverable_ones_come_through_by_retry(
    system: System, ledger: ProviderProcess
) -> None:
    system.environment["SENTINEL_MAX_ATTEMPTS"] = "4"
    ledger.script_recipients(PHONE_FAULTS)
    system.start_everything()

    texts = {f"+1415555{number:04}": TEXT for number in range(100)}
    ids = [system.post(channel="sms", recipient=phone, body=body)["id"] for phone, body in texts.items()]
    mails = system.post_batch(
        [
            {"channel": "email", "recipient": f"user{number}@example.com", "subject": "Ofen", "body": TEXT}
            for number in range(100)
        ]
    )
    eventually(have_ended, seconds=60, message=lambda: f"everything to end: {count_statuses()}")

    by_phone = {row(each).recipient: row(each) for each in ids}
    seen = {
        phone: (by_phone[phone].status, by_phone[phone].reason, [each.outcome for each in tries(by_phone[phone].id)])
        for phone in EXPECTED
    }
    assert seen == EXPECTED
    others = [found for phone, found in by_phone.items() if phone not in EXPECTED]
    assert {(found.status, found.attempts) for found in others} == {("SENT", 1)}
    assert {row(each).status for each in mails} == {"SENT"}
    _requests_are_the_real_ones(ledger.entries)

    ledger.script_recipients(PHONE_FAULTS | {"+14155550008": (NORMAL,)})
    answer = system.run("notifications", "retry", "--status", "FAILED", "--channel", "sms", "--yes")
    eventually(lambda: row(by_phone["+14155550008"].id).status == "SENT", seconds=30, message=answer.stdout)
    eventually(have_ended, seconds=30, message="the others to end again")
    invalid = row(by_phone["+14155550004"].id)
    assert (invalid.status, invalid.reason, invalid.attempts) == ("SUPPRESSED", "invalid", 1)
    assert Counter(entry.recipient for entry in ledger.entries)["+14155550000"] == 1


def _requests_are_the_real_ones(entries: list[Entry]) -> None:
    text = next(entry for entry in entries if entry.recipient == "+14155550000")
    basic = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    assert unquote(text.path) == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    headers = {name.lower(): value for name, value in text.headers.items()}
    assert headers["authorization"] == f"Basic {basic}"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert text.body["To"] == "+14155550000"
    assert text.body["From"] == "+15005550006"
    assert text.body["Body"] == TEXT
    mail = next(entry for entry in entries if entry.recipient == "user0@example.com")
    assert mail.path == "/v3/mail/send"
    assert mail.body["personalizations"][0]["to"] == [{"email": "user0@example.com"}]
    assert mail.body["content"] == [{"type": "text/plain", "value": TEXT}]
    assert mail.body["subject"] == "Ofen"
