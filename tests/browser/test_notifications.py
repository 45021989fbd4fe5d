"""The screen Notifications in a real browser: as it looks, and what lives on it."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.browser.messages import LONG, MANY, entry, many, message
from tests.integration.calls import execute
from tests.integration.rules import post, rule

LIST = "/console/notifications"


def test_a_list_of_many_kinds(person: Page, look: Look) -> None:
    many(3)

    person.goto(LIST)

    expect(person.get_by_role("row")).to_have_count(3 * len(MANY) + 1)
    look(person, "notifications-list")


def test_without_any_it_says_how_to_begin(person: Page, look: Look) -> None:
    person.goto(LIST)

    expect(person.get_by_text("No notifications yet")).to_be_visible()
    look(person, "notifications-empty")


def test_filters_that_are_not_understood_say_so(person: Page, look: Look) -> None:
    person.goto(f"{LIST}?since=yesterday&status=FAILED&status=UNDELIVERED")

    expect(person.get_by_role("alert")).to_contain_text("since: yesterday is not a time")
    look(person, "notifications-error")


def test_statuses_are_chosen_by_keyboard_and_stand_in_the_address(person: Page) -> None:
    many(1)
    person.goto(LIST)

    person.get_by_label("failed", exact=True).press("Space")
    person.get_by_role("button", name="Show").press("Enter")

    person.wait_for_url("**status=FAILED**")
    expect(person.get_by_role("row")).to_have_count(3)
    expect(person.get_by_label("failed", exact=True)).to_be_checked()


def test_new_ones_are_announced_and_shown_on_demand(person: Page) -> None:
    message()
    person.goto(f"{LIST}?channel=sms")

    message(recipient="+4915112345678", age=timedelta())

    person.get_by_role("link", name="1 new: show").click()
    expect(person.get_by_role("row")).to_have_count(3)


def test_the_story_of_one_that_failed(person: Page, look: Look) -> None:
    asks = 'when severity in ["high", "critical"] and source == "checkout" then notify("sms:+4915112345678")'
    rule_id = rule(asks, "checkout")
    (event_id,) = post({"severity": "high", "source": "checkout", "name": "latency", "p99_ms": 2140}, of="payments")
    said = (
        "RECIPIENT",
        400,
        "21610",
        "Attempt to send to unsubscribed recipient",
        "Use another channel for this person.",
    )
    notification_id = message(
        recipient="+4915112345678",
        subject="Latency of checkout",
        body=LONG,
        status="FAILED",
        reason="attempts_exhausted",
        provider="twilio",
        said=said,
        event_id=event_id,
        severity="high",
        rule_ids=[rule_id],
        user_id="user-17",
        dedupe_key="checkout-latency",
        attempts=2,
        age=timedelta(seconds=0),
        details={"runbook": "https://runbooks.example/checkout", "team": "payments"},
    )
    entry(notification_id, "deferred", timedelta(0), reason="rate_limited", until="2026-11-30T20:00:00+00:00")

    person.goto(f"{LIST}/{notification_id}")

    expect(person.get_by_role("heading", name="Rule “checkout” asked for it")).to_be_visible()
    look(person, "notification-failed")


def test_the_story_of_one_that_waits_goes_on_by_itself(person: Page, look: Look) -> None:
    (waiting,) = [each for each in MANY if each.get("status") == "RETRYING"]
    notification_id = message(age=timedelta(seconds=40), **waiting)
    person.goto(f"{LIST}/{notification_id}")
    expect(person.get_by_text("Next try at")).to_be_visible()
    look(person, "notification-waiting")

    execute(
        "UPDATE notifications SET status = 'SENT', reason = NULL, next_attempt_at = NULL, queue_at = NULL"
        " WHERE id = :id",
        id=notification_id,
    )

    expect(person.get_by_role("heading", name="Sent by twilio")).to_be_visible()


def test_one_is_mended_and_started_over(person: Page, look: Look) -> None:
    (failed,) = [each for each in MANY if each.get("reason") == "invalid_number"]
    notification_id = message(**failed)
    person.goto(f"{LIST}/{notification_id}")
    person.get_by_role("link", name="Mend and start over").click()

    person.get_by_label("Recipient").fill("12")
    person.get_by_role("button", name="Save and start over").click()
    expect(person.get_by_label("Recipient")).to_have_attribute("aria-invalid", "true")
    look(person, "notification-edit")
    person.get_by_label("Recipient").fill("+81 90 1234 5679")
    person.get_by_role("button", name="Save and start over").click()

    expect(person.get_by_role("status").first).to_contain_text("Mended and started over")
    expect(person.get_by_role("heading", level=1)).to_have_text("+819012345679")
    expect(person.get_by_role("heading", name="Mended")).to_be_visible()


def test_what_is_cancelled_is_asked_about_before(person: Page) -> None:
    (waiting,) = [each for each in MANY if each.get("status") == "RETRYING"]
    person.goto(f"{LIST}/{message(**waiting)}")

    person.get_by_role("button", name="Cancel").click()
    person.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    expect(person.get_by_role("heading", name="Cancelled").first).to_be_visible()
