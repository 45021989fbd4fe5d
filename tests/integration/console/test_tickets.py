"""The pages of tickets: what waits, who has it, what is told next, and what people do with them."""

from __future__ import annotations

import re

import pytest
from werkzeug.datastructures import MultiDict

from sentinel.models.ticket import TicketStatus
from sentinel.services import tickets
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.console.conftest import AsRole
from tests.integration.console.on_call_story import SHOP, night
from tests.integration.console.visiting import Visit, actions
from tests.integration.escalating import OFFLINE, escalation, history, open_ticket, sweep_until_quiet
from tests.integration.rules import endpoint, happen
from tests.integration.rules import tickets as all_tickets
from tests.integration.test_tickets import opened, ticket

PAGES = ("/console/tickets", "/console/tickets/board", "/console/tickets/list", "/console/tickets/rows")


def status(ticket_id: int) -> tuple[str, str | None]:
    (found,) = [each for each in all_tickets() if each.id == ticket_id]
    return found.status, found.resolved_by or found.acknowledged_by


def taken_by_bob(ticket_id: int) -> None:
    with unit_of_work() as uow:
        tickets.move(uow, ticket_id, TicketStatus.ACKNOWLEDGED, client_id=None, by=By("bob", "api"))


def test_without_tickets_each_page_says_so(visit: Visit) -> None:
    assert "Nothing waits for anybody." in visit.get("/console/tickets").text
    assert "No ticket yet" in visit.get("/console/tickets/list").text
    assert "No ticket is like this" in visit.get("/console/tickets/list", status="open").text


def test_the_board_shows_a_night_of_all_clients_and_one_client_its_own(visit: Visit) -> None:
    night()

    shown = visit.get("/console/tickets").text
    own = visit.get("/console/tickets", client=SHOP).text

    assert re.search(r'href="#open"><strong class="number">5</strong> open', shown)
    assert "tells bob by sms, slack #ops in" in shown
    assert "nobody is told: no escalation policy" in shown
    assert "Förderband" in shown
    assert "Förderband" not in own
    assert "There is no client nobody." in visit.get("/console/tickets", client="nobody").text


def test_the_list_is_narrowed_and_paged(visit: Visit) -> None:
    opened(*(ticket(title=f"number {number}.", severity="high" if number % 2 else "low") for number in range(30)))

    first = visit.get("/console/tickets/list", size="25", severity="high")
    shown = visit.get("/console/tickets/list", size="25")
    following = re.search(r'rel="next" href="([^"]+)"', shown.text)

    assert first.text.count('id="choose-') == 15
    assert following
    rest = visit.browser.get(following[1].replace("&amp;", "&")).text
    assert [f"number {number}." in rest for number in (0, 4, 5)] == [True, True, False]
    assert "No ticket is like this" in visit.get("/console/tickets/list", device="other").text
    for odd in ({"cursor": "9" * 30}, {"cursor": "x"}, {"status": "none"}, {"device": "a\0b"}, {"client": "a\0b"}):
        assert visit.get("/console/tickets/list", **odd).status_code == 200


def test_a_ticket_shows_whom_it_told_and_what_comes_next(visit: Visit) -> None:
    for name in ("bob", "gone"):
        endpoint("email", f"{name}@example.com", name=name)
    ticket_id = open_ticket(
        (0, ["sms:+14155552671", "endpoint:gone"]), (300, ["endpoint:bob"]), (60, ["email:c@example.com"])
    )
    execute("UPDATE endpoints SET is_enabled = false WHERE name = 'gone'")
    sweep_until_quiet()

    for part in ("", "/standing"):
        shown = visit.get(f"/console/tickets/{ticket_id}{part}").text

        assert "Tells bob by email in" in shown
        assert "Step 1: told" in shown
        assert "nobody behind gone" in shown
        assert "sms:+14155552671" in shown
        assert "Opened as critical: dev-1 is offline" in shown


@pytest.mark.parametrize(
    ("verb", "becomes", "says"),
    [("acknowledge", "acknowledged", "is yours"), ("resolve", "resolved", "is resolved")],
)
def test_a_ticket_is_moved_with_a_note_and_the_trail_has_it(
    verb: str, becomes: str, says: str, as_role: AsRole
) -> None:
    operator, ticket_id = as_role("operator"), open_ticket()

    answer = operator.send(f"/console/tickets/{ticket_id}/{verb}", note=" I look after it.\r\nDisk? ")

    assert says in operator.follow(answer).text
    assert status(ticket_id) == (becomes, "operator-alice")
    said = next(each for each in reversed(history(ticket_id)) if each.event == becomes)
    assert said.detail == {"by": "operator-alice", "how": "console", "note": "I look after it.\nDisk?"}
    assert actions() == [("operator-alice", f"ticket.{verb}", f"ticket {ticket_id}", "default")]


