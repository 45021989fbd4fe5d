"""Rules in a browser: an editor that colours, points at mistakes and offers words; every page is looked at."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from sentinel.rules.lexemes import lexemes
from sentinel.rules.packs import load_pack
from tests.browser.conftest import Look
from tests.integration.rules import client, endpoint, happen, rule
from tests.unit.rules.test_lexemes import RULES

ORDER = 'when type == "order" and amount > 500 then notify("slack:#big-orders")'
LONG = (
    'when type == "order" and lower(customer.region) in ["emea", "apac", "latam"] and customer.tier matches '
    '/^(gold|platinum)$/ and amount between 500 and 25000 and not (status contains "test" or exists(sandbox))\n'
    "throttle 3 per 1h, 20 per 1d by customer.id\n"
    "severity critical if amount > 10000, high if amount > 2000 else medium\n"
    'then notify("slack:#big-orders"), notify("email:revenue-operations@example.com"), '
    'ticket("high", "Order {id} of {amount:.2f} from {customer.name}", merge="customer.id")'
)
SCHWER = 'when 種類 == "注文" and größe >= 3 for 5m by 支店 then notify("endpoint:*")'


def filled() -> dict[str, int]:
    """Rules of several clients, and events that made some of them speak."""
    for name in ("acme-payments", "北方航運 (Nordic Freight & Logistics)"):
        client(name)
    known = {
        "orders": rule(ORDER, "Big orders"),
        "long": rule(LONG, "Large orders of gold customers in all regions but the Americas, without tests"),
        "wide": rule('when status != "ok" then notify("endpoint:*")', "Anything not ok", is_scanned=True),
        "nordic": rule(SCHWER, "大型注文: größer als drei", of="北方航運 (Nordic Freight & Logistics)"),
        "off": rule('when severity == "low" then suppress()', "Low is noise", of="acme-payments", is_enabled=False),
    }
    for number, each in enumerate(load_pack("device_health")):
        rule(each.text, each.name, of="acme-payments" if number % 2 else "default")
    endpoint("email", "desk@example.com", rule_id=known["wide"], name="desk")
    endpoint("slack", "#on-call-emea-night-shift", rule_id=known["wide"])
    happen(*({"type": "order", "amount": 300 + 90 * number, "customer": {"region": "emea"}} for number in range(9)))
    return known


def write(page: Page, text: str) -> None:
    """Put a text into the editor, as if it was pasted."""
    page.get_by_label("Rule", exact=True).fill(text)


def test_each_list_says_what_it_has(person: Page, look: Look) -> None:
    person.goto("/console/rules")
    look(person, "rules-empty")
    filled()

    person.goto("/console/rules")
    expect(person.get_by_role("row")).to_have_count(10)
    look(person, "rules-list")
    person.goto("/console/rules?q=nothing-like-it")
    look(person, "rules-none-fits")
    person.goto("/console/rules/packs?client=acme-payments")
    look(person, "rules-packs")


def test_a_rule_is_made_edited_switched_off_and_deleted(person: Page, look: Look) -> None:
    person.goto("/console/rules")
    person.get_by_role("link", name="New rule").click()
    person.get_by_label("Name", exact=True).fill("Big orders")
    write(person, ORDER)
    expect(person.locator("#verdict")).to_contain_text("Understood as")
    person.get_by_role("button", name="Make the rule").click()
    expect(person.get_by_role("status")).to_contain_text("is stored")

    person.get_by_role("link", name="Edit").click()
    write(person, ORDER.replace("500", "900"))
    person.get_by_role("button", name="Save", exact=True).click()
    expect(person.locator(".rl-code")).to_contain_text("amount > 900")
    person.get_by_role("link", name="History and differences").click()
    expect(person.locator("del")).to_have_text("500")
    look(person, "rules-history")

    person.goto("/console/rules")
    person.get_by_role("switch", name="Big orders").click()
    expect(person.get_by_role("switch", name="Big orders")).to_have_attribute("aria-checked", "false")
    person.get_by_role("link", name="Big orders").click()
    person.get_by_role("button", name="Delete").click()
    look(person, "rules-delete")
    person.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(person.get_by_role("note")).to_contain_text("This rule was deleted by alice")
    look(person, "rules-deleted")


def test_a_mistake_is_underlined_where_it_is_as_one_types(person: Page, look: Look) -> None:
    person.goto("/console/rules/new")
    write(person, 'when type == "order"\n  and amout = 500\nthen notify("slack:#big-orders")')

    expect(person.locator(".rl-wrong")).to_have_text("=")
    expect(person.locator(".rl-bad-line")).to_contain_text("and amout = 500")
    expect(person.locator("#verdict")).to_contain_text("line 2, column 13")
    look(person, "rules-editor-mistake")
    person.get_by_role("button", name="line 2, column 13").click()
    person.keyboard.type("==")
    expect(person.locator(".rl-wrong")).to_have_count(0)
    write(person, 'when note == "🔥🚒" and a = 1 then suppress()')
    expect(person.locator(".rl-wrong")).to_have_text("=")
    write(person, ORDER)
    expect(person.locator("#verdict")).to_contain_text("Understood as")


def test_the_editor_colours_as_the_parser_reads(person: Page) -> None:
    person.goto("/console/rules/new")

    for text in (*RULES, LONG, 'when "unclosed\nthen § notify( x', "when a.\nb in"):
        write(person, text)
        shown = person.evaluate(
            "[...document.querySelectorAll('.rl-colours .rl-line span')]"
            ".map((each) => [each.className.split(' ')[0].slice(3), each.textContent])"
        )
        assert shown == [[each.kind, each.text] for each in lexemes(text) if each.kind != "space"], text


def test_words_are_offered_and_the_keyboard_gets_out(person: Page, look: Look) -> None:
    filled()
    person.goto("/console/rules/new")
    person.get_by_label("Name", exact=True).fill("Orders")
    person.keyboard.press("Tab")
    person.get_by_label("Rule", exact=True).focus()
    person.keyboard.type("when ")
    person.keyboard.press("Control+Space")
    expect(person.get_by_role("option").first).to_contain_text("type")
    expect(person.locator("#verdict")).to_contain_text("Not finished")
    person.keyboard.type("cust")
    expect(person.get_by_role("option").first).to_contain_text("customer.region")
    look(person, "rules-editor-words")
    person.keyboard.press("Enter")
    person.keyboard.type(' == "')
    expect(person.get_by_role("option").first).to_contain_text("emea")
    person.keyboard.press("Enter")
    person.keyboard.press("Escape")
    expect(person.get_by_label("Rule", exact=True)).to_have_value('when customer.region == "emea"')

    person.keyboard.press("Tab")
    expect(person.get_by_label("Rule", exact=True)).not_to_be_focused()


def test_a_rule_is_tried_and_the_past_is_asked_before_it_is_stored(person: Page, look: Look) -> None:
    known = filled()
    person.goto(f"/console/rules/{known['orders']}/edit")
    person.get_by_role("button", name="Use").click()
    expect(person.locator("#trial")).to_contain_text("It speaks")
    person.get_by_role("button", name="Last 24 hours").click()
    expect(person.locator("#replay")).to_contain_text("It would have spoken 6 times")
    look(person, "rules-editor-tried")

    person.get_by_label("Event, as JSON").fill(json.dumps({"type": "order", "amount": "750"}))
    person.get_by_role("button", name="Try", exact=True).click()
    expect(person.locator("#trial")).to_contain_text("which is of another type")
    person.get_by_label("Event, as JSON").fill('{"type": "order",\n "amount" 750}')
    person.get_by_role("button", name="Try", exact=True).click()
    expect(person.locator("#trial")).to_contain_text("line 2, column 11")
    look(person, "rules-editor-bad-event")


def test_long_rules_and_foreign_letters_have_room(person: Page, look: Look) -> None:
    known = filled()
    person.goto(f"/console/rules/{known['long']}/edit")
    expect(person.locator("#verdict")).to_contain_text("Understood as")
    look(person, "rules-editor-long")
    person.goto(f"/console/rules/{known['wide']}")
    look(person, "rules-show-wide")
    person.goto(f"/console/rules/{known['nordic']}")
    look(person, "rules-show-nordic")


def test_the_short_form_shows_what_it_becomes(person: Page, look: Look) -> None:
    person.goto("/console/rules/new?form=short")
    person.get_by_label("Severity").select_option("high")
    person.get_by_label("Source").fill("api")
    expect(person.locator("#verdict")).to_contain_text('when lower(severity) == "high" and source == "api"')
    look(person, "rules-short")
    person.get_by_role("button", name="Go on in the rule language").click()
    expect(person.get_by_label("Rule", exact=True)).to_have_value(re.compile("when lower"))


def test_who_comes_second_sees_both(person: Page, look: Look) -> None:
    known = filled()["orders"]
    person.goto(f"/console/rules/{known}/edit")
    other = person.context.new_page()
    other.goto(f"/console/rules/{known}/edit")
    write(other, ORDER.replace("500", "700"))
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_role("status")).to_contain_text("is saved")

    write(person, ORDER.replace("500", "900"))
    person.get_by_role("button", name="Save", exact=True).click()
    expect(person.get_by_role("alert")).to_contain_text("Somebody else has changed this rule")
    look(person, "rules-conflict")
    person.get_by_role("button", name="Save over version 2").click()
    expect(person.locator(".rl-code")).to_contain_text("amount > 900")
