"""The inbox in a real browser: with messages of every channel, without one, and while new ones come."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from sentinel.services import notifications
from sentinel.services.access import clients
from sentinel.services.notifications import Request
from sentinel.services.unit_of_work import unit_of_work
from tests.browser.conftest import Look
from tests.rows import have_ended, row
from tests.system import System, eventually

RUNBOOK = "Runbook: https://runbooks.example.com/databases/disk-full?host=db-7"
MESSAGES: tuple[dict[str, Any], ...] = (
    {"channel": "sms", "recipient": "+14155552671", "body": "CRITICAL disk 91 % full on db-7. " + RUNBOOK},
    {"channel": "sms", "recipient": "+14155552671", "body": "Сервер db-7: диск заполнен на 97 %, осталось 12 минут"},
    {"channel": "sms", "recipient": "+15005550001", "body": "Your order 4711 is on its way"},
    {
        "channel": "email",
        "recipient": "oncall-payments@long-domain-of-a-customer.example.com",
        "subject": "Card declines above 12 % for merchant Größe & Söhne <EU>",
        "body": f"Declines rose from 2.1 % to 12.4 % within five minutes.\n\nRule: card_declined\n{RUNBOOK}",
        "severity": "high",
    },
    {"channel": "email", "recipient": "ann@example.com", "body": "Your weekly report is ready."},
    {
        "channel": "slack",
        "recipient": "#big-orders",
        "subject": "Order of 12,400.00 €",
        "body": "Customer *Müller & Co* ordered 31 items.\nCheck `risk=0.82` before it ships: https://shop.example.com/o/4711",
        "severity": "medium",
    },
    {"channel": "webhook", "recipient": "https://hooks.example.com/sentinel", "subject": "Device offline",
     "body": "dev-318 has not reported for 10 minutes", "severity": "critical"},
    {"channel": "push", "recipient": "ntfys://ntfy.example.com/on-call-topic", "subject": "Queue is stuck",
     "body": "payments.retry has 18,204 messages, the oldest is 42 minutes old"},
    {"channel": "inbox", "recipient": "user-17", "user_id": "user-17", "subject": "明日のメンテナンス",
     "body": "明日 02:00 から 04:00 までメンテナンスを行います。"},
)  # fmt: skip


def send(*messages: dict[str, Any], client: str = "default") -> list[str]:
    """Accept messages in turn and wait until they have gone the whole way."""
    ids = []
    with unit_of_work() as uow:
        clients.create_key(uow, client, "makes the client")
        caller = clients.active_caller(uow, client)
    for each in messages:
        with unit_of_work() as uow:
            checked = notifications.check(Request(**each), now=uow.now)
            ids += [found["id"] for found in notifications.accept(uow, caller.client_id, [checked])]
    eventually(have_ended, seconds=30, message="messages that are sent")
    return ids


def test_without_messages_it_shows_how_to_send_one_and_the_first_appears_by_itself(
    person: Page, console: System, look: Look
) -> None:
    person.goto("/console/inbox")
    expect(person.get_by_text("No message yet")).to_be_visible()
    look(person, "inbox-empty")

    send(MESSAGES[0])

    expect(person.get_by_role("link", name="Simulated")).to_be_visible()


def test_every_channel_is_shown_as_its_receiver_sees_it(person: Page, console: System, look: Look) -> None:
    ids = send(*MESSAGES, client="payments-europe-and-a-long-name")
    person.goto("/console/inbox")
    look(person, "inbox-list")

    for number, name in ((1, "sms"), (2, "sms-refused"), (3, "email"), (5, "slack"), (6, "webhook"), (7, "push"),
                         (8, "inbox")):  # fmt: skip
        person.goto(f"/console/inbox/{ids[number]}")
        look(person, f"inbox-{name}")

    person.goto(f"/console/inbox/{ids[3]}")
    framed = person.frame_locator("iframe")
    expect(framed.get_by_text("HIGH")).to_be_visible()
    person.get_by_role("link", name="+14155552671").first.click()
    expect(person.get_by_text("UCS-2").or_(person.get_by_text("GSM-7")).first).to_be_visible()
    assert row(ids[2]).status == "FAILED"


def test_it_is_narrowed_by_a_choice_and_a_message_opens_by_keyboard(person: Page, console: System) -> None:
    send(*MESSAGES[:6])
    person.goto("/console/inbox")

    person.get_by_label("Channel").select_option("slack")
    person.get_by_role("button", name="Show").click()
    expect(person.get_by_role("link", name="#big-orders")).to_be_visible()
    expect(person.get_by_role("link", name="+14155552671")).to_have_count(0)
    person.get_by_role("link", name="#big-orders").focus()
    person.keyboard.press("Enter")

    expect(person.get_by_role("heading", name="#big-orders")).to_be_visible()
    assert "channel=slack" in person.url


def test_what_is_not_there_is_said(person: Page, console: System, look: Look) -> None:
    person.goto("/console/inbox/0198b2f4-5c1e-7d3a-9b1f-2f6f0a6e8c11")

    expect(person.get_by_text("stayed here")).to_be_visible()
    look(person, "inbox-missing")