def test_a_ticket_rests_and_is_woken(visit: Visit) -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()

    shown = visit.follow(visit.send(f"/console/tickets/{ticket_id}/snooze", minutes="60")).text
    assert f"Ticket {ticket_id} rests for 1 h." in shown
    assert 'id="wake"' in shown
    assert escalation(ticket_id).state == "snoozed"
    visit.send(f"/console/tickets/{ticket_id}/wake")

    assert sweep_until_quiet() == 1
    assert [each[1] for each in actions()] == ["ticket.snooze", "ticket.wake"]


def test_what_somebody_else_has_done_is_said_kindly_and_nothing_is_written_down(visit: Visit) -> None:
    ticket_id = open_ticket()
    taken_by_bob(ticket_id)

    shown = visit.follow(visit.send(f"/console/tickets/{ticket_id}/acknowledge", next="/console/tickets")).text

    assert f"Nothing was done: ticket {ticket_id} was acknowledged by bob at" in shown
    assert status(ticket_id) == ("acknowledged", "bob")
    assert actions() == []


def test_a_note_that_is_too_long_is_shown_again_with_what_is_wrong(visit: Visit) -> None:
    ticket_id = open_ticket()

    answer = visit.send(f"/console/tickets/{ticket_id}/resolve", note="x" * 1001)

    assert answer.status_code == 422
    assert "x" * 1001 in answer.text
    assert "has 1001 characters: at most 1000 are kept" in answer.text
    assert visit.send(f"/console/tickets/{ticket_id}/snooze", minutes="7").status_code == 422
    assert visit.send(f"/console/tickets/{ticket_id}/delete").status_code == 404
    assert (status(ticket_id)[0], actions()) == ("open", [])


def test_several_are_taken_at_once_and_who_was_faster_keeps_theirs(visit: Visit) -> None:
    opened(ticket(title="one"), ticket(title="two"), ticket(title="three"))
    one, two, three = (each.id for each in all_tickets())
    taken_by_bob(two)
    chosen = MultiDict([("ticket", str(each)) for each in (one, two, three)] + [("ticket", "x")])

    shown = visit.follow(visit.send("/console/tickets/acknowledge", chosen)).text

    assert "2 tickets are yours" in shown
    assert f"ticket {two} was acknowledged by bob" in shown
    assert [status(each)[1] for each in (one, two, three)] == ["alice", "bob", "alice"]
    assert actions() == [("alice", "ticket.acknowledge", f"ticket {each}", "default") for each in (one, three)]


def test_without_a_choice_nothing_is_done_and_the_page_says_so(visit: Visit) -> None:
    shown = visit.follow(visit.send("/console/tickets/acknowledge", next="/console/tickets/list")).text

    assert "choose the tickets first" in shown


def test_a_viewer_looks_and_has_no_buttons(as_role: AsRole) -> None:
    ticket_id = open_ticket()
    viewer = as_role("viewer")

    for path in (*PAGES, f"/console/tickets/{ticket_id}"):
        main = viewer.get(path).text.partition("<main")[2]
        assert 'method="post"' not in main, path
    assert "takes the role operator; you are viewer" in viewer.get(f"/console/tickets/{ticket_id}").text
    assert viewer.send(f"/console/tickets/{ticket_id}/resolve").status_code == 403


def test_what_is_deleted_meanwhile_is_said(visit: Visit) -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()
    execute("DELETE FROM notifications")
    execute("DELETE FROM events")

    shown = visit.get(f"/console/tickets/{ticket_id}").text

    assert "They were deleted after their retention." in shown
    assert "deleted after its retention" in shown


def test_the_buttons_alone_are_the_same_until_somebody_acts(visit: Visit) -> None:
    ticket_id = open_ticket()
    before = [visit.get(f"/console/tickets/{ticket_id}/buttons").text for _ in range(2)]
    taken_by_bob(ticket_id)

    after = visit.get(f"/console/tickets/{ticket_id}/buttons").text

    assert before[0] == before[1]
    assert "bob has it." in after
    assert 'id="acknowledge"' not in after


def test_a_title_cannot_write_into_the_page(visit: Visit) -> None:
    open_ticket()
    execute("UPDATE tickets SET title = '<script>alert(1)</script>'")
    happen(OFFLINE)

    for path in (*PAGES, f"/console/tickets/{all_tickets()[0].id}"):
        assert "<script>alert" not in visit.get(path).text
