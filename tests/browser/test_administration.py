"""Settings, audit and users in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from playwright.sync_api import Browser, Page, expect

from sentinel.clock import utc_now
from sentinel.passwords import password_hash
from sentinel.services.access import actions, users
from sentinel.services.access.actions import Actor
from sentinel.services.bookkeeping import audit
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import get_settings
from tests.browser.conftest import Look, log_in
from tests.integration.calls import execute, send
from tests.integration.conftest import application
from tests.system import System

PASSWORD = "correct horse battery"


def test_settings_and_what_is_not_by_default(person: Page, look: Look) -> None:
    person.goto("/console/settings")
    look(person, "settings")

    person.get_by_label("Value").select_option("changed")
    person.get_by_role("button", name="Show").click()
    expect(person.locator(".setting-name", has_text="SENTINEL_RETENTION_DAYS")).to_have_count(0)
    person.get_by_label("Words").fill("no such words")
    person.get_by_label("Words").press("Enter")
    look(person, "settings-none")


def test_who_did_what(person: Page, look: Look) -> None:
    person.goto("/console/audit")
    look(person, "audit-empty")

    history()
    person.reload()
    look(person, "audit")

    person.get_by_label("Did what").fill("session")
    person.get_by_label("Since").fill("yesterday")
    person.get_by_role("button", name="Show").click()
    expect(person.get_by_role("alert")).to_contain_text("yesterday is not a time")
    look(person, "audit-refused")


def test_an_operator_has_the_books_looked_at(person: Page, look: Look) -> None:
    person.goto("/console/audit/books")
    look(person, "books-empty")

    person.get_by_role("button", name="Look now").click()
    expect(person.get_by_text("The books balance")).to_be_visible(timeout=30_000)
    look(person, "books-balance")


def test_what_does_not_fit_is_explained(person: Page, look: Look) -> None:
    api = application(get_settings()).test_client()
    for number in range(3):
        made = send(
            api, {"channel": "sms", "recipient": f"+1415555267{number}", "body": "Диск полон", "send_at": LATER}
        )
        assert made.status_code == 202, made.text
    execute("UPDATE notifications SET status = 'SENT', queue_at = NULL, send_at = NULL WHERE recipient LIKE '%0'")
    execute("UPDATE notifications SET status = 'FAILED', reason = 'expired', queue_at = NULL WHERE recipient LIKE '%1'")
    execute("DELETE FROM notifications WHERE recipient LIKE '%1'")
    audit.audit_and_keep()

    person.goto("/console/audit/books")
    expect(person.get_by_text("sent_without_evidence")).to_be_visible()
    look(person, "books-apart")


def test_an_admin_makes_a_user_and_shuts_one_out_after_a_question(person: Page, look: Look) -> None:
    person.goto("/console/users")
    person.get_by_label("Name", exact=True).fill("Katarzyna.Brzęczyszczykiewicz")
    person.get_by_label("First password").fill("short")
    person.get_by_role("button", name="Make the user").click()
    expect(person.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    look(person, "users-refused")
    person.get_by_label("Name", exact=True).fill("katarzyna.brzeczyszczykiewicz@operations.example.com")
    person.get_by_label("operator").check()
    person.get_by_label("First password").fill(PASSWORD)
    person.get_by_role("button", name="Make the user").click()
    expect(person.get_by_role("status")).to_contain_text("may log in as operator")
    look(person, "users")

    person.get_by_role("link", name="katarzyna").click()
    look(person, "user")
    person.get_by_role("button", name="Disable").click()
    person.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(person.get_by_role("status")).to_contain_text("is disabled")


def test_somebody_changes_the_own_password(console: System, chromium: Browser, look: Look) -> None:
    window = chromium.new_context(base_url=console.url, reduced_motion="reduce")
    page = log_in(window, console, role="viewer", name="bob")
    execute("UPDATE users SET password_hash = :known WHERE name = 'bob'", known=password_hash(PASSWORD))

    page.goto("/console")
    page.get_by_role("link", name="bob (viewer)").click()
    page.get_by_label("The one you have").fill(PASSWORD)
    page.get_by_label("A new one").fill("staple and a second one")
    page.get_by_label("The new one again").fill("staple and another")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_label("The new one again")).to_have_attribute("aria-invalid", "true")
    look(page, "me-refused")
    page.get_by_label("The one you have").fill(PASSWORD)
    page.get_by_label("A new one").fill("staple and a second one")
    page.get_by_label("The new one again").fill("staple and a second one")
    page.get_by_role("button", name="Change it").click()

    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    look(page, "me")
    window.close()


LATER = (utc_now() + timedelta(days=1)).isoformat()


def history() -> None:
    """A morning of several people at several clients."""
    did("alice", "client.create", "client acme-логистика", client="acme-логистика")
    did("alice", "rule.update", "rule 7", client="acme-логистика", fields=["condition", "actions"], version=4)
    did("maría.fernández", "notification.retry", "notification 01a1f6d2-5b7e-7c31-9a80-0d9f5f3f2c11", client="shop")
    did("maría.fernández", "ticket.acknowledge", "ticket 4711", client="shop")
    did("oncall-tōkyō", "silence.create", "silence 01a1f6d2-5b7e-7c31-9a80-0d9f5f3f2c12", client="plant", hours=2)
    did("oncall-tōkyō", "dead_letter.replay", "notifications of channel sms, reason quota", client="plant", count=1250)
    did("alice", "user.role", "user katarzyna.brzeczyszczykiewicz@operations.example.com", role="operator")
    with unit_of_work() as uow:
        users.log_in(uow, "nobody", PASSWORD, origin="2001:db8:85a3::8a2e:370:7334")


def did(actor: str, action: str, subject: str, *, client: str | None = None, **detail: Any) -> None:
    with unit_of_work() as uow:
        actions.note(uow, Actor(actor, "operator", "192.0.2.17"), action, subject, client=client, detail=detail)
