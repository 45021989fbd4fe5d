"""The story of a notification in words: no kind of entry is left without, and nothing breaks on what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.models import Notification
from sentinel.models.status import FINAL, Reason, Status
from sentinel.services.notifications import TimelineItem
from sentinel.services.watching.stories import Story
from sentinel.web.screens.notifications.reasons import MEANINGS, meaning, words
from sentinel.web.screens.notifications.standing import standing
from sentinel.web.screens.notifications.story import chapter, chapters

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
LATER = timedelta(hours=1)
ID = "01a1fb48-f215-709c-a297-55cf8a318234"


def item(event: str, **detail: Any) -> TimelineItem:
    return TimelineItem(NOW, event, detail)


def told(*items: TimelineItem, **columns: Any) -> Story:
    values = {"id": ID, "status": "PENDING", "channel": "sms", "attempts": 0, "created_at": NOW, "queue_at": NOW}
    row = Notification(**values | columns)
    return Story(row, "shop", items, event=None, rules=[], endpoint=None, silence=None, successor=None)


def test_every_reason_of_ours_has_a_meaning() -> None:
    assert set(Reason) - set(MEANINGS) == set()


def test_a_reason_of_a_provider_is_said_as_it_is() -> None:
    assert (words("http_503"), meaning("http_503"), words(None)) == ("HTTP 503", "", "")


@pytest.mark.parametrize(
    ("entry", "title", "words_in"),
    [
        (item("accepted", channel="sms"), "Accepted", "sms"),
        (item("scheduled", send_at=NOW), "For later", "2026-11-20 18:00:00"),
        (item("deferred", reason="rate_limited", until=NOW.isoformat()), "Put off: rate limited", "limit"),
        (item("deferred", reason="limiter_down"), "Put off: limiter down", "counts limits"),
        (item("held", group_id=ID), "Held to be told with others", "group"),
        (item("held", reason="rate_limited", group_id=ID, until=None), "Held: rate limited", "with others"),
        (item("gathered", group_id=ID, tells=[ID]), "Made by a group", "1 held notification in"),
        (item("released", group_id=ID), "Let go by its group", "as it is"),
        (item("retried"), "Started over", "fresh allowance"),
        (item("edited", by="ann", changed=["body"], subject_was="Old"), "Mended", "ann changed body. Before: subject"),
        (item("cancelled"), "Cancelled", "Somebody"),
        (item("cancelled", ticket_id=7, because="acknowledged"), "Taken back", "Ticket 7"),
        (item("address_suppressed", reason="bounced"), "The address is left alone", "came back"),
        (item("endpoint_disabled", endpoint_id=7), "Its endpoint was switched off", "gone"),
        (item("doubt_decided", policy="at_most_once", lookups=2, is_missing=True), "The doubt was decided", "2 times"),
        (item("reconciled", provider="twilio"), "Found at the provider", "twilio"),
        (item("failed_over", channel="email", notification_id=ID), "Another target took over", "By email."),
        (item("failed_over", reason="no other target is left"), "No other target took over", "No other target is left"),
        (item("reported", provider="twilio", kind="delivered", result="APPLIED"), "twilio reports: delivered", "moved"),
        (item("suppressed", reason="duplicate", duplicate_of=ID), "Suppressed: duplicate", "dedupe key"),
        (item("sent"), "Sent", ""),
    ],
)  # fmt: skip
def test_each_kind_of_entry_is_said_in_words(entry: TimelineItem, title: str, words_in: str) -> None:
    found = chapter(entry)

    assert found.title == title
    assert words_in in found.text


def test_a_kind_that_is_not_known_yet_is_shown_as_it_is() -> None:
    found = chapter(item("moon_phase", phase="full"))

    assert (found.title, found.facts) == ("Moon phase", ("phase: full",))


def test_a_try_has_the_words_of_the_provider_apart_from_ours() -> None:
    found = chapter(
        item("attempted", number=2, provider="twilio", outcome="RECIPIENT", provider_code="21211", hint="Correct it.",
             http_status=400, detail="not a phone number", duration_ms=187, reason="invalid_number")
    )  # fmt: skip

    assert found.title == "Try 2: twilio refused the recipient"
    assert (found.text, found.quote) == ("Correct it.", "not a phone number")
    assert found.facts == ("HTTP 400", "code 21211", "invalid number", "187 ms")


@pytest.mark.parametrize(
    ("columns", "title", "following"),
    [
        ({"status": "PENDING"}, "On its way", "queued again"),
        ({"status": "PENDING", "next_attempt_at": NOW + timedelta(hours=1), "reason": "rate_limited"}, "Waits", "sent"),
        ({"status": "PENDING", "group_id": ID, "queue_at": NOW + timedelta(hours=1)}, "Waits", "group is told"),
        ({"status": "RETRYING", "attempts": 1, "next_attempt_at": NOW + LATER}, "Waits for another try", "try"),
        ({"status": "SENDING", "lease_until": NOW}, "Being sent right now", "vanishes"),
        ({"status": "AMBIGUOUS"}, "In doubt", "decided"),
        ({"status": "SENT", "provider": "twilio"}, "Sent by twilio", "accepted"),
        ({"status": "FAILED", "reason": "expired"}, "Failed: expired", "by itself"),
        ({"status": "SUPPRESSED", "reason": "silenced"}, "Not sent: silenced", ""),
        ({"status": "CANCELLED"}, "Cancelled", ""),
    ],
)  # fmt: skip
def test_it_is_said_where_it_stands_and_what_comes_next(columns: dict[str, Any], title: str, following: str) -> None:
    found = standing(told(**columns), now=NOW)

    assert found.title == title
    assert following in found.next


def test_what_a_provider_said_last_stands_for_its_reason() -> None:
    tried = item("attempted", number=1, provider="twilio", outcome="RETRY", detail="Service Unavailable")

    assert standing(told(tried, status="FAILED", reason="http_503"), now=NOW).text == "Service Unavailable"


@given(
    status=st.sampled_from(list(Status)),
    reason=st.none() | st.sampled_from(list(Reason)) | st.text(max_size=30),
    wait=st.none() | st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=3)),
    attempts=st.integers(0, 9),
)
def test_whatever_its_columns_hold_it_has_a_title_and_a_time_where_it_waits(
    status: Status, reason: str | None, wait: timedelta | None, attempts: int
) -> None:
    due = None if wait is None else NOW + wait
    story = told(status=status, reason=reason, attempts=attempts, next_attempt_at=due, lease_until=NOW)

    found = standing(story, now=NOW)

    assert found.title
    assert (found.next_at is None) == (status in FINAL)
    assert chapters(story) == []
