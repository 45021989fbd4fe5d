"""The screen Templates: what is written, what comes of it, and who asks for it."""

from __future__ import annotations

import re

import pytest

from sentinel.models import Template
from sentinel.queries.templates import Filter
from sentinel.services import templates
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import bearer, send
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import client, endpoint, rule

LIST = "/console/templates"
SHORT: dict[str, str] = {
    "client": "default",
    "name": "short",
    "channel": "sms",
    "subject": "",
    "body": "{{ name }}: {{ event.amount }}",
}


def stored() -> list[Template]:
    with unit_of_work() as uow:
        return [each for each, _ in templates.listed(uow, Filter(), size=100)[0]]


def previewed(visit: Visit, **fields: str) -> str:
    """The part of the editor that our script asks for."""
    visit.browser.environ_base["HTTP_X_PART"] = "1"
    answer = visit.send(f"{LIST}/preview", **SHORT | fields)
    assert (answer.status_code, "<html" in answer.text) == (200, False)
    return answer.text


def test_without_templates_the_list_says_what_messages_say_then(visit: Visit, as_role: AsRole) -> None:
    assert "Write the first one" in visit.get(LIST).text
    assert "Write the first one" not in as_role("viewer").get(LIST).text


def test_templates_of_all_clients_are_listed_and_narrowed(visit: Visit) -> None:
    client("shop")
    visit.send(LIST, **SHORT)
    visit.send(LIST, **SHORT | {"client": "shop", "name": "Störung", "channel": ""})

    assert {"short", "Störung"} <= set(re.findall(r"text-break\" href=\"[^\"]*\">([^<]*)<", visit.get(LIST).text))
    for arguments in ({"client": "shop"}, {"q": "störung"}):
        page = visit.get(LIST, **arguments).text
        assert "Störung" in page, arguments
        assert ">short<" not in page, arguments
    assert "Störung" not in visit.get(LIST, channel="sms").text
    assert "No template is like that" in visit.get(LIST, q="nowhere").text


