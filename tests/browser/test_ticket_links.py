"""The page behind a link in a message, in a real browser: on a telephone, by keyboard, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sentinel.services.escalating import links
from tests.browser.chromium import CHROMIUM, Page, opened_page
from tests.browser.test_console import FAULTS, go_to
from tests.conftest import Configure
from tests.integration.escalating import messages, open_ticket, sweep_until_quiet
from tests.system import System, running_system

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt install chromium (README, Tests)"
)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with opened_page(tmp_path / "profile") as found:
        yield found


@pytest.fixture
def system(database: Configure, tmp_path: Path) -> Iterator[System]:
    database(PUBLIC_BASE_URL="https://sentinel.example.com")
    with running_system(tmp_path) as found:
        found.start_api()
        yield found


def test_a_ticket_is_acknowledged_by_keyboard_on_a_narrow_dark_screen(system: System, page: Page) -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()
    path = urlsplit(str(links.address_of(messages(ticket_id)[0].id))).path
    page.resize(320, 800)
    page.prefer("dark")

    page.open(f"{system.url}{path}")
    assert page.evaluate(FAULTS) == []
    go_to(page, "Acknowledge")
    page.press("Enter")
    page.until("document.querySelector('[role=status]')?.innerText.includes('to acknowledge the ticket')")

    assert page.evaluate(FAULTS) == []
    assert "acknowledged by sms:+14155552671" in page.evaluate("document.body.innerText")
    page.prefer("light")
    assert page.evaluate(FAULTS) == []
    asked = [urlsplit(url) for url in page.requests]
    assert {url.netloc for url in asked if url.scheme != "data"} == {urlsplit(system.url).netloc}
