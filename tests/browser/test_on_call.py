"""The page of who is on call in a real browser: bands of weeks, who stands in, policies in words."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.integration.console.on_call_story import people


def test_without_rotations(person: Page, look: Look) -> None:
    person.goto("/console/on-call")
    look(person, "on-call-empty")


def test_who_is_on_call_and_who_stands_in(person: Page, look: Look) -> None:
    people()
    person.goto("/console/on-call")
    look(person, "on-call")

    person.get_by_label("Who", exact=True).fill("nobody")
    person.get_by_role("button", name="Stand in").click()
    expect(person.get_by_label("Who", exact=True)).to_have_attribute("aria-invalid", "true")
    look(person, "on-call-refused")
    person.get_by_label("Who", exact=True).fill("ann")
    person.get_by_role("button", name="Stand in").click()
    expect(person.get_by_role("status")).to_contain_text("ann stands in on primary")

    person.get_by_role("button", name="Take back").first.click()
    person.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(person.get_by_role("status")).to_contain_text("Taken back")
