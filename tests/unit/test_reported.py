"""What follows from reports: whatever their order, and however often they come, a message ends the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels import sendgrid_reports, twilio_reports
from sentinel.channels.reports import Meaning
from sentinel.models.status import ALLOWED, Status
from sentinel.services.reporting.reported import Clock, Fate, Reading, Standing, Try, follow
from sentinel.settings import Settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CLOCK = Clock(NOW, Settings(database_url="postgresql://x/y", redis_url="redis://x"))  # type: ignore[arg-type]

Said = tuple[str | None, Meaning]
"""What a report says, and of which message."""


def said(word: str, code: int | None = None, sid: str | None = "A") -> Said:
    return sid, twilio_reports.meaning_of(word, str(code) if code else None, {})


def mail(word: str, sid: str = "A", **body: str) -> Said:
    return sid, sendgrid_reports.meaning_of(word, None, body)


def sent(*ids: str | None, status: Status = Status.SENT, expires_at: datetime | None = None) -> Standing:
    """A notification that was accepted under these ids, one try after the other; None: in doubt."""
    tries = (Try(number, "twilio", "OK" if sid else "AMBIGUOUS", sid) for number, sid in enumerate(ids, start=1))
    return Standing(status, tuple(tries), expires_at)


def read(standing: Standing, reports: Sequence[Said]) -> list[Reading]:
    readings = []
    for sid, meaning in reports:
        reading = follow(standing, "twilio", sid, meaning, CLOCK)
        if reading.standing.status is not standing.status:
            assert reading.standing.status in ALLOWED[standing.status]
        standing = reading.standing
        readings.append(reading)
    return readings


def end(standing: Standing, reports: Sequence[Said]) -> tuple[Status, str | None]:
    final = read(standing, reports)[-1].standing
    return final.status, final.reason


ENDS = [
    (said("delivered"), Status.DELIVERED, None),
    (said("undelivered", 30005), Status.UNDELIVERED, "unknown_handset"),
    (said("failed", 30034), Status.UNDELIVERED, "unregistered_sender"),
    (said("undelivered", 30003), Status.RETRYING, "unreachable_handset"),
    (said("failed"), Status.UNDELIVERED, "failed"),
    (mail("bounce", type="bounce"), Status.UNDELIVERED, "bounced"),
    (mail("bounce", type="blocked"), Status.RETRYING, "blocked"),
    (mail("dropped", reason="Unsubscribed Address"), Status.UNDELIVERED, "opted_out"),
]
BETWEEN = [said("queued"), said("sending"), said("sent"), mail("processed"), mail("deferred"), mail("open")]


@pytest.mark.parametrize("standing", [sent("A"), sent(None, status=Status.AMBIGUOUS)])
@given(
    last=st.sampled_from(ENDS),
    others=st.lists(st.sampled_from(BETWEEN), max_size=6),
    repeats=st.integers(0, 3),
    random=st.randoms(use_true_random=False),
)
def test_any_order_and_repetition_of_a_messages_reports_ends_the_same(
    standing: Standing, last: tuple[Said, Status, str | None], others: list[Said], repeats: int, random: object
) -> None:
    report, status, reason = last
    reports = [*others, *[report] * (repeats + 1)]
    random.shuffle(reports)  # type: ignore[attr-defined]

    assert end(standing, reports) == (status, reason)


@given(
    late=st.lists(
        st.sampled_from([said("sent"), said("queued"), said("undelivered", 30003), said("failed", 30005)]), max_size=5
    ),
    last=st.sampled_from(ENDS[:5]),
    random=st.randoms(use_true_random=False),
)
def test_late_reports_of_an_earlier_send_change_nothing_of_the_later_one(
    late: list[Said], last: tuple[Said, Status, str | None], random: object
) -> None:
    (_, meaning), status, reason = last
    reports: list[Said] = [*late, ("B", meaning)]
    random.shuffle(reports)  # type: ignore[attr-defined]
    expected = (Status.UNDELIVERED, reason) if status is Status.RETRYING else (status, reason)

    assert end(sent("A", "B"), reports) == expected, "30003 is tried once more only"


def test_an_earlier_send_that_arrived_after_all_is_the_end() -> None:
    for status in (Status.SENT, Status.RETRYING):
        assert end(sent("A", "B", status=status), [said("delivered")]) == (Status.DELIVERED, None)


def test_a_report_during_another_send_waits_for_its_end() -> None:
    sending = sent("A", status=Status.SENDING)

    assert read(sending, [said("delivered")])[0].fate is Fate.WAITS
    assert read(sending, [said("sent", sid="B")])[0].fate is Fate.WAITS
    assert read(sending, [said("undelivered", 30003)])[0].fate is Fate.IGNORED


def test_a_report_of_an_unknown_message_waits() -> None:
    (reading,) = read(sent("A"), [said("delivered", sid="X")])

    assert (reading.fate, reading.standing.status) == (Fate.WAITS, Status.SENT)


@pytest.mark.parametrize("status", [Status.AMBIGUOUS, Status.RETRYING])
def test_a_send_in_doubt_is_settled_by_its_report(status: Status) -> None:
    (reading,) = read(sent(None, status=status), [said("queued", sid="X")])

    assert (reading.standing.status, reading.standing.message_id) == (Status.SENT, "X")
    assert reading.adopted == Try(1, "twilio", "AMBIGUOUS", "X")


def test_a_report_of_another_provider_settles_nothing() -> None:
    for standing in (sent(None, status=Status.AMBIGUOUS), sent("A")):
        assert follow(standing, "sendgrid", *mail("delivered"), CLOCK).fate is Fate.WAITS


def test_a_doubt_that_waits_for_its_second_send_is_not_put_off_by_a_failure() -> None:
    (reading,) = read(sent(None, status=Status.RETRYING), [said("undelivered", 30001)])

    assert (reading.fate, reading.standing.status, reading.standing.due_at) == (Fate.APPLIED, Status.RETRYING, None)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.SUPPRESSED, Status.UNDELIVERED])
@pytest.mark.parametrize("word", ["sent", "delivered", "undelivered"])
def test_no_report_moves_what_has_ended(status: Status, word: str) -> None:
    (reading,) = read(sent("A", status=status), [said(word, 30005)])

    assert (reading.fate, reading.standing.status, reading.is_suppressing) == (Fate.IGNORED, status, False)


def waits_of(*ids: str, code: int) -> float | None:
    (reading,) = read(sent(*ids), [said("undelivered", code, sid=ids[-1])])
    due_at = reading.standing.due_at
    return None if due_at is None else (due_at - NOW).total_seconds()


@pytest.mark.parametrize(
    ("ids", "shortest", "longest"), [(("A",), 54, 66), (("A", "B"), 540, 660), (("A", "B", "C"), None, None)]
)
def test_what_was_lost_on_the_way_is_sent_twice_more(
    ids: tuple[str, ...], shortest: float | None, longest: float | None
) -> None:
    wait = waits_of(*ids, code=30001)

    if shortest is None or longest is None:
        assert wait is None
    else:
        assert wait is not None
        assert shortest <= wait <= longest


@pytest.mark.parametrize("code", [30003, 30004, 30008])
def test_a_recipient_out_of_reach_is_tried_once_more_after_half_an_hour_to_an_hour(code: int) -> None:
    wait = waits_of("A", code=code)

    assert wait is not None
    assert 1800 <= wait <= 3600
    assert waits_of("A", "B", code=code) is None


def test_a_daily_cap_is_waited_for_until_midnight_on_the_pacific_coast() -> None:
    wait = waits_of("A", code=30023)

    assert wait is not None  # 12:00 UTC is 04:00 there
    assert timedelta(hours=20, minutes=27) <= timedelta(seconds=wait) <= timedelta(hours=20, minutes=33)


def test_a_fraud_block_is_waited_for() -> None:
    wait = waits_of("A", code=30450)

    assert wait is not None
    assert 29 * 60 <= wait <= 37 * 60


def test_no_second_send_comes_after_the_expiry() -> None:
    standing = sent("A", expires_at=NOW + timedelta(seconds=30))

    assert end(standing, [said("undelivered", 30001)]) == (Status.UNDELIVERED, "queue_overflow")


@pytest.mark.parametrize(
    ("report", "ids"),
    [
        (said("undelivered", 30005), ("A",)),
        (said("undelivered", 30004, sid="B"), ("A", "B")),
        (mail("bounce", type="bounce"), ("A",)),
        (mail("spamreport"), ("A",)),
    ],
)
def test_an_address_is_left_alone_once_it_is_known_to_be_bad(report: Said, ids: tuple[str, ...]) -> None:
    assert read(sent(*ids), [report])[0].is_suppressing


@pytest.mark.parametrize(
    ("report", "ids"), [(said("undelivered", 30004), ("A",)), (said("undelivered", 30005), ("A", "B"))]
)
def test_an_address_that_gets_another_send_is_not_left_alone(report: Said, ids: tuple[str, ...]) -> None:
    assert not read(sent(*ids), [report])[0].is_suppressing


def test_a_mail_that_comes_back_after_its_delivery_stays_delivered_but_its_address_is_left_alone() -> None:
    delivered, bounced = read(sent("A"), [mail("delivered"), mail("bounce", type="bounce")])

    assert (delivered.standing.status, bounced.standing.status) == (Status.DELIVERED, Status.DELIVERED)
    assert bounced.is_suppressing


def test_sendgrids_own_addition_to_the_id_is_left_out() -> None:
    (reading,) = read(sent("A"), [mail("delivered", sid="A.recvd-1-2.0")])

    assert reading.standing.status is Status.DELIVERED
    assert read(sent("A"), [mail("delivered", sid="AB.recvd")])[0].fate is Fate.WAITS
