"""Which receipts say that an address is dead, row by row; every other refusal leaves it alone."""

from __future__ import annotations

import pytest

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.smtp_replies import ruling_for
from sentinel.channels.twilio_codes import CODES
from sentinel.services.sending.learning import verdict

DEAD_NUMBERS = {21211, 21217, 21265, 21268, 21614, 21635}
OPTED_OUT = 21610


@pytest.mark.parametrize("code", CODES)
def test_of_twilios_codes_those_about_the_number_itself_suppress_it(code: int) -> None:
    ruling = CODES[code]

    found = verdict("twilio", Receipt(ruling.outcome, ruling.reason, provider_code=str(code)))

    assert found == {OPTED_OUT: "opted_out"}.get(code, "invalid" if code in DEAD_NUMBERS else None)


SMTP_REPLIES = [
    (550, "5.1.1 <nobody@example.com>: Recipient address rejected: User unknown", "invalid"),
    (550, "5.1.2 Host unknown", "invalid"),
    (553, "5.1.3 Bad destination mailbox address syntax", "invalid"),
    (551, "5.1.6 Mailbox has moved", "invalid"),
    (556, "5.1.10 Recipient address has null MX", "invalid"),
    (550, "5.1.8 Bad sender's system address", None),
    (550, "5.2.1 Mailbox disabled", None),
    (550, "5.7.1 Relaying denied", None),
    (550, "Your address is on a block list", None),
    (554, "Rejected", None),
    (450, "4.1.1 Try later", None),
]


@pytest.mark.parametrize(("code", "words", "expected"), SMTP_REPLIES)
def test_a_mail_server_must_say_that_the_mailbox_is_not_there(code: int, words: str, expected: str | None) -> None:
    ruling = ruling_for("rcpt", code, words)

    assert verdict("smtp", Receipt(ruling.outcome, ruling.reason, detail=words)) == expected


@pytest.mark.parametrize("provider", ["slack", "webhook", "inbox"])
def test_channels_whose_targets_are_mended_where_they_are_suppress_nothing(provider: str) -> None:
    for reason in ("channel_not_found", "endpoint_gone", "user_not_found", "opted_out", None):
        assert verdict(provider, Receipt(Outcome.RECIPIENT, reason)) is None


def test_sendgrid_suppresses_what_is_no_address() -> None:
    assert verdict("sendgrid", Receipt(Outcome.RECIPIENT, "invalid_address")) == "invalid"
    assert verdict("sendgrid", Receipt(Outcome.CONFIG, "invalid_sender")) is None
