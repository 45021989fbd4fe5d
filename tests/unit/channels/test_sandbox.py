"""The provider that sends nothing."""

from __future__ import annotations

import pytest

from sentinel.channels.base import Outcome
from sentinel.channels.twilio_codes import CODES
from tests.unit.channels.conftest import mail, make_settings, send, sms

SETTINGS = {"sms_provider": "sandbox", "email_provider": "sandbox"}


def test_everything_is_accepted_and_labelled() -> None:
    receipts = send(make_settings(**SETTINGS), sms(id="n-7"), mail(id="n-8"), sms("+15005550006", id="n-9"))

    assert [receipt.outcome for receipt in receipts] == [Outcome.OK] * 3
    assert [receipt.provider_message_id for receipt in receipts] == ["sandbox-n-7", "sandbox-n-8", "sandbox-n-9"]
    assert all((receipt.detail or "").startswith("SIMULATED") for receipt in receipts)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+15005550001", 21211),
        ("+15005550002", 21612),
        ("+15005550003", 21408),
        ("+15005550004", 21610),
        ("+15005550009", 21614),
    ],
)
def test_the_magic_numbers_fail_as_they_do_at_twilio(number: str, code: int) -> None:
    receipt = send(make_settings(**SETTINGS), sms(number))[0]

    ruling = CODES[code]
    assert (receipt.outcome, receipt.reason, receipt.provider_code) == (ruling.outcome, ruling.reason, str(code))
    assert receipt.is_account_wide == ruling.is_account_wide
    assert f"errors/{code}" in (receipt.hint or "")
