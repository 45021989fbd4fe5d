"""A real browser before a running Sentinel: Debian's Chromium by Playwright, and axe-core's rules of accessibility.

One installation and one browser for all tests of this folder; each test begins with empty tables and a new window.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from sentinel.embedded.ports import choose_port
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings
from tests.browser.faults import FAULTS
from tests.conftest import Configure
from tests.integration.conftest import application
from tests.integration.console.visiting import Visit
from tests.system import QUICK, System, running_system

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = Path(__file__).parent
SCREENSHOTS = HERE / "screenshots"
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"

QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
OPTIONS = ("--disable-gpu", "--disable-quic", *QUIET)

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}

SERIOUS = ("serious", "critical")

Look = Callable[..., None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, for they share what takes longest to start; without a browser skip them."""
    without = pytest.mark.skip(reason="no Chromium on this machine; on Debian: apt install chromium (README, Tests)")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))
            if CHROMIUM is None:
                item.add_marker(without)


@pytest.fixture(scope="package")
def _running(_schema: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    ports = {"SENTINEL_FLOWER_PORT": str(choose_port())}
    with running_system(tmp_path_factory.mktemp("console"), **QUICK, **ports) as found:
        found.start_everything()
        yield found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root Chromium refuses its sandbox; the pages are our own.
        unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS, *unboxed])
        yield browser
        browser.close()


@pytest.fixture
def console(_running: System, database: Configure) -> System:
    """The running Sentinel, whose channels are the sandbox; nothing is stored."""
    return _running


@pytest.fixture
def window(console: System, chromium: Browser) -> Iterator[BrowserContext]:
    """A window that asks nobody outside, and whose pages complain of nothing."""
    context = chromium.new_context(base_url=console.url, viewport=WIDE, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(20_000)
    asked: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    foreign = {url for url in asked if urlsplit(url).scheme not in {"data", "blob", "about"}}
    assert {urlsplit(url).netloc for url in foreign} <= {urlsplit(console.url).netloc}
    # What a test provokes (a refused form) the browser reports as well.
    assert [said for said in complaints if not said.startswith("Failed to load resource")] == []


@pytest.fixture
def stranger(window: BrowserContext) -> Page:
    """A page of somebody who is not logged in."""
    return window.new_page()


@pytest.fixture
def person(console: System, window: BrowserContext) -> Page:
    """A page of alice, who is an admin and logged in."""
    return log_in(window, console)


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are matched by the test alone: workers learn of a rule a moment later."""
    monkeypatch.setattr(UnitOfWork, "dispatch_events", lambda *_: None)
    monkeypatch.setattr(UnitOfWork, "queue_events", lambda *_: None)
    monkeypatch.setattr(UnitOfWork, "queue_first_try", lambda *_: None)


def log_in(window: BrowserContext, console: System, role: str = "admin", name: str = "alice") -> Page:
    """Give a window the session of a user; the login itself has its own tests."""
    cookie = Visit(application(get_settings()), role, name).cookie()
    window.add_cookies([{"name": cookie.key, "value": cookie.value, "url": console.url}])
    return window.new_page()


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Look:
    """Look at a page as it stands: `look(person, "rules-list")`.

    Nothing is wrong with it for people and programs, wide and narrow, light and dark; its pictures are kept.
    """

    def looked(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.wait_for_load_state()  # behind a click on a link the new document may be empty yet
        for size, scheme, word in ((WIDE, "dark", "dark"), (WIDE, "light", "wide"), (NARROW, "light", "narrow")):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate("scrollTo(0, 0)")
            faults = page.evaluate(FAULTS)
            assert faults == [], f"{name}, {word}"
            page.screenshot(path=SCREENSHOTS / f"{name}-{word}.png", full_page=True)
            if word != "wide":
                # The dark differs by its colours alone.
                findings = serious_findings(page, *(["color-contrast"] if word == "dark" else []))
                assert findings == [], f"{name}, {word}"
        page.set_viewport_size(WIDE)

    return looked


def serious_findings(page: Page, *rules: str) -> list[dict[str, Any]]:
    """What axe-core finds, by some of its rules or by all, that keeps people from using the page.

    Nothing where it is not installed.
    """
    if not AXE.exists():
        return []
    if page.evaluate("!window.axe"):
        page.evaluate(AXE.read_text())  # by the debugger: the policy of our pages runs no such script
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        {"rule": each["id"], "where": [node["html"][:200] for node in each["nodes"]][:3], "why": each["help"]}
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]
