"""The first minute: from `sentinel up`, which `make up` runs, to a message in the Inbox, by clicking alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.test_up import installation

pytestmark = pytest.mark.timeout(400)

PASSWORD = "a sentence is easy to keep"
PATIENCE_MS = 60_000
"""For a machine that does other things as well; the story takes some seconds."""


def test_a_minute_of_clicking_leads_from_an_empty_installation_to_a_message_in_the_inbox(chromium: Browser) -> None:
    with installation() as up:
        up.start()
        window = chromium.new_context()
        page = window.new_page()

        page.goto(up.banner_url("Console"))
        page.get_by_label("Name").fill("alice")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the user and go on").click()
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Inbox").click()

        expect(page.get_by_role("main").get_by_text("+14155552671").first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_role("main").get_by_text("simulated").first).to_be_visible(timeout=PATIENCE_MS)
        window.close()
