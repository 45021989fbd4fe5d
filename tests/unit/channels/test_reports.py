"""What providers' reports mean: the tables row by row, and what is kept of a report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sentinel.channels import sendgrid_reports, twilio_reports
from sentinel.channels.base import Outcome
from sentinel.channels.reports import Again, Effect, Meaning
from sentinel.channels.twilio_reports import REPORTED_CODES, callback_url
from tests.unit.channels.conftest import SettingsOf

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOME_ID = "0193b0a0-0000-7000-8000-000000000001"

# Written down here a second time on purpose: the table of the program must not change by accident.
EXPECTED: dict[tuple[Outcome, Again, str | None], set[int]] = {
    (Outcome.RETRY, Again.SOON, None): {30001, 30017, 30020, 30021, 30022, 30036, 30410, 30500, 60005},
    (Outcome.RETRY, Again.LATER, None): {30003, 30008},
    (Outcome.QUOTA, Again.NEXT_DAY, None): {30023, 30027},
    (Outcome.QUOTA, Again.HALF_HOUR, None): {30450},
    (Outcome.RECIPIENT, Again.LATER, "invalid"): {30004},
    (Outcome.RECIPIENT, Again.NEVER, "invalid"): {30005, 30006},
    (Outcome.MESSAGE, Again.NEVER, None): {30007, 30019},
    (Outcome.CONFIG, Again.NEVER, None): {30002, 30018, 30024, 30032, 30033, 30034},
}
ROWS = [(code, *meant) for meant, codes in EXPECTED.items() for code in sorted(codes)]


def test_the_table_of_twilio_has_these_rows_and_no_others() -> None:
    assert set(REPORTED_CODES) == {code for code, *_ in ROWS}


@pytest.mark.parametrize("word", ["undelivered", "failed"])
@pytest.mark.parametrize(("code", "outcome", "again", "suppresses"), ROWS)
def test_each_code_has_its_meaning(
    code: int, outcome: Outcome, again: Again, suppresses: str | None, word: str
) -> None:
    meaning = twilio_reports.meaning_of(word, str(code), {})

    assert (meaning.effect, meaning.outcome, meaning.again) == (Effect.UNDELIVERED, outcome, again)
    assert meaning.suppresses == suppresses
    assert meaning.reason


@pytest.mark.parametrize(
    ("code", "reason", "again", "suppresses"),
    [
        ("21610", "opted_out", Again.NEVER, "opted_out"),
        ("21211", "invalid_number", Again.NEVER, "invalid"),
        ("20429", "rate_limited", Again.SOON, None),
        ("21408", "country_not_enabled", Again.NEVER, None),
    ],
)
def test_a_code_of_sending_means_the_same_when_it_is_reported(
    code: str, reason: str, again: Again, suppresses: str | None
) -> None:
    meaning = twilio_reports.meaning_of("failed", code, {})

    assert (meaning.reason, meaning.again, meaning.suppresses) == (reason, again, suppresses)


@pytest.mark.parametrize("code", [None, "", "99999", "no number", "٣٠٠٠٣"])
def test_an_unknown_code_is_an_end_without_another_send(code: str | None) -> None:
    assert twilio_reports.meaning_of("undelivered", code, {}) == Meaning(Effect.UNDELIVERED, "undelivered")


@pytest.mark.parametrize(
    ("word", "effect"),
    [
        *((word, Effect.ACCEPTED) for word in ("accepted", "scheduled", "queued", "sending", "sent")),
        *((word, Effect.DELIVERED) for word in ("delivered", "read")),
        *((word, Effect.UNDELIVERED) for word in ("undelivered", "failed", "canceled")),
        *((word, Effect.NOTHING) for word in ("receiving", "received", "partially_delivered", "")),
    ],
)
def test_each_word_of_twilio_has_its_effect(word: str, effect: Effect) -> None:
    assert twilio_reports.meaning_of(word, None, {}).effect is effect


DROPPED_AND_BOUNCED = [
    ("bounce", {"type": "bounce"}, "bounced", Again.NEVER, "bounced"),
    ("bounce", {}, "bounced", Again.NEVER, "bounced"),
    ("bounce", {"type": "blocked"}, "blocked", Again.LATER, None),
    ("dropped", {"reason": "Bounced Address"}, "bounced", Again.NEVER, "bounced"),
    ("dropped", {"reason": "Unsubscribed Address"}, "opted_out", Again.NEVER, "opted_out"),
    ("dropped", {"reason": "Spam Reporting Address"}, "complaint", Again.NEVER, "complaint"),
    ("dropped", {"reason": "Invalid"}, "invalid_address", Again.NEVER, "invalid"),
    ("dropped", {"reason": "Invalid SMTPAPI header"}, "invalid_header", Again.NEVER, None),
    ("dropped", {"reason": "Spam Content (if Spam Checker app enabled)"}, "spam_content", Again.NEVER, None),
    ("dropped", {"reason": "Recipient List over Package Quota"}, "quota", Again.NEXT_DAY, None),
    ("dropped", {"reason": "something new"}, "dropped", Again.NEVER, None),
]


@pytest.mark.parametrize(("word", "body", "reason", "again", "suppresses"), DROPPED_AND_BOUNCED)
def test_each_end_of_a_mail_has_its_meaning(
    word: str, body: dict[str, str], reason: str, again: Again, suppresses: str | None
) -> None:
    meaning = sendgrid_reports.meaning_of(word, None, body)

    assert meaning.effect is Effect.UNDELIVERED
    assert (meaning.reason, meaning.again, meaning.suppresses) == (reason, again, suppresses)


@pytest.mark.parametrize(
    ("word", "effect", "suppresses"),
    [
        ("processed", Effect.ACCEPTED, None),
        ("deferred", Effect.ACCEPTED, None),
        ("delivered", Effect.DELIVERED, None),
        ("spamreport", Effect.NOTHING, "complaint"),
        ("unsubscribe", Effect.NOTHING, "opted_out"),
        ("group_unsubscribe", Effect.NOTHING, "opted_out"),
        ("group_resubscribe", Effect.NOTHING, None),
        ("open", Effect.NOTHING, None),
        ("click", Effect.NOTHING, None),
    ],
)
def test_each_event_of_sendgrid_has_its_effect(word: str, effect: Effect, suppresses: str | None) -> None:
    meaning = sendgrid_reports.meaning_of(word, None, {})

    assert (meaning.effect, meaning.suppresses) == (effect, suppresses)


def test_only_trouble_with_our_account_is_for_the_operator() -> None:
    concerning = {code for code, meaning in REPORTED_CODES.items() if meaning.concerns_account}

    assert concerning == {30002, 30018, 30024, 30032, 30033, 30034, 30023, 30027, 30450}


def test_of_a_status_callback_neither_the_text_nor_the_numbers_are_kept() -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "Delivered", "To": "+14155552671", "From": "+1", "Body": "secret"}

    report = twilio_reports.read(form, SOME_ID, now=NOW)

    assert report is not None
    assert report.body == {"MessageSid": "SM1", "MessageStatus": "Delivered"}
    assert (report.kind, report.event_id, report.notification_id) == ("delivered", "SM1:delivered:", SOME_ID)


@pytest.mark.parametrize(
    "form", [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent"}, {"SmsSid": "", "SmsStatus": ""}]
)
def test_a_form_about_no_message_is_no_report(form: dict[str, str]) -> None:
    assert twilio_reports.read(form, SOME_ID, now=NOW) is None


def test_what_cannot_be_stored_is_left_out_of_a_report() -> None:
    form = {"MessageSid": "SM\x001", "MessageStatus": "se\x00nt" + "x" * 99, "ErrorMessage": "a\x00\nb" + "c" * 999}

    report = twilio_reports.read(form, "no id", now=NOW)

    assert report is not None
    assert report.notification_id is None
    assert len(report.kind) <= 50
    assert "\x00" not in f"{report.event_id}{report.kind}{report.body}"


EVENT: dict[str, Any] = {
    "event": "bounce",
    "type": "bounce",
    "status": "5.1.1",
    "reason": "550 no such user",
    "email": "a@example.com",
    "ip": "192.0.2.7",
    "sg_event_id": "e-1",
    "sg_message_id": "m-1.recvd-2",
    "notification_id": SOME_ID,
    "timestamp": 1_795_262_400,
}


def test_of_an_event_neither_the_address_nor_the_reader_is_kept() -> None:
    report = sendgrid_reports.read(EVENT, now=NOW)

    assert report is not None
    assert set(report.body) == {"event", "type", "status", "reason", "sg_message_id"}
    assert (report.kind, report.code, report.message_id) == ("bounce", "5.1.1", "m-1.recvd-2")
    assert report.occurred_at == datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "delivered",
        {},
        EVENT | {"notification_id": None},
        EVENT | {"notification_id": "of another program"},
        EVENT | {"sg_event_id": 7},
        EVENT | {"event": ["bounce"]},
    ],
)
def test_an_event_about_no_mail_of_ours_is_no_report(event: Any) -> None:
    assert sendgrid_reports.read(event, now=NOW) is None


@pytest.mark.parametrize("timestamp", [None, "soon", -1, 2**40, True, 1e99])
def test_an_event_without_a_time_happened_now(timestamp: Any) -> None:
    report = sendgrid_reports.read(EVENT | {"timestamp": timestamp}, now=NOW)

    assert report is not None
    assert report.occurred_at == NOW


@pytest.mark.parametrize(
    ("public", "twilio", "expected"),
    [
        (
            "https://s.example.com",
            "https://api.twilio.com",
            f"https://s.example.com/callbacks/twilio?notification_id={SOME_ID}",
        ),
        (
            "https://s.example.com/in",
            "https://api.twilio.com",
            f"https://s.example.com/in/callbacks/twilio?notification_id={SOME_ID}",
        ),
        ("", "https://api.twilio.com", None),
        ("http://s.example.com", "https://api.twilio.com", None),
        ("https://localhost:8000", "https://api.twilio.com", None),
        ("http://127.0.0.1:8000", "https://api.twilio.com", None),
        (
            "http://127.0.0.1:8000",
            "http://127.0.0.1:9",
            f"http://127.0.0.1:8000/callbacks/twilio?notification_id={SOME_ID}",
        ),
    ],
)
def test_twilio_is_told_only_addresses_that_it_can_reach(
    public: str, twilio: str, expected: str | None, settings_of: SettingsOf
) -> None:
    settings = settings_of(public_base_url=public, twilio_api_base_url=twilio)

    assert callback_url(settings, SOME_ID) == expected
