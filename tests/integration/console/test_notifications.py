"""The screen Notifications: found, told from end to end, and started over, mended or taken back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from sentinel.clock import utc_now
from sentinel.ids import new_id
from sentinel.models.status import Status
from sentinel.queries import notifications as queries
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import endpoint, happen, rule, told
from tests.rows import row

LIST = "/console/notifications"


@pytest.fixture
def shop(database: Any) -> int:
    """Another client."""
    with unit_of_work() as uow:
        return clients.create(uow, "shop").id


@pytest.fixture
def failed(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> str:
    """One whose recipient the provider refused."""
    notification_id = accept(body="Disk full on db-3")
    provider.script(refused(400, 21211))
    run_pipeline([notification_id])
    return notification_id


def listed(visit: Visit, **arguments: Any) -> list[str]:
    """The ids that a list shows, in order."""
    answer = visit.get(LIST, **arguments)
    assert answer.status_code == 200, answer.text
    return ids_in(answer.text)


def ids_in(page: str) -> list[str]:
    """The ids that the rows of a page lead to."""
    return re.findall(r'class="row-link" href="/console/notifications/([0-9a-f-]{36})"', page)


def look(visit: Visit, address: str) -> str:
    """Follow a link of a page."""
    return visit.browser.get(address.replace("&amp;", "&")).text


def words_of(page: str) -> str:
    """A page's words, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_nothing_yet_says_how_to_begin(visit: Visit) -> None:
    assert "No notifications yet" in visit.get(LIST).text


def test_those_of_all_clients_are_listed_newest_first(visit: Visit, accept: Accept, shop: int) -> None:
    first, second = accept(), accept(client_id=shop)

    assert listed(visit) == [second, first]


def test_a_page_leads_to_the_next(visit: Visit, accept: Accept) -> None:
    ids = [accept() for _ in range(26)]

    page = visit.get(LIST, size=25).text
    (following,) = re.findall(r'rel="next" href="([^"]+)"', page)

    assert listed(visit, size=25) == ids[:0:-1]
    assert ids_in(look(visit, following)) == ids[:1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"client": "shop"}, ["shop"]),
        ({"channel": "email"}, ["mail"]),
        ({"status": "CANCELLED"}, ["cancelled"]),
        ({"status": ["CANCELLED", "PENDING"], "channel": "email"}, ["mail"]),
        ({"reason": "expired"}, ["suppressed"]),
        ({"status": "SUPPRESSED"}, ["suppressed"]),
        ({"recipient": "+14155552679"}, ["shop"]),
        ({"user": "user-17"}, ["mail"]),
        ({"since": "1h"}, ["suppressed", "cancelled", "mail", "shop"]),
        ({"until": "1h"}, []),
        ({"rule": "7"}, []),
        ({"q": "+1 (415) 555-2679"}, ["shop"]),
        ({"q": "anna@EXAMPLE.com"}, ["mail"]),
        ({"q": "user-17"}, ["mail"]),
        ({"q": "nobody"}, []),
        ({"q": "user-17", "client": "shop"}, []),
    ],
)
def test_a_list_can_be_narrowed(
    visit: Visit, accept: Accept, shop: int, query: dict[str, Any], expected: list[str]
) -> None:
    ids = {
        "shop": accept(client_id=shop, recipient="+14155552679"),
        "mail": accept(channel="email", recipient="anna@example.com", user_id="user-17"),
        "cancelled": accept(),
        "suppressed": accept(),
    }
    end = "UPDATE notifications SET status = :status, reason = :reason, queue_at = NULL WHERE id = :id"
    execute(end, status="CANCELLED", reason=None, id=ids["cancelled"])
    execute(end, status="SUPPRESSED", reason="expired", id=ids["suppressed"])

    assert listed(visit, **query) == [ids[each] for each in expected]