def test_a_template_is_made_changed_and_removed_and_each_is_written_down(visit: Visit) -> None:
    made = visit.send(LIST, **SHORT)
    (found,) = stored()
    address = f"{LIST}/{found.id}"
    assert made.headers["Location"] == address
    assert "{{ event.amount }}" in visit.get(address).text

    visit.send(address, **SHORT | {"body": "line one\r\n  line two", "version": "1"})
    (found,) = stored()
    assert (found.body, found.subject, found.version) == ("line one\n  line two", None, 2)

    visit.follow(visit.send(f"{address}/delete"))
    assert stored() == []
    assert [action for _, action, *_ in actions()] == ["template.create", "template.change", "template.delete"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body": "fine\n{{ event.amount | rond }}"}, "line 2:"),
        ({"subject": "{{ name"}, "line 1:"),
        ({"body": "  "}, ""),
        ({"body": ""}, "is empty"),
        ({"name": ""}, "is empty"),
        ({"channel": "pigeon"}, "is not a channel"),
        ({"client": "nobody"}, "no client"),
        ({"body": "a\0b"}, "NUL"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    fields: dict[str, str], words: str, visit: Visit
) -> None:
    if not words:
        assert visit.send(LIST, **SHORT | fields).status_code == 303
        return
    answer = visit.send(LIST, **SHORT | fields)

    assert answer.status_code == 422
    assert words in " ".join(re.findall(r'class="invalid-feedback[^>]*>([^<]*)<', answer.text))
    assert fields.get("name", "short") in answer.text
    assert stored() == []


def test_who_saves_what_has_changed_meanwhile_sees_both_and_loses_nothing(visit: Visit) -> None:
    visit.send(LIST, **SHORT)
    (found,) = stored()
    visit.send(f"{LIST}/{found.id}", **SHORT | {"body": "the first", "version": "1"})

    late = visit.send(f"{LIST}/{found.id}", **SHORT | {"body": "the second", "version": "1"})

    assert late.status_code == 409
    assert "Somebody else has changed" in late.text
    assert "the first" in late.text
    assert "\nthe second</textarea>" in late.text
    assert stored()[0].body == "the first"


def test_it_says_who_asks_for_it_and_is_removed_only_by_force_then(visit: Visit) -> None:
    visit.send(LIST, **SHORT)
    (found,) = stored()
    assert "Nobody yet" in visit.get(f"{LIST}/{found.id}").text
    endpoint("sms", "+14155552671", name="ops", template="short")
    rule('when true then notify("sms:+14155552671", template="short")', "large orders")

    page = visit.get(f"{LIST}/{found.id}").text
    assert "endpoint ops" in page
    assert "rule large orders" in page

    refused = visit.follow(visit.send(f"{LIST}/{found.id}/delete")).text
    assert "is asked for by endpoint ops, rule large orders" in refused
    assert "Delete all the same" in refused
    visit.send(f"{LIST}/{found.id}/delete", force="yes")
    assert stored() == []


def test_the_preview_shows_the_message_as_its_channel_sends_it(visit: Visit) -> None:
    assert "card_declined: 750" in previewed(visit)
    assert "1 segment" in previewed(visit)
    assert "not in GSM-7" in previewed(visit, body="“{{ name }}”")
    mail = previewed(visit, channel="email")
    assert 'sandbox=""' in mail
    assert "srcdoc" not in mail
    assert "notification.created" in previewed(visit, channel="webhook")
    assert "APP" in previewed(visit, channel="", as_channel="slack")


def test_the_preview_tells_of_an_event_that_came_or_that_somebody_writes(visit: Visit) -> None:
    api = visit.browser.application.test_client()
    event_id = send(api, {"type": "order", "name": "big order", "amount": 12}, "/events").get_json()["id"]
    foreign = send(api, {"name": "not mine"}, "/events", **bearer("other")).get_json()["id"]

    assert "big order: 12" in previewed(visit, event_id=event_id)
    assert "mine: 7" in previewed(visit, event_id=event_id, event='{"name": "mine", "amount": 7}')
    assert "no event" in previewed(visit, event_id=foreign)
    assert "is no JSON" in previewed(visit, event="{")
    assert f'value="{event_id}"' in visit.get(f"{LIST}/new").text


def test_the_preview_says_what_is_wrong_with_its_field_and_line(visit: Visit) -> None:
    page = previewed(visit, body="a\nb\n{{ event.amount | rond }}")

    assert 'data-error-of="body"' in page
    assert "line 3" in page


def test_where_no_script_asks_the_preview_is_the_whole_editor_and_nothing_is_stored(visit: Visit) -> None:
    page = visit.send(f"{LIST}/preview", **SHORT | {"body": "not saved: {{ name }}"})

    assert page.status_code == 200
    assert "not saved: card_declined" in page.text
    assert "\nnot saved: {{ name }}</textarea>" in page.text
    assert (stored(), actions()) == ([], [])


def test_the_page_of_a_mail_is_a_document_that_may_do_nothing(visit: Visit) -> None:
    page = visit.send(f"{LIST}/preview/mail", **SHORT | {"body": "<script>alert(1)</script>{{ name }}"})

    policy = page.headers["Content-Security-Policy"]
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; sandbox;")
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    broken = visit.send(f"{LIST}/preview/mail", **SHORT | {"body": "{{"})
    assert (broken.status_code, broken.headers["Content-Security-Policy"]) == (200, policy)


def test_a_viewer_looks_and_tries_and_does_not_change(as_role: AsRole, visit: Visit) -> None:
    visit.send(LIST, **SHORT)
    (found,) = stored()
    viewer = as_role("viewer")

    page = viewer.get(f"{LIST}/{found.id}")

    assert page.status_code == 200
    assert ">Save<" not in page.text
    assert ">Delete<" not in page.text
    assert "card_declined: 750" in previewed(viewer)


def test_what_was_written_for_a_deleted_template_becomes_a_new_one(visit: Visit) -> None:
    answer = visit.send(f"{LIST}/999", **SHORT | {"body": "kept", "version": "1"})

    assert answer.status_code == 409
    assert "Somebody else has deleted this" in answer.text
    assert "\nkept</textarea>" in answer.text
    assert f'action="{LIST}"' in answer.text


def test_an_event_that_is_nested_too_deep_is_refused_and_not_an_error_of_ours(visit: Visit) -> None:
    answer = visit.send(f"{LIST}/preview", **SHORT | {"event": '{"a":' * 300 + "1" + "}" * 300})

    assert answer.status_code == 200
    assert "nested deeper than" in answer.text
