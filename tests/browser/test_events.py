"""The screen Events in a real browser: as it looks, and what lives on it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.integration.rules import happen, rule

pytestmark = pytest.mark.usefixtures("unheard")

LIST = "/console/events"

ORDERS = 'when type == "order" and amount > 500 and region in ["eu", "us"] then notify("slack:#big-orders")'
LATENCY = (
    'when severity in ["high", "critical"] and source == "checkout" '
    'then notify("slack:#on-call"), ticket(severity="high", title="Checkout is slow")'
)
ORDER = {"type": "order", "amount": 750, "region": "apac", "customer": {"name": "Ελένη Παπαδοπούλου", "vip": True}}
SLOW = {"severity": "high", "source": "checkout", "name": "latency", "p99_ms": 2140, "event_id": "grafana-99213"}


def some() -> list[str]:
    """Events of several clients, with rules that speak and others that do not."""
    rule(ORDERS, "Big orders of Europe and the States")
    rule(LATENCY, "Checkout is slow")
    rule('when device_id == "dev-1" and status == "offline" then notify("slack:#devices")', "Devices")
    happen({"device_id": "dev-1042-warehouse-north", "status": "ok", "temperature": 71.5}, of="倉庫")
    happen({"severity": "critical", "source": "db", "name": "disk"}, of="platform-engineering-northern-europe")
    return happen(ORDER, SLOW)


def test_a_list_of_events(person: Page, look: Look) -> None:
    some()

    person.goto(LIST)

    expect(person.get_by_role("row")).to_have_count(5)
    look(person, "events-list")


def test_without_any_it_says_what_an_event_is(person: Page, look: Look) -> None:
    person.goto(LIST)

    expect(person.get_by_text("No events yet")).to_be_visible()
    look(person, "events-empty")


def test_a_filter_that_is_not_understood_says_so(person: Page, look: Look) -> None:
    person.goto(f"{LIST}?client=nobody")

    expect(person.get_by_role("alert")).to_contain_text("client")
    look(person, "events-error")


def test_why_a_rule_spoke_and_another_did_not(person: Page, look: Look) -> None:
    order, slow = some()

    person.goto(f"{LIST}/{slow}")
    expect(person.get_by_role("heading", name="1 rule spoke")).to_be_visible()
    look(person, "event-matched")
    person.goto(f"{LIST}/{order}")
    expect(person.get_by_text("it saw “apac”")).to_be_visible()
    look(person, "event-unmatched")


def test_an_event_is_posted_again(person: Page, look: Look) -> None:
    order, _ = some()
    person.goto(f"{LIST}/{order}")
    person.get_by_role("link", name="Post again").click()
    look(person, "event-again")

    person.get_by_label("Event").fill('{"type": "order", "amount": 750, "region": "eu"}')
    person.get_by_role("button", name="Post").click()
    person.get_by_role("dialog").get_by_role("button", name="Post").click()

    expect(person.get_by_role("status").first).to_contain_text("Posted as a new event")
