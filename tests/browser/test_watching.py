"""Dashboard, queues, workers and Flower in a real browser: with data, empty, in trouble, and live."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from sentinel import metrics, presence
from sentinel.broker import celery
from sentinel.clock import utc_now
from sentinel.presence import Node
from sentinel.queries import sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.store import get_store
from tests.browser.conftest import Look
from tests.integration.calls import execute
from tests.integration.console.test_dashboard import refuse
from tests.integration.test_history import look as look_at_counters
from tests.system import System, eventually

ARABIC, CHINESE = "خط المساعدة", "值班组"


@pytest.fixture
def _everybody(console: System) -> None:
    """The workers and the clock of this installation, as they tell in ten seconds: tables were emptied meanwhile."""
    now = utc_now().timestamp()
    queues = {
        "pipeline-1": ("inbox", "inbox.retry", "maintenance", "pipeline", "receipts"),
        "sms-1": ("sms", "sms.retry"),
        "email-1": ("email", "email.retry"),
        "hooks-1": ("push", "push.retry", "slack", "slack.retry", "webhook", "webhook.retry"),
    }
    for name, served in queues.items():
        presence.tell(Node(f"{name}@ip-10-0-13-77.internal", served, 4, "thread", 1, now - 7200, now))
    with unit_of_work() as uow:
        for rung in celery.conf.beat_schedule:
            sweeping.record_run(uow.session, rung.replace("-", "_"), 0, now=uow.now)


def count_for_a_while() -> None:
    """Half an hour of messages, with some that failed and a time in which nobody looked."""
    now = utc_now()
    for minutes in (30, 20):
        for step in range(40):
            metrics.count("notifications_accepted_total", 40 + step * 7 % 30, channel="sms")
            metrics.count("notifications_sent_total", 35 + step * 5 % 30, channel="sms", provider="sandbox")
            metrics.count("notifications_suppressed_total", step % 5, reason="duplicate")
            metrics.count("notifications_failed_total", int(step % 7 == 0), channel="sms", reason="invalid")
            metrics.count("worker_tasks_total", 10 + step % 4, worker="sms-1", task="tasks.delivery.deliver")
            metrics.observe("worker_task_seconds", 0.4, worker="sms-1", task="tasks.delivery.deliver")
            look_at_counters(now - timedelta(minutes=minutes - 0.25 * step))


@pytest.mark.usefixtures("_everybody")
def test_the_first_minute_leads_from_an_empty_page_to_a_sent_message(person: Page, look: Look) -> None:
    person.goto("/console")
    expect(person.get_by_role("heading", name="Send a first message")).to_be_visible()
    look(person, "dashboard-first")

    person.get_by_role("button", name="Send").click()

    expect(person.get_by_role("status").first).to_contain_text("Accepted.")
    person.goto("/console")
    expect(person.get_by_role("heading", name="Send a first message")).to_have_count(0)
    expect(person.get_by_role("heading", name="Everything is going out")).to_be_visible()


@pytest.mark.usefixtures("_everybody")
def test_the_dashboard_tells_what_is_stuck_and_goes_on_by_itself(person: Page, look: Look) -> None:
    count_for_a_while()
    execute("INSERT INTO book_totals (day, client_id, channel, accepted, pruned) VALUES (current_date, 1, 'sms', 9, 0)")
    refuse("sandbox", reason="token_revoked", hint=f"Make a new token, or ask {CHINESE} / {ARABIC}.")
    person.goto("/console")
    expect(person.get_by_role("img", name=re.compile("Notifications of the last 15 minutes"))).to_be_visible()
    look(person, "dashboard-trouble")
    person.get_by_role("link", name="hour").click()
    expect(person).to_have_url(re.compile("over=1h"))
    expect(person.get_by_role("link", name="hour")).to_have_attribute("aria-current", "true")

    execute("UPDATE provider_accounts SET state = 'closed', paused_until = NULL, reason = NULL")

    expect(person.get_by_text("sandbox is refused")).to_have_count(0, timeout=20_000)
    expect(person).to_have_url(re.compile("over=1h"))


@pytest.mark.usefixtures("_everybody")
def test_a_provider_is_held_by_keyboard_while_the_page_stays_live(person: Page) -> None:
    person.goto("/console")
    person.locator("#hold-sandbox summary").focus()
    person.keyboard.press("Enter")
    person.get_by_label("Why, for others to read").first.fill("number is being moved")

    person.keyboard.press("Enter")

    expect(person.get_by_text("sandbox is held: number is being moved")).to_be_visible()
    person.get_by_role("button", name="Resume").click()
    expect(person.get_by_text("sandbox is used again")).to_be_visible()


@pytest.mark.usefixtures("_everybody")
def test_workers_are_shown_those_that_are_lost_first(person: Page, look: Look) -> None:
    count_for_a_while()
    now = utc_now().timestamp()
    gone = Node("night-shift-sms@ip-10-0-13-78.internal", ("sms", "sms.retry"), 4, "thread", 1, now - 9000, now - 900)
    presence.tell(gone)
    presence.tell(replace(gone, name="old@host", stopped_at=now - 900))
    person.goto("/console/workers")
    expect(person.get_by_role("row").nth(1)).to_contain_text("night-shift-sms")
    look(person, "workers")

    person.get_by_role("row", name=re.compile("night-shift-sms")).get_by_role("button", name="Forget").click()
    person.get_by_role("dialog").get_by_role("button", name="Forget").click()

    expect(person.get_by_text("night-shift-sms is forgotten.")).to_be_visible()


def test_without_workers_and_streams_the_pages_say_what_to_do(person: Page, look: Look) -> None:
    person.goto("/console/queues")
    look(person, "queues-empty")
    get_store().delete(presence.HASH)
    person.goto("/console/workers")
    look(person, "workers-empty")


def test_flower_is_there_behind_the_same_login(person: Page, console: System) -> None:
    console.start("flower", "flower")
    try:
        eventually(lambda: person.request.get("/console/flower/").ok, seconds=60, message="Flower")
        person.goto("/console/flower/")
        expect(person.get_by_text(re.compile(r"^Updated "))).to_be_visible()
        person.get_by_role("link", name="Tasks", exact=True).click()
        expect(person).to_have_url(re.compile("/console/flower/tasks$"))
        expect(person.locator("#tasks-table tbody tr").first).to_be_visible()
        person.get_by_role("link", name="Sentinel").click()
        expect(person).to_have_url(re.compile("/console$"))
    finally:
        console.stop("flower")
