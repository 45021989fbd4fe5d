"""Clients, endpoints and templates in a real browser: with much, with nothing, and with what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sentinel.clock import utc_now
from sentinel.ids import new_id
from sentinel.services import templates
from sentinel.services.access import clients
from sentinel.services.templates import Written
from sentinel.services.unit_of_work import unit_of_work
from tests.browser.conftest import Look
from tests.integration.calls import execute
from tests.integration.rules import client, endpoint, post, rule

LONG = "Bereitschaft Leitstand Nord, zweite Schicht am Wochenende (nur kritische Meldungen)"


def tried(endpoint_id: int, *, back: timedelta, outcome: str = "OK", **columns: Any) -> None:
    """A message to an endpoint, and one try at it."""
    at = utc_now() - back
    notification_id = new_id(at)
    status = "SENT" if outcome == "OK" else "FAILED"
    execute(
        """
        INSERT INTO notifications (id, client_id, channel, recipient, body, status, reason, attempts, attempt_limit,
                                   endpoint_id, created_at, updated_at)
        SELECT :id, client_id, channel, target, 'Disk full', :status, :reason, 1, 6, id, :at, :at
        FROM endpoints WHERE id = :endpoint_id
        """,
        id=notification_id,
        status=status,
        reason=columns.get("reason"),
        at=at,
        endpoint_id=endpoint_id,
    )
    execute(
        """
        INSERT INTO attempts (notification_id, number, provider, outcome, reason, http_status, provider_code, detail,
                              hint, started_at, duration_ms)
        VALUES (:id, 1, :provider, :outcome, :reason, :http_status, :code, :detail, :hint, :at, :took)
        """,
        id=notification_id,
        provider=columns.get("provider", "webhook"),
        outcome=outcome,
        reason=columns.get("reason"),
        http_status=columns.get("http_status", 200 if outcome == "OK" else None),
        code=columns.get("code"),
        detail=columns.get("detail"),
        hint=columns.get("hint"),
        at=at,
        took=columns.get("took", 84),
    )


@pytest.fixture
def some(console: object) -> dict[str, int]:
    """Clients with endpoints that fare well and badly."""
    for name in ("billing", "device-fleet", "Läden & Söhne", "監視チーム"):
        client(name)
    rule('when severity == "critical" then notify("endpoint:on-call")', "page whoever is on call")
    ids = {
        "fine": endpoint("webhook", "https://hooks.example.com/v1/sentinel", name="orders hook"),
        "broken": endpoint(
            "webhook",
            "https://receiver.example.org/a/very/long/path/that/never/seems/to/end/alerts?team=platform",
            name="status page",
            of="billing",
        ),
        "phone": endpoint("sms", "+14155552671", name="on-call"),
        "recovered": endpoint("email", "oncall@example.com", of="device-fleet", name=LONG),
        "quiet": endpoint("slack", "#große-alarme", of="Läden & Söhne"),
        "user": endpoint("inbox", "user-17", of="監視チーム", user_id="user-17", name="監視チームの受信箱"),
        "gone": endpoint("webhook", "https://old.example.net/hook", of="billing", is_enabled=False),
    }
    execute("UPDATE endpoints SET disabled_reason = 'endpoint_gone' WHERE id = :id", id=ids["gone"])
    for hour in range(20):
        for minute in range(3 + (hour * 7) % 11):
            tried(ids["fine"], back=timedelta(hours=hour, minutes=minute * 4), took=40 + minute * 13)
    words = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
    for hour in range(6):
        tried(ids["broken"], back=timedelta(hours=hour + 2, minutes=3))
    for minute in (4, 31, 58):
        tried(
            ids["broken"],
            back=timedelta(minutes=minute),
            outcome="RETRY",
            reason="http_503",
            http_status=503,
            detail=words,
            hint="The receiver is overloaded or down; Sentinel tries again by itself.",
            took=2310,
        )
    tried(ids["recovered"], back=timedelta(hours=3), outcome="QUOTA", reason="quota", provider="sendgrid", code="429")
    tried(ids["recovered"], back=timedelta(minutes=12), provider="sendgrid", http_status=202)
    return ids


def test_the_list_of_endpoints_shows_at_a_glance_which_fail(some: dict[str, int], person: Page, look: Look) -> None:
    person.goto("/console/endpoints")
    look(person, "endpoints-list")

    person.get_by_label("State").select_option("troubled")
    person.get_by_role("button", name="Show").click()
    expect(person.get_by_role("link", name="status page")).to_be_visible()
    expect(person.get_by_role("link", name="orders hook")).to_have_count(0)


def test_an_endpoint_tells_how_it_fares_and_a_test_is_followed_to_its_end(
    some: dict[str, int], person: Page, look: Look
) -> None:
    person.goto(f"/console/endpoints/{some['broken']}")
    look(person, "endpoint-failing")
    person.goto(f"/console/endpoints/{some['gone']}")
    look(person, "endpoint-gone")

    person.goto(f"/console/endpoints/{some['phone']}")
    person.get_by_role("button", name="Send a test").click()
    expect(person.get_by_text("The provider took it")).to_be_visible()
    look(person, "endpoint-tested")


def test_an_endpoint_is_made_by_its_form_which_says_what_is_wrong(
    some: dict[str, int], person: Page, look: Look
) -> None:
    person.goto("/console/endpoints/new?client=billing")
    look(person, "endpoint-new")
    person.get_by_label("Channel").select_option("webhook")
    person.get_by_label("Target", exact=True).fill("https://user:secret@example.com/hook")
    person.get_by_label("Name", exact=True).fill("shop")
    person.get_by_text("Quiet hours: when").click()
    person.get_by_label("Times, as JSON").fill('{"zone": "Europe/Nowhere"}')
    person.get_by_role("button", name="Make it").click()
    expect(person).to_have_title("Error: New endpoint · Sentinel")
    look(person, "endpoint-error")

    person.get_by_label("Target", exact=True).fill("https://example.com/hook")
    person.get_by_label("Times, as JSON").fill("")
    person.get_by_role("button", name="Make it").click()
    expect(person.get_by_text("It is shown this once.")).to_be_visible()
    look(person, "endpoint-secret")

    person.get_by_role("link", name="I have it").click()
    person.get_by_role("button", name="Delete").click()
    person.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(person.get_by_text("shop is removed.")).to_be_visible()


def test_without_endpoints_and_templates_the_lists_say_what_to_do(person: Page, look: Look) -> None:
    person.goto("/console/endpoints")
    look(person, "endpoints-empty")
    person.goto("/console/templates")
    look(person, "templates-empty")


@pytest.fixture
def words(console: object) -> int:
    """Templates of some clients; returns one that is asked for."""
    shop = client("Läden & Söhne")
    endpoint("sms", "+14155552671", of="Läden & Söhne", name="Filialleitung", template="kurz")
    rule('when true then notify("email:ops@example.com", template="kurz")', "every order", of="Läden & Söhne")
    post({"type": "order", "severity": "high", "source": "checkout", "name": "payment_failed", "amount": 749.9})
    post(
        {"type": "order", "severity": "critical", "source": "Kasse 4", "name": "Zahlung abgelehnt", "amount": 75},
        of="Läden & Söhne",
    )
    body = (
        "{{ name }} in {{ source }}: {{ event.amount | round(2) }} €\n"
        "{% for rule in rules %}- {{ rule.name }}\n{% endfor %}"
    )
    with unit_of_work() as uow:
        found = templates.create(uow, shop, Written("kurz", body, "[{{ severity | upper }}] {{ name }}"))
        templates.create(uow, shop, Written("default", "{{ name }}", channel="email"))
        templates.create(uow, client("監視チーム"), Written("既定", "{{ name }}が発生しました", channel="sms"))
    return found.id


def test_the_preview_follows_what_is_written_on_each_channel(words: int, person: Page, look: Look) -> None:
    person.goto("/console/templates")
    look(person, "templates-list")
    person.goto(f"/console/templates/{words}")
    preview = person.locator("#preview")
    frame = person.frame_locator("#preview iframe")
    expect(frame.get_by_text("[HIGH] card_declined")).to_be_visible()
    look(person, "template-mail")

    person.get_by_label("Of the event").select_option(index=1)
    expect(frame.get_by_text("[CRITICAL] Zahlung abgelehnt")).to_be_visible()
    for channel, told in (
        ("sms", "1 segment"),
        ("slack", "APP"),
        ("webhook", "notification.created"),
        ("push", "75 €"),
    ):
        person.get_by_label("Shown as").select_option(channel)
        expect(preview).to_contain_text(told)
        look(person, f"template-{channel}")

    person.get_by_label("Body").fill("{{ name }}\n{{ event.amount | rond }}")
    expect(person.locator("#live-error-body")).to_contain_text("line 2")
    look(person, "template-error")
    person.get_by_label("Body").fill("All is well with {{ name }}")
    expect(preview).to_contain_text("All is well with Zahlung abgelehnt")
    expect(person.locator("#live-error-body")).to_be_hidden()
    person.get_by_role("button", name="Save").click()
    expect(person.get_by_text("Saved.")).to_be_visible()
    assert person.evaluate("history.length") <= 5


@pytest.mark.usefixtures("some")
def test_clients_and_what_is_theirs(person: Page, look: Look) -> None:
    shop = client("Läden & Söhne")
    with unit_of_work() as uow:
        clients.create_key(uow, "Läden & Söhne", "Kassensystem der Filiale Zürich-Oerlikon", scopes=["events:write"])
        clients.create_key(uow, "Läden & Söhne", "CI", expires_at=uow.now + timedelta(days=30))
        clients.create_key(uow, "Läden & Söhne", "old", expires_at=uow.now - timedelta(days=3))
    today = utc_now().date()
    for channel, amount in (("email", 12480), ("sms", 311), ("webhook", 8003)):
        execute(
            "INSERT INTO book_totals (day, client_id, channel, accepted, pruned) VALUES (:day, :id, :channel, :n, 0)",
            day=today,
            id=shop,
            channel=channel,
            n=amount,
        )
    person.goto("/console/clients")
    look(person, "clients-list")
    person.goto(f"/console/clients/{shop}")
    look(person, "client")

    person.get_by_role("link", name="API keys").click()
    look(person, "client-keys")
    person.get_by_label("Name").fill("checkout")
    person.get_by_text("What it may do").click()
    person.get_by_label("read events").or_(person.locator("#scope-events-read")).first.check()
    look(person, "client-keys-scopes")
    person.get_by_role("button", name="Make it").click()
    expect(person.get_by_text("it is shown this once")).to_be_visible()
    look(person, "client-new-key")

    person.goto(f"/console/clients/{shop}/delivery")
    person.get_by_label("Address or name").first.fill("nobody")
    person.get_by_role("button", name="Save").last.click()
    expect(person.locator("#failover-error")).to_be_visible()
    look(person, "client-delivery")

    person.goto(f"/console/clients/{shop}/integrations")
    person.get_by_label("System").select_option("github")
    person.get_by_label("Name").fill("GitHub of the shop")
    person.get_by_role("button", name="Make it").click()
    look(person, "client-new-integration")
    person.get_by_role("link", name="I have it").click()
    look(person, "client-integrations")