def test_an_id_a_dedupe_key_and_a_twilio_id_lead_to_their_notification(
    visit: Visit, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    keyed = accept(dedupe_key="disk-full")
    accept()
    run_pipeline([keyed])

    assert listed(visit, q=keyed) == [keyed]
    assert listed(visit, q="disk-full") == [keyed]
    assert listed(visit, q=str(row(keyed).provider_message_id)) == [keyed]


def test_a_word_that_is_not_known_says_what_is_searched(visit: Visit, accept: Accept) -> None:
    accept()

    assert "Nothing is known as “disk”" in visit.get(LIST, q="disk").text


@pytest.mark.parametrize(
    ("query", "field"),
    [({"since": "yesterday"}, "since"), ({"status": "LOST"}, "status"), ({"client": "nobody"}, "client"),
     ({"event": "x"}, "event"), ({"rule": "x"}, "rule")],
)  # fmt: skip
def test_a_filter_that_is_not_understood_says_so_and_lists_nothing(
    visit: Visit, accept: Accept, query: dict[str, str], field: str
) -> None:
    accept()

    answer = visit.get(LIST, **query)

    assert answer.status_code == 422
    assert f"{field}: " in answer.text
    assert "row-link" not in answer.text


def test_what_takes_too_long_to_find_says_how_to_narrow_it(
    visit: Visit, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept()
    monkeypatch.setattr("sentinel.web.screens.notifications.showing.LOOK_SECONDS", 0.05)
    monkeypatch.setattr(queries, "page", lambda session, *_, **__: session.execute(text("SELECT pg_sleep(5)")))

    answer = visit.get(LIST, status="DELIVERED")

    assert answer.status_code == 422
    assert "Add since, for example 24h, or a client, or a channel or a reason." in answer.text


def test_a_page_tells_how_many_have_come_since(visit: Visit, accept: Accept) -> None:
    first = accept()
    page = visit.get(LIST, channel="sms").text
    (address,) = re.findall(r'data-live="([^"]+)"', page)
    accept(channel="email", recipient="anna@example.com")

    assert look(visit, address).strip() == ""

    accept()
    found = look(visit, address)
    assert "1 new: show" in found
    assert "/console/notifications?channel=sms" in found
    assert first in address


def test_a_story_tells_of_event_rule_and_ending(visit: Visit, provider: ProviderStandIn) -> None:
    rule('when type == "order" then notify("sms:+14155552671")', "big orders")
    happen({"type": "order", "severity": "high"})
    (found,) = told()

    said = words_of(visit.get(f"{LIST}/{found.id}").text)

    assert "An event came in" in said
    assert "Rule “big orders” asked for it" in said
    assert "when type == &#34;order&#34;" in said
    assert said.index("An event came in") < said.index("Accepted")


def test_a_story_has_the_words_of_the_provider_and_what_to_do(visit: Visit, failed: str) -> None:
    said = words_of(visit.get(f"{LIST}/{failed}").text)

    assert "Try 1: twilio refused the recipient" in said
    assert "code 21211" in said
    assert "Nothing more happens by itself" in said


def test_one_that_waits_says_what_happens_next_and_when(
    visit: Visit, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(503, 20503))
    notification_id = accept()
    run_pipeline([notification_id])
    execute(
        "UPDATE notifications SET next_attempt_at = now() + interval '2 minutes',"
        " queue_at = now() + interval '2 minutes'"
    )

    page = visit.get(f"{LIST}/{notification_id}").text

    assert "Waits for another try" in page
    assert re.search(r"Next try at <time[^>]+>\d\d:\d\d:\d\d</time> \(<time[^>]+>in (2 min|1 min 59 s)", page)
    assert "data-live=" in page
    assert "data-live-until-done" not in visit.get(f"{LIST}/{notification_id}/story").text


def test_texts_are_shown_as_texts(visit: Visit, accept: Accept) -> None:
    notification_id = accept(body="<script>alert(1)</script>\n倉庫 📟")

    page = visit.get(f"{LIST}/{notification_id}").text

    assert "<script>alert" not in page
    assert "倉庫 📟" in page


def test_the_copied_request_is_one_shell_word_for_each_part(visit: Visit, accept: Accept) -> None:
    notification_id = accept(body="it's $HOME")

    page = visit.get(f"{LIST}/{notification_id}").text

    assert "curl http://localhost/notifications" in page
    assert "--json &#39;{&#34;channel&#34;:&#34;sms&#34;" in page


def test_an_operator_starts_one_over(as_role: AsRole, failed: str) -> None:
    operator = as_role("operator")

    page = operator.follow(operator.send(f"{LIST}/{failed}/retry"))

    assert "Started over" in page.text
    assert row(failed).status == Status.PENDING
    assert actions() == [("operator-alice", "notification.retry", f"notification {failed}", "default")]


def test_an_operator_takes_one_back(as_role: AsRole, accept: Accept) -> None:
    operator, notification_id = as_role("operator"), accept()

    operator.send(f"{LIST}/{notification_id}/cancel")

    assert row(notification_id).status == Status.CANCELLED
    assert [each[1] for each in actions()] == ["notification.cancel"]


@pytest.mark.parametrize("what", ["retry", "cancel"])
def test_what_cannot_be_done_any_more_says_why_and_leaves_no_trace(
    as_role: AsRole, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, what: str
) -> None:
    operator, notification_id = as_role("operator"), accept()
    run_pipeline([notification_id])

    page = operator.follow(operator.send(f"{LIST}/{notification_id}/{what}"))

    assert "is SENT" in page.text
    assert actions() == []


def test_a_mended_one_starts_over(as_role: AsRole, failed: str) -> None:
    operator = as_role("operator")
    form = operator.get(f"{LIST}/{failed}/edit").text
    assert 'value="+14155552671"' in form

    answer = operator.send(f"{LIST}/{failed}/edit", recipient="+1 415 555 2679", subject="", body="Disk full on db-4")

    assert "Mended and started over" in operator.follow(answer).text
    assert (row(failed).recipient, row(failed).body, row(failed).status) == (
        *("+14155552679", "Disk full on db-4", Status.PENDING),
    )
    assert [each[1] for each in actions()] == ["notification.edit"]
    said = words_of(operator.get(f"{LIST}/{failed}").text)
    assert "operator-alice changed body, recipient. Before: recipient: +14155552671." in said


def test_who_mends_what_was_mended_meanwhile_is_told_and_undoes_nothing(as_role: AsRole, failed: str) -> None:
    operator, path = as_role("operator"), f"{LIST}/{failed}/edit"
    execute("UPDATE notifications SET body = E'two\r\nlines\n'")
    sent = {"recipient": "+14155552679", "subject": "", "body": "two\nlines"}
    (opened,) = re.findall(r'name="updated_at" value="([^"]+)"', operator.get(path).text)
    execute("UPDATE notifications SET recipient = '+14155552677', updated_at = now()")

    answer = operator.send(path, **sent, updated_at=opened)

    assert (answer.status_code, "to +14155552677" in answer.text, 'value="+14155552679"' in answer.text) == (
        *(409, True, True),
    )
    assert (row(failed).recipient, actions()) == ("+14155552677", [])
    (seen,) = re.findall(r'name="updated_at" value="([^"]+)"', answer.text)
    operator.send(path, **sent, updated_at=seen)
    assert (row(failed).recipient, row(failed).body) == ("+14155552679", "two\r\nlines\n")


@pytest.mark.parametrize(
    ("sent", "field"), [({"recipient": "12"}, "recipient"), ({"body": ""}, "body"), ({"subject": "a\nb"}, "subject")]
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    as_role: AsRole, failed: str, sent: dict[str, str], field: str
) -> None:
    operator = as_role("operator")
    values = {"recipient": "+14155552671", "subject": "", "body": "Kept as written"} | sent

    answer = operator.send(f"{LIST}/{failed}/edit", MultiDict(values))

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert "Kept as written" in answer.text or field == "body"
    assert row(failed).status == Status.FAILED


def test_what_has_not_failed_cannot_be_mended(as_role: AsRole, accept: Accept) -> None:
    operator, notification_id = as_role("operator"), accept()

    answer = operator.send(f"{LIST}/{notification_id}/edit", recipient="+14155552671", subject="", body="Other")

    assert answer.status_code == 409
    assert "Other" in answer.text
    assert row(notification_id).body == "Disk full"


def test_a_viewer_sees_who_may_act(as_role: AsRole, failed: str) -> None:
    page = as_role("viewer").get(f"{LIST}/{failed}").text

    assert "Operators may start it over or cancel it." in page
    assert f"{failed}/retry" not in page


def test_one_that_is_not_there_is_said_as_a_page(visit: Visit) -> None:
    answer = visit.get(f"{LIST}/{new_id(utc_now() - timedelta(days=1))}")

    assert answer.status_code == 404


def test_a_user_whose_id_looks_like_one_of_ours_is_found(visit: Visit, accept: Accept) -> None:
    user = new_id(utc_now())
    notification_id = accept(user_id=user)

    assert listed(visit, q=user) == [notification_id]
    assert "Nothing is known as" in visit.get(LIST, q=new_id(utc_now())).text


@pytest.mark.parametrize("name", ["endpoint", "_method", "_external", "_anchor"])
def test_arguments_of_the_address_are_nothing_but_arguments(visit: Visit, accept: Accept, name: str) -> None:
    accept()

    assert visit.get(LIST, **{name: "x"}).status_code == (422 if name == "endpoint" else 200)


def test_a_count_that_takes_long_is_asked_for_no_more(
    visit: Visit, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = text("SELECT pg_sleep(5)")
    monkeypatch.setattr("sentinel.web.screens.notifications.showing.GLANCE_SECONDS", 0.05)
    monkeypatch.setattr(queries, "count_newer", lambda session, *_, **__: session.execute(slow))

    answer = visit.get(f"{LIST}/newer", after=accept())

    assert (answer.status_code, "data-live-until-done" in answer.text) == (200, True)


def test_an_address_that_is_a_secret_is_shown_to_nobody_who_only_looks(as_role: AsRole, accept: Accept) -> None:
    secret = "https://hooks.slack.com/services/T0/B0/very-secret"
    viewer, endpoint_id = as_role("viewer"), endpoint("slack", secret)
    (event_id,) = happen({"type": "order"})
    notification_id = accept(channel="slack", recipient=secret)
    execute("UPDATE notifications SET event_id = :event_id", event_id=event_id)
    push = accept(channel="push", recipient="discord://4711/very-secret")
    execute("UPDATE notifications SET status = 'FAILED', reason = 'attempts_exhausted', queue_at = NULL")
    execute(
        "INSERT INTO timeline_entries (notification_id, at, kind, detail) "
        "VALUES (:id, now(), 'edited', jsonb_build_object('changed', '[]'::jsonb, 'recipient_was', :was))",
        id=push,
        was="discord://4711/very-secret",
    )
    paths = [LIST, f"{LIST}/{notification_id}", f"{LIST}/{push}", "/console/dead-letters/letters"]
    paths += [f"/console/events/{event_id}", "/console/endpoints", f"/console/endpoints/{endpoint_id}"]

    for path in paths:
        answer = viewer.get(path)
        assert (answer.status_code, "very-secret" in answer.text) == (200, False), path
    assert "https://hooks.slack.com/…" in viewer.get(LIST).text
    assert "very-secret" in as_role("operator").get(f"{LIST}/{push}").text
    assert ids_in(viewer.get(LIST, endpoint=endpoint_id).text) == [notification_id]
