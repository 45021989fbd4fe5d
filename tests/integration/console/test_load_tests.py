"""Load tests on the console: who begins and stops what, and what is said of it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from sentinel.db import new_session
from sentinel.models import Event, LoadTest
from sentinel.services.access import clients
from sentinel.services.loading.plans import PRESETS
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions

PATH = "/console/load-tests"


def load_tests() -> list[LoadTest]:
    with new_session() as session:
        return list(session.scalars(select(LoadTest).order_by(LoadTest.id)))


def events() -> list[Event]:
    with new_session() as session:
        return list(session.scalars(select(Event).order_by(Event.id)))


def make_client(name: str) -> None:
    with unit_of_work() as uow:
        clients.create_key(uow, name, "test")


def test_without_a_history_it_says_what_to_do(visit: Visit) -> None:
    page = visit.get(PATH)

    assert page.status_code == 200
    assert "No load test yet" in page.text
    assert "nothing leaves" in page.text
    assert all(preset.title in page.text for preset in PRESETS.values())


def test_it_warns_where_messages_really_go_out(visit: Visit, database: Configure) -> None:
    database(SMTP_HOST="127.0.0.1", SMTP_FROM_EMAIL="a@example.com", SMTP_SECURITY="none")

    assert "Messages really go out on email." in visit.get(PATH).text


def test_one_event_goes_the_way_of_all_events(visit: Visit) -> None:
    answer = visit.send(
        f"{PATH}/event", client="default", severity="high", source="api", name="timeout", context='{"host": "api-7"}'
    )

    (event,) = events()
    assert answer.status_code == 303
    assert event.id in answer.headers["Location"]
    assert (event.severity, event.source, event.name, event.status) == ("high", "api", "timeout", "PENDING")
    assert event.body["context"] == {"host": "api-7"}
    assert not event.is_broadcast
    assert actions() == [("alice", "event.send", f"event {event.id}", "default")]


def test_one_event_for_several_clients_is_one_of_each(visit: Visit) -> None:
    make_client("shop")

    answer = visit.send(f"{PATH}/event", client="default, shop", source="api", is_broadcast="on")

    assert len(events()) == 2
    assert all(each.is_broadcast for each in events())
    page = visit.follow(answer).text
    assert all(each.id[:8] in page for each in events())
    assert [each[3] for each in actions()] == ["default", "shop"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"client": "default", "context": "{no"}, "is no JSON (line 1, column 2"),
        ({"client": "default", "context": '{"a": "\\u0000"}'}, "NUL character"),
        ({"client": "default", "context": "[" * 300 + "]" * 300}, "nested deeper than 64 levels"),
        ({"client": "default", "context": "[" * 900 + "]" * 900}, "nested deeper than 64 levels"),
        ({"client": "default", "source": "a\0b"}, "NUL character"),
        ({"client": " , "}, "names no client"),
        ({"client": "default", "source": "x" * 300}, "has 300 characters"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_and_nothing_of_it_is_lost(
    fields: dict[str, str], said: str, visit: Visit
) -> None:
    answer = visit.send(f"{PATH}/event", MultiDict({"name": "what I wrote"} | fields))

    assert (answer.status_code, said in answer.text, "what I wrote" in answer.text) == (422, True, True)
    assert (events(), actions()) == ([], [])


def test_a_preset_takes_one_click_and_leads_to_its_progress(visit: Visit) -> None:
    answer = visit.send(PATH, preset="burst", client="default")

    (row,) = load_tests()
    assert (row.total, row.status, row.started_by, row.plan["burst"]) == (1000, "waiting", "alice", 1000)
    page = visit.follow(answer).text
    assert "It begins within seconds" in page
    assert row.label in page
    assert actions() == [("alice", "load_test.begin", f"load test {row.label}", "default")]


def test_a_plan_of_ones_own_is_kept_as_it_was_written(visit: Visit) -> None:
    fields = {"kind": "alerts", "client": "default", "rate": "20", "count": "100", "seed": "7"}
    visit.send(PATH, MultiDict(fields), severity="HIGH:70,LOW:30")

    (row,) = load_tests()
    assert (row.total, row.seed, row.plan["rate"], row.plan["severity"]) == (100, 7, 20, "HIGH:70,LOW:30")


def test_a_plan_beyond_the_bounds_is_refused_at_its_fields_and_kept_in_the_form(visit: Visit) -> None:
    answer = visit.send(PATH, kind="alerts", client="default", rate="2000", seconds="x", severity="HIGH:70")

    assert answer.status_code == 422
    assert 'value="2000"' in answer.text
    assert "is not a number" in answer.text
    again = visit.send(PATH, kind="alerts", client="default", rate="2000", seconds="10", severity="HIGH:70")
    assert re.search(r'id="rate-error"[^>]*>is out of bounds', again.text)
    assert "adds up to 70 and not to 100" in again.text
    assert "SENTINEL_LOAD_TEST_MAX_EVENTS" not in again.text
    assert load_tests() == []


def test_an_unknown_client_is_said(visit: Visit) -> None:
    answer = visit.send(PATH, preset="steady", client="nobody")

    assert (answer.status_code, "there is no client" in answer.text) == (404, True)


def test_production_refuses_and_says_how_to_mean_it(visit: Visit, database: Configure) -> None:
    visit.send(PATH, preset="steady", client="default")
    execute("DELETE FROM load_tests")
    database(SENTINEL_LOAD_TESTS="false")

    page = visit.get(PATH).text
    answer = visit.send(PATH, preset="steady", client="default")

    assert "SENTINEL_LOAD_TESTS=true" in page
    assert 'name="preset"' not in page
    assert (answer.status_code, load_tests()) == (403, [])


def test_one_that_waits_is_stopped_and_a_second_time_it_is_said(visit: Visit) -> None:
    visit.send(PATH, preset="steady", client="default")
    (row,) = load_tests()

    visit.send(f"{PATH}/{row.id}/stop")
    page = visit.follow(visit.send(f"{PATH}/{row.id}/stop")).text

    assert load_tests()[0].status == "stopped"
    assert "stopped by alice" in page
    assert "has ended: stopped" in page
    assert [each[1] for each in actions()] == ["load_test.begin", "load_test.stop"]


def test_progress_tells_how_far_how_fast_and_what_became_of_it(visit: Visit) -> None:
    visit.send(PATH, preset="burst", client="default")
    (row,) = load_tests()
    execute(
        "UPDATE load_tests SET status = 'running', lease_id = gen_random_uuid(), lease_until = now(), place = 600,"
        " accepted = 598, refused = 2, seconds = 3, p50_ms = 4.2, p99_ms = 31, began_at = now(),"
        " problem = 'severity: no', curve = '[[1, 200], [2, 410], [3, 600]]'"
    )
    execute(
        "INSERT INTO events (id, client_id, event_id, occurred_at, body, status, created_at, evaluated_at)"
        " SELECT gen_random_uuid(), 1, :label || n, now(), '{}', 'UNMATCHED', now(), now()"
        " FROM generate_series(1, 600) AS n",
        label=f"{row.label}-",
    )

    page = visit.get(f"{PATH}/{row.id}/progress").text

    assert "<strong>600</strong> of 1,000 answered" in page
    assert '<progress class="load-bar load-bar-big" value="600" max="1000"' in page
    assert "at most 210, wanted 1000" in page
    assert "Of 500 events spread evenly over the 600" in page
    assert re.search(r'UNMATCHED</span> <span class="number">500</span>', page)
    assert "severity: no" in page
    assert "data-live-until-done" not in page
    assert "Stop it" in page

    execute("UPDATE load_tests SET status = 'finished', finished_at = now(), lease_until = NULL, lease_id = NULL")
    page = visit.get(f"{PATH}/{row.id}/progress").text
    assert "data-live-until-done" in page
    assert "Stop it" not in page


def test_the_history_is_narrowed_by_client_and_says_when_there_is_none(visit: Visit) -> None:
    make_client("shop")
    visit.send(PATH, preset="steady", client="shop")
    (row,) = load_tests()

    assert row.label in visit.get(f"{PATH}/history", client="shop").text
    assert "No load test of this client" in visit.get(f"{PATH}/history", client="default").text
    assert row.label in visit.get(PATH).text


def test_the_same_once_more_has_ids_of_its_own(visit: Visit) -> None:
    visit.send(PATH, preset="fleet", client="default")
    (first,) = load_tests()
    page = visit.get(f"{PATH}/{first.id}").text
    form = page[page.index("Begin it again") - 1500 : page.index("Begin it again")]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    fields.pop("csrf_token", None)
    execute("UPDATE load_tests SET created_at = created_at - interval '1 minute'")

    visit.send(PATH, MultiDict(fields))

    second = load_tests()[1]
    assert (second.kind, second.total, second.seed, second.plan) == (first.kind, first.total, 1, first.plan)
    assert second.label != first.label


def test_a_viewer_sees_what_there_is_and_nothing_to_press(as_role: AsRole) -> None:
    as_role("operator").send(PATH, preset="steady", client="default")
    (row,) = load_tests()
    viewer = as_role("viewer")

    page = viewer.get(PATH).text + viewer.get(f"{PATH}/{row.id}").text

    assert row.label in page
    assert "takes the role operator" in page
    assert not re.search(r"Send it</button>|>Begin<|Stop it|Begin it again", page)
    for path in (PATH, f"{PATH}/event", f"{PATH}/{row.id}/stop"):
        assert viewer.send(path, preset="steady", client="default").status_code == 403


def test_its_first_event_is_found_by_the_senders_id(visit: Visit) -> None:
    visit.send(PATH, preset="burst", client="default")
    (row,) = load_tests()
    execute("UPDATE load_tests SET place = 1")

    page = visit.get(f"{PATH}/{row.id}").text

    assert f'href="/console/events?q={row.label}-1"' in page


def test_arguments_of_the_address_are_nothing_but_arguments(visit: Visit) -> None:
    assert visit.get(PATH, endpoint="x", _method="y").status_code == 200


def test_two_clicks_begin_one_load_test(visit: Visit) -> None:
    first, second = (visit.send(PATH, preset="steady", client="default") for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert len(load_tests()) == len(actions()) == 1
    visit.send(PATH, preset="burst", client="default")
    assert len(load_tests()) == 2
