"""The console in a real browser: by keyboard alone, on narrow screens, in the dark, and asking nobody outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sentinel.services.access import users
from sentinel.services.unit_of_work import unit_of_work
from tests.browser.chromium import CHROMIUM, Page, opened_page
from tests.conftest import Configure
from tests.system import System, running_system

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt install chromium (README, Tests)"
)

PASSWORD = "correct horse battery"

# What a screen reader needs, asked of the page as it stands.
FAULTS = r"""
(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const name = (element) => (element.getAttribute("aria-label") ?? element.innerText ?? "").trim();
  if (document.documentElement.lang !== "en") faults.push("the page has no language");
  if (!document.title.endsWith(" · Sentinel")) faults.push("the page has no title");
  for (const landmark of ["h1", "main", "header"]) {
    if (all(landmark).length !== 1) faults.push(`${all(landmark).length} of ${landmark}`);
  }
  for (const field of all("input:not([type=hidden])")) {
    if (!field.labels?.length) faults.push(`${field.name} has no label`);
    if (!field.autocomplete) faults.push(`${field.name} cannot be filled in by a password manager`);
  }
  for (const element of all("a, button")) {
    if (!element.hidden && !name(element)) faults.push(`${element.outerHTML} has no name`);
  }
  for (const table of all("table")) {
    if (!table.caption) faults.push("a table has no caption");
    if (all("th:not([scope])").length) faults.push("a heading of a table has no scope");
  }
  const ids = all("[id]").map((element) => element.id);
  if (new Set(ids).size !== ids.length) faults.push("an id stands twice");
  const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
  if (levels.some((level, at) => level > (levels[at - 1] ?? 0) + 1)) faults.push("a level of headings is left out");
  if (document.documentElement.scrollWidth > window.innerWidth) faults.push("the page is wider than its window");
  const parts = (color) => {
    const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return [red, green, blue, alpha];
  };
  const below = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parts(getComputedStyle(at).backgroundColor);
      if (color[3] === 1) return color;
    }
    return [255, 255, 255, 1];
  };
  const light = (color) => {
    const linear = (part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const [red, green, blue] = color.map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  for (const element of all("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!hasText || !element.checkVisibility()) continue;
    const ground = below(element);
    const ink = parts(getComputedStyle(element).color);
    const mixed = ink.slice(0, 3).map((part, at) => part * ink[3] + ground[at] * (1 - ink[3]));
    const [darker, lighter] = [light(mixed), light(ground.slice(0, 3))].sort((one, other) => one - other);
    if (lighter / darker < 4.5) faults.push(`${element.innerText} is hard to read: ${lighter / darker}`);
  }
  return faults;
})()
"""


@pytest.fixture
def system(database: Configure, tmp_path: Path) -> Iterator[System]:
    with unit_of_work() as uow:
        users.create(uow, "alice", PASSWORD, role="admin")
    with running_system(tmp_path) as found:
        found.start_api()
        yield found


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with opened_page(tmp_path / "profile") as found:
        yield found


def log_in(page: Page, password: str = PASSWORD) -> None:
    """Fill in the form without a pointer: the name has the focus already."""
    page.until("document.activeElement.name === 'name'")
    page.type("alice")
    page.press("Tab")
    page.type(password)
    page.press("Enter")


def go_to(page: Page, words: str) -> None:
    """Press Tab until the link or button with these words has the focus."""
    for _ in range(30):
        page.press("Tab")
        if page.evaluate("document.activeElement.innerText") == words:
            return
    raise AssertionError(f"the keyboard does not reach {words}")


def test_by_keyboard_alone_one_logs_in_looks_and_logs_out(system: System, page: Page) -> None:
    page.open(f"{system.url}/console")
    assert page.evaluate("location.pathname + location.search") == "/login?next=/console"

    log_in(page, "wrong horse battery")
    page.until("document.querySelector('[role=alert]')?.innerText === 'Name or password is wrong.'")
    assert page.evaluate("document.title") == "Error: Log in · Sentinel"
    page.evaluate("document.querySelector('[name=name]').value = ''")
    log_in(page)
    page.until("location.pathname === '/console' && document.readyState === 'complete'")
    assert "alice (admin)" in page.evaluate("document.body.innerText")

    page.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to content"
    go_to(page, "Log out")
    page.press("Enter")
    page.until("location.pathname === '/login' && document.readyState === 'complete'")

    page.open(f"{system.url}/console")
    assert page.evaluate("location.pathname") == "/login"
    assert {urlsplit(url).netloc for url in page.requests if url != "data:,"} == {urlsplit(system.url).netloc}
    refused = "Failed to load resource: the server responded with a status of 422"
    assert [said for said in page.complaints if not said.startswith(refused)] == []


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_the_pages_can_be_read_by_people_and_programs_and_fit_their_window(
    width: int, scheme: str, system: System, page: Page
) -> None:
    page.resize(width, 800)
    page.prefer(scheme)
    page.open(f"{system.url}/login")
    assert page.evaluate(FAULTS) == []

    page.press("Enter")
    page.until("document.querySelectorAll('[aria-invalid=true]').length === 2")
    described = "[...document.querySelectorAll('[aria-describedby]')].map(f => f.getAttribute('aria-describedby'))"
    assert page.evaluate(f"{described}.every(id => document.getElementById(id).innerText)")
    assert page.evaluate(FAULTS) == []

    log_in(page)
    page.until("location.pathname === '/console' && document.readyState === 'complete'")
    assert page.evaluate(FAULTS) == []
    page.open(f"{system.url}/console/nothing")
    assert page.evaluate(FAULTS) == []


def test_light_or_dark_is_the_systems_choice_until_it_is_ones_own(system: System, page: Page) -> None:
    theme = "document.documentElement.dataset.bsTheme"
    page.prefer("dark")
    page.open(f"{system.url}/login")
    assert page.evaluate(theme) == "dark"
    page.prefer("light")
    page.until(f"{theme} === 'light'")

    go_to(page, "Dark")
    page.press("Enter")

    assert page.evaluate(theme) == "dark"
    assert page.evaluate("document.getElementById('theme').getAttribute('aria-pressed')") == "true"
    page.open(f"{system.url}/login?next=/console")
    assert page.evaluate(theme) == "dark"


def test_a_script_that_got_into_the_page_would_not_run(system: System, page: Page) -> None:
    page.open(f"{system.url}/login")

    page.evaluate("document.body.innerHTML += '<img src=x onerror=\"window.got = 1\">'")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.got = 1'}))")

    page.until("true")
    assert page.evaluate("window.got") is None
    assert any("Content Security Policy" in said for said in page.complaints)
