"""The pages of silences in a real browser: what is quiet, what fires, a form that says what it matches as one types."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NARROW, Look
from tests.integration.console.on_call_story import PLANT, SHOP, quiet, silence
from tests.system import System

PATIENT = 30_000
"""Milliseconds for what is asked for a moment after the last key, however slow the machine is."""


def test_without_silences(person: Page, look: Look) -> None:
    person.goto("/console/silences")
    look(person, "silences-empty")
    person.goto("/console/silences/new")
    look(person, "silence-new-empty")


def test_what_is_quiet_what_fires_and_one_silence(person: Page, look: Look) -> None:
    quiet()
    person.goto("/console/silences?state=")
    look(person, "silences")

    person.get_by_role("link", name="Show the silence of service").click()
    expect(person.get_by_role("heading", name="Silence of shop")).to_be_visible()
    look(person, "silence")


def test_a_silence_is_made_of_an_alert_and_previewed_as_it_changes(person: Page, look: Look) -> None:
    quiet()
    person.goto("/console/silences")
    person.get_by_role("link", name="Silence CertificateExpiresSoon").click()
    expect(person.get_by_label("Value of matcher 1")).to_have_value("CertificateExpiresSoon")
    expect(person.locator("#preview")).to_contain_text("CertificateExpiresSoon")

    person.get_by_role("button", name="Remove matcher 2").click()
    person.get_by_label("How matcher 1 compares").select_option("=~")
    person.get_by_label("Value of matcher 1").fill("Disk.*|Cert.*")
    expect(person.locator("#preview")).to_contain_text("DiskFull", timeout=PATIENT)
    person.get_by_role("button", name="Add a matcher").click()
    person.get_by_label("Label of matcher 2").fill("severity")
    person.get_by_label("Value of matcher 2").fill("low")
    expect(person.locator("#preview")).not_to_contain_text("DiskFull", timeout=PATIENT)
    person.get_by_role("button", name="8h").click()
    look(person, "silence-new")

    person.get_by_role("button", name="Silence it").click()
    expect(person.get_by_role("status")).to_contain_text("The silence is stored")
    expect(person.get_by_text('alertname=~"Disk.*|Cert.*"')).to_be_visible()


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(person: Page, look: Look) -> None:
    quiet()
    person.goto("/console/silences/new?client=shop&matcher=a%3D~(&windows=someday&ends_at=sometime&comment=Why")
    look(person, "silence-new-open")
    person.get_by_role("button", name="Silence it").click()

    expect(person.get_by_label("Lasts")).to_have_attribute("aria-invalid", "true")
    expect(person.get_by_label("Comment")).to_have_value("Why")
    look(person, "silence-new-refused")


def test_a_silence_is_ended_after_a_question(person: Page) -> None:
    silence_id = silence("alertname=DiskFull", of=PLANT)
    person.goto(f"/console/silences/{silence_id}")
    person.get_by_role("button", name="End now").click()
    person.get_by_role("button", name="Keep it as it is").press("Enter")
    expect(person.get_by_role("button", name="End now")).to_be_focused()

    person.get_by_role("button", name="End now").click()
    person.get_by_role("dialog").get_by_role("button", name="End now").click()

    expect(person.get_by_role("status")).to_contain_text("The silence is over")


def test_without_script_matchers_are_lines_and_the_preview_a_button(
    console: System, chromium: Browser, person: Page
) -> None:
    quiet()
    window = chromium.new_context(base_url=console.url, viewport=NARROW, java_script_enabled=False)
    window.add_cookies(person.context.cookies())  # type: ignore[arg-type]
    page = window.new_page()
    page.goto(f"/console/silences/new?client={SHOP}")
    page.get_by_label("Matchers").fill("alertname=DiskFull")

    page.get_by_role("button", name="Look").click()

    expect(page.locator("#preview")).to_contain_text("DiskFull")
    page.get_by_role("button", name="Silence it").click()
    expect(page.get_by_role("status")).to_contain_text("The silence is stored")
    window.close()
