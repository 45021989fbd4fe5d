"""The pages of tickets in a real browser: a night on the board, the list, a ticket, and what stays live."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from sentinel.models.ticket import TicketStatus
from sentinel.services import tickets
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import unit_of_work
from tests.browser.conftest import Look, log_in
from tests.integration.console.on_call_story import night, ticket_of
from tests.system import System

PATIENT = 30_000
"""Milliseconds for what comes with the next look of a live part, however slow the machine is."""


def resolved_by_bob(ticket_id: int) -> None:
    with unit_of_work() as uow:
        tickets.move(uow, ticket_id, TicketStatus.RESOLVED, client_id=None, by=By("bob", "api"))


def test_without_tickets(person: Page, look: Look) -> None:
    person.goto("/console/tickets")
    look(person, "tickets-board-empty")
    person.goto("/console/tickets/list")
    look(person, "tickets-list-empty")


def test_a_night_on_the_board_in_the_list_and_one_ticket_of_it(person: Page, look: Look) -> None:
    night()
    person.goto("/console/tickets")
    look(person, "tickets-board")

    person.get_by_role("link", name="List", exact=True).click()
    expect(person.get_by_role("table")).to_be_visible()
    look(person, "tickets-list")
    person.goto("/console/tickets/list?client=shop&severity=high&status=unresolved")
    look(person, "tickets-list-narrowed")

    person.goto(f"/console/tickets/{ticket_of('db-primary-1')}")
    look(person, "ticket")
    person.get_by_label("Note").fill("x")
    person.evaluate("document.getElementById('note').value = 'x'.repeat(1001)")
    person.get_by_role("button", name="Resolve").click()
    expect(person.get_by_label("Note")).to_have_attribute("aria-invalid", "true")
    look(person, "ticket-refused")

    person.goto(f"/console/tickets/{ticket_of('backup-3')}")
    look(person, "ticket-resolved")


def test_what_was_chosen_stays_chosen_while_the_list_is_live(person: Page) -> None:
    night()
    mine, theirs = ticket_of("db-primary-1"), ticket_of("cache-2")
    person.goto("/console/tickets/list")
    person.get_by_label(f"Choose ticket {mine}").check()
    person.get_by_role("heading", name="Tickets").click()

    resolved_by_bob(theirs)

    expect(person.get_by_label(f"Choose ticket {theirs}")).to_have_count(0, timeout=PATIENT)
    expect(person.get_by_label(f"Choose ticket {mine}")).to_be_checked()
    person.get_by_role("button", name="Acknowledge those chosen").click()
    expect(person.get_by_role("status")).to_contain_text("1 ticket is yours")


def test_a_note_that_is_being_written_outlives_what_others_do(person: Page) -> None:
    night()
    ticket_id = ticket_of("db-primary-1")
    person.goto(f"/console/tickets/{ticket_id}")
    person.get_by_label("Note").fill("disk is being replaced")
    person.get_by_role("heading", level=1).click()

    resolved_by_bob(ticket_id)

    expect(person.get_by_text("Resolved by bob; the next event opens a new ticket.")).to_be_visible(timeout=PATIENT)
    expect(person.get_by_label("Note")).to_have_value("disk is being replaced")


@pytest.mark.parametrize("role", ["viewer"])
def test_a_viewer_sees_the_same_and_can_do_nothing(
    role: str, console: System, window: BrowserContext, look: Look
) -> None:
    night()
    page = log_in(window, console, role, "vera")
    page.goto(f"/console/tickets/{ticket_of('db-primary-1')}")

    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    look(page, "ticket-viewer")
