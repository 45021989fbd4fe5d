"""The screen Events: what came in, what became of it, and why a rule spoke or did not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from markupsafe import escape
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.ids import new_id
from sentinel.queries import events as queries
from tests.integration.calls import execute
from tests.integration.console.conftest import AsRole
from tests.integration.console.test_notifications import words_of
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import ORDER, client, event, happen, post, rule

LIST = "/console/events"
BIG = {"type": "order", "amount": 750, "event_id": "order-4711"}


def listed(visit: Visit, **arguments: Any) -> list[str]:
    """The ids that a list shows, in order."""
    answer = visit.get(LIST, **arguments)
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="row-link" href="/console/events/([0-9a-f-]{36})"', answer.text)


def test_nothing_yet_says_what_an_event_is(visit: Visit) -> None:
    assert "No events yet" in visit.get(LIST).text


def test_those_of_all_clients_are_listed_newest_first(visit: Visit) -> None:
    (first,), (second,) = post({"type": "order"}), post({"type": "login"}, of="shop")

    assert listed(visit) == [second, first]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"client": "shop"}, ["login"]),
        ({"type": "order"}, ["order"]),
        ({"severity": "HIGH"}, ["login"]),
        ({"source": "api", "name": "timeout"}, ["login"]),
        ({"device": "dev-1"}, ["order"]),
        ({"status": "UNMATCHED"}, []),
        ({"since": "1h"}, ["login", "order"]),
        ({"until": "1h"}, []),
        ({"rule": "7"}, []),
    ],
)
def test_a_list_can_be_narrowed(visit: Visit, query: dict[str, str], expected: list[str]) -> None:
    (order,) = post({"type": "order", "device_id": "dev-1"})
    (login,) = post({"type": "login", "severity": "high", "source": "api", "name": "timeout"}, of="shop")
    ids = {"order": order, "login": login}

    assert listed(visit, **query) == [ids[each] for each in expected]


def test_our_id_and_the_senders_own_lead_to_the_event(visit: Visit) -> None:
    (event_id,) = post(BIG)

    for word in (event_id, "order-4711"):
        assert visit.get(LIST, q=word).headers["Location"] == f"{LIST}/{event_id}"


def test_of_several_clients_with_the_same_id_of_theirs_all_are_shown(visit: Visit) -> None:
    (first,), (second,) = post(BIG), post(BIG, of="shop")

    assert listed(visit, q="order-4711") == [second, first]


def test_an_unknown_id_says_so(visit: Visit) -> None:
    post(BIG)

    assert "No event is called “order-1”" in visit.get(LIST, q="order-1").text


def test_what_takes_too_long_to_find_says_how_to_narrow_it(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.web.screens.events.showing.LOOK_SECONDS", 0.05)
    slow = text("SELECT pg_sleep(5)")
    monkeypatch.setattr(queries, "page_of_all", lambda session, *_, **__: session.execute(slow))

    answer = visit.get(LIST, type="never")

    assert (answer.status_code, "Add since" in answer.text) == (422, True)


def test_a_filter_that_is_not_understood_says_so(visit: Visit) -> None:
    answer = visit.get(LIST, since="yesterday")

    assert (answer.status_code, "since: " in answer.text) == (422, True)


def test_an_event_tells_who_was_told_and_by_which_rule(visit: Visit) -> None:
    rule(ORDER, "big orders")
    (event_id,) = happen(BIG)

    said = words_of(visit.get(f"{LIST}/{event_id}").text)

    assert "1 rule spoke" in said
    assert "#big-orders" in said
    assert "big orders spoke" in said


def test_a_rule_that_did_not_speak_says_which_condition_failed_and_what_it_saw(visit: Visit) -> None:
    rule(ORDER, "big orders")
    rule('when type == "order" and region == "eu" then notify("slack:#eu")', "european orders")
    (event_id,) = happen(BIG | {"amount": 500})

    said = words_of(visit.get(f"{LIST}/{event_id}").text)

    assert "No rule spoke" in said
    assert "amount &gt; 500 failed: it saw 500." in said
    assert "region == &#34;eu&#34; failed: the event has no such field." in said


def test_a_value_of_another_type_is_called_so(visit: Visit) -> None:
    rule(ORDER, "big orders")
    (event_id,) = happen(BIG | {"amount": "750"})

    assert "it saw “750”, which is of another type." in words_of(visit.get(f"{LIST}/{event_id}").text)


def test_a_broadcast_is_explained_for_the_client_that_was_chosen(visit: Visit) -> None:
    client("shop")
    rule(ORDER, "orders of the shop", of="shop")
    (event_id,) = happen(BIG, is_broadcast=True)

    own, of_shop = (visit.get(f"{LIST}/{event_id}", **asked).text for asked in ({}, {"client": "shop"}))

    assert "This client has no rules that are asked" in own
    assert "orders of the shop" in of_shop


def test_tickets_that_it_opened_are_named(visit: Visit) -> None:
    rule('when status == "offline" then ticket(severity="critical", title="Device offline")', "offline")
    (event_id,) = happen({"device_id": "dev-1", "status": "offline"})

    said = words_of(visit.get(f"{LIST}/{event_id}").text)

    assert "1 ticket" in said
    assert "Device offline" in said


def test_an_event_is_posted_again_as_a_new_one(as_role: AsRole) -> None:
    operator = as_role("operator")
    (event_id,) = post(BIG)
    form = operator.get(f"{LIST}/{event_id}/again").text
    assert "order-4711" not in form

    answer = operator.send(f"{LIST}/{event_id}/again", body='{"type": "order", "amount": 751}')

    new = answer.headers["Location"].rpartition("/")[2]
    assert "Posted as a new event" in operator.follow(answer).text
    assert (event(new).body, event(new).event_id) == ({"type": "order", "amount": 751}, None)
    assert actions() == [("operator-alice", "event.repeat", f"event {event_id}", "default")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{bad", "line 1, column 2"),
        ("[1]", "is not an object"),
        ('{"type": 7}', "is not a text"),
        ('{"a": "\\u0000"}', "NUL character"),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", "nested deeper than 64 levels"),
        ('{"a": ' + "[" * 900 + "]" * 900 + "}", "nested deeper than 64 levels"),
    ],
)
def test_what_cannot_be_an_event_says_why_and_is_kept(as_role: AsRole, body: str, words: str) -> None:
    operator = as_role("operator")
    (event_id,) = post(BIG)

    answer = operator.send(f"{LIST}/{event_id}/again", body=body)

    assert answer.status_code == 422
    assert words in answer.text
    assert str(escape(body)) in answer.text
    assert actions() == []


def test_a_viewer_is_not_offered_to_post_again(as_role: AsRole) -> None:
    (event_id,) = post(BIG)

    page = as_role("viewer").get(f"{LIST}/{event_id}").text

    assert "Post again" not in page


def test_one_that_failed_says_that_it_is_our_mistake(visit: Visit) -> None:
    (event_id,) = post(BIG)
    execute("UPDATE events SET status = 'FAILED', reason = 'KeyError', queue_at = NULL")

    assert "A mistake of ours: KeyError." in words_of(visit.get(f"{LIST}/{event_id}").text)


def test_one_that_is_not_there_is_said_as_a_page(visit: Visit) -> None:
    assert visit.get(f"{LIST}/{new_id(utc_now() - timedelta(days=1))}").status_code == 404


def test_a_senders_id_that_looks_like_one_of_ours_leads_to_its_event(visit: Visit) -> None:
    theirs = new_id(utc_now())
    (event_id,) = post({"type": "order", "event_id": theirs})

    answer = visit.get(LIST, q=theirs)

    assert (answer.status_code, answer.headers.get("Location")) == (303, f"{LIST}/{event_id}")
    assert "No event is called" in visit.get(LIST, q=new_id(utc_now())).text
