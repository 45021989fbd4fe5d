"""The documentation pages in a real browser: they come to life without a line from outside this machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_page_shows_every_operation_and_reports_no_error(path: str, stranger: Page) -> None:
    stranger.set_viewport_size({"width": 1280, "height": 20_000})  # of a long page Swagger UI draws what can be seen
    stranger.goto(path)

    for words in ("Accept one notification", "List notifications, newest first", "Cancel a notification"):
        expect(stranger.locator("body")).to_contain_text(words, timeout=60_000)
