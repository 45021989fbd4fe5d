"""The screen Dead letter in a real browser: causes, choosing, and a replay whose bar moves by itself."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.browser.messages import MANY, message

HOME = "/console/dead-letters"
BADLY = [each for each in MANY if each.get("status") in ("FAILED", "UNDELIVERED")]


def letters(times: int = 6) -> None:
    """Store letters of several causes, each cause less often than the one before."""
    for number, each in enumerate(BADLY):
        for turn in range(times // (number + 1)):
            message(age=timedelta(hours=3 * number + turn, minutes=7), **each)


def test_causes(person: Page, look: Look) -> None:
    letters()

    person.goto(HOME)

    expect(person.get_by_text("11 letters in 3 groups")).to_be_visible()
    look(person, "dead-letters")


def test_without_any_all_is_well(person: Page, look: Look) -> None:
    person.goto(HOME)

    expect(person.get_by_text("No dead letters")).to_be_visible()
    look(person, "dead-letters-empty")


def test_a_filter_that_is_not_understood_says_so(person: Page, look: Look) -> None:
    person.goto(f"{HOME}?since=yesterday")

    expect(person.get_by_role("alert")).to_contain_text("since")
    look(person, "dead-letters-error")


def test_letters_are_chosen_and_started_over(person: Page, look: Look) -> None:
    letters()
    person.goto(f"{HOME}/letters")
    person.get_by_role("checkbox").nth(0).check()
    person.get_by_role("button", name="Choose all on this page").click()
    expect(person.get_by_text("11 chosen")).to_be_visible()
    look(person, "dead-letters-choose")

    person.get_by_role("button", name="Start the chosen ones over").click()
    expect(person.get_by_role("heading", name="11 letters would start over")).to_be_visible()
    look(person, "dead-letters-ask")
    person.get_by_role("button", name="Start 11 over").click()

    expect(person.get_by_role("status").first).to_contain_text("11 start over")


def test_a_replay_goes_on_by_itself_and_can_be_stopped(person: Page, look: Look) -> None:
    for turn in range(40):
        message(age=timedelta(minutes=turn), status="FAILED", reason="attempts_exhausted", provider="twilio")
    person.goto(f"{HOME}/replay?rate=2")
    person.get_by_role("button", name="Start 40 over").click()

    bar = person.get_by_role("progressbar")
    expect(bar).to_be_visible()
    expect(bar).not_to_have_attribute("value", bar.get_attribute("value") or "0")
    look(person, "replay-running")
    person.get_by_role("button", name="Stop").click()
    person.get_by_role("dialog").get_by_role("button", name="Stop").click()

    expect(person.get_by_role("status").first).to_contain_text("letters stay as they are")
    look(person, "replay-stopped")
    person.goto(f"{HOME}/replays")
    look(person, "replays")
