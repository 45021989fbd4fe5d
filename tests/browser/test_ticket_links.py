"""The page behind a link in a message, in a real browser: on a telephone, by keyboard, in the dark."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from sentinel.services.escalating import links
from tests.browser.conftest import Look
from tests.browser.test_frame import tab_to
from tests.conftest import Configure
from tests.integration.escalating import messages, open_ticket, sweep_until_quiet
from tests.system import eventually

pytestmark = pytest.mark.usefixtures("unheard")


def test_a_ticket_is_acknowledged_by_keyboard_on_a_narrow_dark_screen(
    database: Configure, stranger: Page, look: Look
) -> None:
    database(PUBLIC_BASE_URL="https://sentinel.example.com")
    ticket_id = open_ticket()
    sweep_until_quiet()
    # The installation's own sweeper may have been the quicker one, and be about to commit.
    message = eventually(lambda: messages(ticket_id), seconds=20, message="the first step to be taken")[0]
    path = urlsplit(str(links.address_of(message.id))).path
    stranger.set_viewport_size({"width": 320, "height": 800})
    stranger.emulate_media(color_scheme="dark")

    stranger.goto(path)
    tab_to(stranger, "Acknowledge")
    stranger.keyboard.press("Enter")

    expect(stranger.get_by_role("status")).to_contain_text("to acknowledge the ticket")
    expect(stranger.get_by_role("main")).to_contain_text("acknowledged by sms:+14155552671")
    look(stranger, "ticket-link")
