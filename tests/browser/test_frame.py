"""The frame of all pages in a real browser: the login, by keyboard alone, on narrow screens, in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sentinel.services.access import users
from sentinel.services.unit_of_work import unit_of_work
from tests.browser.conftest import AXE, NARROW, Look
from tests.system import System

PASSWORD = "correct horse battery"


@pytest.fixture
def _alice(console: System) -> None:
    with unit_of_work() as uow:
        users.create(uow, "alice", PASSWORD, role="admin")


def type_login(page: Page, password: str = PASSWORD) -> None:
    """Fill in the form without a pointer: the name has the focus already."""
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the link or button with these words has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == words:
            return
    raise AssertionError(f"the keyboard does not reach {words}")


def test_the_rules_of_accessibility_are_there() -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: its rules are not asked; `npm ci --prefix tests/browser` installs it (README, Tests)")
    assert AXE.stat().st_size > 100_000


@pytest.mark.usefixtures("_alice")
def test_by_keyboard_alone_one_logs_in_looks_and_logs_out(stranger: Page, look: Look) -> None:
    stranger.goto("/console")
    assert stranger.url.endswith("/login?next=/console")
    look(stranger, "login")

    stranger.reload()
    type_login(stranger, "wrong horse battery")
    expect(stranger.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(stranger).to_have_title("Error: Log in · Sentinel")
    stranger.get_by_label("Name").fill("")
    type_login(stranger)
    expect(stranger).to_have_url("/console")
    expect(stranger.get_by_role("banner")).to_contain_text("alice (admin)")

    stranger.keyboard.press("Tab")
    assert stranger.evaluate("document.activeElement.innerText") == "Skip to content"
    tab_to(stranger, "Log out")
    stranger.keyboard.press("Enter")
    expect(stranger).to_have_url("/login")
    stranger.goto("/console")
    assert "/login" in stranger.url


def test_the_first_visitor_makes_the_first_user(stranger: Page, look: Look) -> None:
    stranger.goto("/console")
    look(stranger, "first-user")
    expect(stranger.get_by_label("Name")).to_be_focused()
    stranger.keyboard.type("alice")
    stranger.keyboard.press("Tab")
    stranger.keyboard.type(PASSWORD)
    stranger.keyboard.press("Enter")

    expect(stranger).to_have_url("/console")
    expect(stranger.get_by_role("banner")).to_contain_text("alice (admin)")


@pytest.mark.usefixtures("_alice")
def test_a_refused_login_says_at_each_field_what_is_wrong(stranger: Page, look: Look) -> None:
    stranger.goto("/login")
    stranger.get_by_role("button", name="Log in").click()

    for field in (stranger.get_by_label("Name"), stranger.get_by_label("Password")):
        expect(field).to_have_attribute("aria-invalid", "true")
        assert stranger.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    look(stranger, "login-refused")


def test_a_page_that_does_not_exist_is_one_of_ours(person: Page, look: Look) -> None:
    person.goto("/console/nothing")

    expect(person.get_by_role("heading", level=1)).to_have_text("Not Found")
    look(person, "not-found")


def test_light_or_dark_is_the_systems_choice_until_it_is_ones_own(person: Page) -> None:
    theme = "document.documentElement.dataset.bsTheme"
    person.emulate_media(color_scheme="dark")
    person.goto("/console")
    assert person.evaluate(theme) == "dark"
    person.emulate_media(color_scheme="light")
    expect(person.locator("html")).to_have_attribute("data-bs-theme", "light")

    dark = person.get_by_role("button", name="Dark")
    dark.press("Enter")

    assert person.evaluate(theme) == "dark"
    expect(dark).to_have_attribute("aria-pressed", "true")
    person.goto("/console/nothing")
    assert person.evaluate(theme) == "dark"


def test_on_a_narrow_screen_the_navigation_opens_by_its_button(person: Page) -> None:
    person.set_viewport_size(NARROW)
    person.goto("/console")
    link = person.get_by_role("link", name="Dashboard")
    expect(link).to_be_hidden()

    menu = person.get_by_role("button", name="Menu")
    menu.press("Enter")

    expect(link).to_be_visible()
    expect(menu).to_have_attribute("aria-expanded", "true")


def test_without_script_everything_can_be_reached(console: System, chromium: Browser, person: Page) -> None:
    window = chromium.new_context(base_url=console.url, viewport=NARROW, java_script_enabled=False)
    window.add_cookies(person.context.cookies())  # type: ignore[arg-type]
    page = window.new_page()

    page.goto("/console")

    expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
    window.close()


def test_a_script_that_got_into_the_page_would_not_run(chromium: Browser, console: System) -> None:
    window: BrowserContext = chromium.new_context(base_url=console.url)
    page, complaints = window.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text))
    page.goto("/login")

    page.evaluate("document.body.innerHTML += '<img src=x onerror=\"window.got = 1\">'")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.got = 1'}))")

    expect(page.locator("img[src=x]")).to_have_count(1)
    assert page.evaluate("window.got") is None
    assert any("Content Security Policy" in said for said in complaints)
    window.close()
