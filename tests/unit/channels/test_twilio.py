"""Twilio: its codes, its fields, and the answers that are not what they should be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.channels.base import Outcome
from sentinel.channels.twilio_codes import CODES, MAGIC_NUMBERS
from sentinel.stand_ins import ACCOUNT_SID, ProviderStandIn, raw, refused
from tests.unit.channels.conftest import TWILIO, http_settings, send, sms

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"

# Written down here a second time on purpose: the table of the program must not change by accident.
EXPECTED = {
    Outcome.RETRY: {20429, 20503},
    Outcome.AMBIGUOUS: {20500},
    Outcome.RECIPIENT: {21211, 21214, 21217, 21265, 21268, 21610, 21612, 21614, 21635},
    Outcome.MESSAGE: {
        *(20001, 20422, 21602, 21605, 21617, 21618, 21619, 21620, 21623, 21654, 21656, 35115, 35118),
    },
    Outcome.CONFIG: {
        *(10001, 20003, 20005, 20006, 20008, 20403, 20404, 21212, 21408, 21601, 21603, 21606, 21607, 21608, 21609),
        *(21703, 21704, 21705),
    },
    Outcome.QUOTA: {14107, 21611, 60728, 63038},
}
ROWS = [(code, outcome) for outcome, codes in EXPECTED.items() for code in sorted(codes)]
STATUS_OF = {20003: 401, 20404: 404, 20429: 429, 20500: 500, 20503: 503, 63038: 429}


def test_the_table_has_these_rows_and_no_others() -> None:
    assert {code: ruling.outcome for code, ruling in CODES.items()} == dict(ROWS)


@pytest.mark.parametrize(("code", "outcome"), ROWS)
def test_each_code_has_its_outcome(stand_in: ProviderStandIn, code: int, outcome: Outcome) -> None:
    status = STATUS_OF.get(code, 400)

    receipt = TWILIO.receipt(stand_in, refused(status, code, "in Twilio's words"))

    assert (receipt.outcome, receipt.provider_code, receipt.http_status) == (outcome, str(code), status)
    assert receipt.reason == CODES[code].reason
    assert receipt.detail == "in Twilio's words"
    assert (receipt.hint or "").endswith(f"https://www.twilio.com/docs/errors/{code}")


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_is_in_the_reference(code: int) -> None:
    rows = re.findall(rf"^\| {code} \| (\w+) \| `(\w+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [(CODES[code].outcome.value, CODES[code].reason)]


@pytest.mark.parametrize("code", [21408, 21608])
def test_what_holds_for_one_destination_does_not_pause_the_account(stand_in: ProviderStandIn, code: int) -> None:
    assert not TWILIO.receipt(stand_in, refused(400, code)).is_account_wide
    assert TWILIO.receipt(stand_in, refused(401, 20003)).is_account_wide


def test_an_unsubscribed_recipient_is_told_apart(stand_in: ProviderStandIn) -> None:
    assert TWILIO.receipt(stand_in, refused(400, 21610)).reason == "opted_out"


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, Outcome.MESSAGE), (401, Outcome.CONFIG), (500, Outcome.AMBIGUOUS)]
)
def test_an_unknown_code_is_judged_by_its_status_and_still_linked(
    stand_in: ProviderStandIn, status: int, outcome: Outcome
) -> None:
    receipt = TWILIO.receipt(stand_in, refused(status, 29999))

    assert (receipt.outcome, receipt.provider_code) == (outcome, "29999")
    assert "https://www.twilio.com/docs/errors/29999" in (receipt.hint or "")


def test_an_error_in_the_form_of_rfc_9457_is_read(stand_in: ProviderStandIn) -> None:
    body = '{"type": "https://x", "title": "Invalid number", "status": 400, "code": 21211}'

    receipt = TWILIO.receipt(stand_in, raw(400, body))

    assert (receipt.outcome, receipt.provider_code, receipt.detail) == (Outcome.RECIPIENT, "21211", "Invalid number")


@pytest.mark.parametrize("body", ["", "\xff\xfe", "[]", '{"sid": null}', '{"sid": "SM1'])
def test_a_201_without_a_readable_body_was_accepted_all_the_same(stand_in: ProviderStandIn, body: str) -> None:
    receipt = TWILIO.receipt(stand_in, raw(201, body))

    assert (receipt.outcome, receipt.provider_message_id) == (Outcome.OK, None)
    assert "no message SID" in (receipt.detail or "")


def test_a_200_counts_only_with_a_message_sid(stand_in: ProviderStandIn) -> None:
    with_sid = TWILIO.receipt(stand_in, raw(200, '{"sid": "SM1"}'))
    without = TWILIO.receipt(stand_in, raw(200, "<html>welcome</html>"))

    assert (with_sid.outcome, with_sid.provider_message_id) == (Outcome.OK, "SM1")
    assert (without.outcome, without.reason) == (Outcome.MESSAGE, "unexpected_status")


@pytest.mark.parametrize(
    "body", ["  leads and trails  ", "two\nlines\r\n", "žluťoučký 🚨 ünï", "a&b=c%20+d;", "x" * 1600, "\t", "নমস্কার"]
)
def test_the_text_passes_through_unchanged(stand_in: ProviderStandIn, body: str) -> None:
    receipt = send(http_settings(stand_in.url), sms(body=body))[0]

    assert receipt.outcome == Outcome.OK
    assert [entry.text for entry in stand_in.entries] == [body]


def test_the_request_is_the_one_of_the_sdk(stand_in: ProviderStandIn) -> None:
    TWILIO.receipt(stand_in)

    entry = stand_in.entries[0]
    assert entry.path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    assert entry.body == {"To": "+14155552671", "From": "+15005550006", "Body": "disk is full"}
    assert entry.headers["user-agent"].startswith("twilio-python/")


def test_a_messaging_service_takes_the_place_of_the_number(stand_in: ProviderStandIn) -> None:
    settings = http_settings(stand_in.url, twilio_messaging_service_sid="MG" + "0" * 32)

    receipt = send(settings, sms())[0]

    assert receipt.outcome == Outcome.OK
    assert stand_in.entries[0].body["MessagingServiceSid"] == "MG" + "0" * 32
    assert "From" not in stand_in.entries[0].body


def test_edge_and_region_of_the_environment_do_not_change_the_host(
    stand_in: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")

    assert TWILIO.receipt(stand_in).outcome == Outcome.OK


def test_wrong_credentials_are_our_configuration(stand_in: ProviderStandIn) -> None:
    settings = http_settings(stand_in.url, twilio_auth_token="wrong")

    receipt = send(settings, sms())[0]

    assert (receipt.outcome, receipt.provider_code) == (Outcome.CONFIG, "20003")


@pytest.mark.parametrize(("number", "code"), MAGIC_NUMBERS.items())
def test_every_magic_number_has_a_code_of_the_table(number: str, code: int) -> None:
    assert number.startswith("+1500555")
    assert code in CODES
