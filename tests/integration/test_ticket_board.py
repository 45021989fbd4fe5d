"""The board of tickets: the worst first, who is told next, what was resolved within a day, and what made each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.models.ticket import TicketStatus
from sentinel.services import ticket_board, tickets
from sentinel.services.escalating.addressees import Addressee, Nobody
from sentinel.services.ticket_board import Board
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.escalating import OFFLINE, escalation, history, open_ticket, sweep_until_quiet
from tests.integration.rules import client, endpoint, happen, rule
from tests.integration.test_tickets import opened, rows, ticket

ALICE = By("alice", "console", "disk replaced")


def board(client_id: int | None = None, **more: Any) -> Board:
    with unit_of_work() as uow:
        return ticket_board.board(uow, client_id, **more)


def titles(found: Board) -> list[list[str]]:
    return [[shown.ticket.title for shown in column.rows] for column in found.columns]


def move(ticket_id: int, status: TicketStatus) -> None:
    with unit_of_work() as uow:
        tickets.move(uow, ticket_id, status, client_id=None, by=ALICE)


def test_each_column_has_its_own_and_the_worst_is_first() -> None:
    opened(
        *(
            ticket(title=title, severity=severity)
            for title, severity in (
                ("mild", "low"),
                ("bad", "critical"),
                ("worse", "critical"),
                ("mine", "high"),
                ("done", "medium"),
                ("old", "low"),
            )
        )
    )
    ids = {row.title: row.id for row in rows()}
    move(ids["mine"], TicketStatus.ACKNOWLEDGED)
    for title in ("done", "old"):
        move(ids[title], TicketStatus.RESOLVED)
    execute("UPDATE tickets SET resolved_at = now() - interval '25 hours' WHERE title = 'old'")

    found = board()

    assert titles(found) == [["bad", "worse", "mild"], ["mine"], ["done"]]
    assert [column.total for column in found.columns] == [3, 1, 1]
    assert found.open_by_severity == {"critical": 2, "low": 1}


def test_a_column_that_is_too_long_says_how_many_there_are() -> None:
    opened(*(ticket(title=str(number)) for number in range(5)))
    for row in rows()[:3]:
        move(row.id, TicketStatus.RESOLVED)

    found = board(most=2)

    assert [(len(column.rows), column.total) for column in found.columns] == [(2, 2), (0, 0), (2, 3)]


def test_a_client_sees_its_own() -> None:
    opened(ticket(title="ours"), ticket(title="theirs", client_id=client("acme")))

    assert titles(board(client("acme"))) == [["theirs"], [], []]


def test_a_card_says_whom_the_next_step_tells() -> None:
    endpoint("sms", "+14155552671", name="ann")
    ticket_id = open_ticket((0, ["endpoint:ann"]), (300, ["email:bob@example.com", "endpoint:ann"]))
    sweep_until_quiet()
    execute("UPDATE endpoints SET is_enabled = false")

    meant = board().meant[ticket_id]

    assert [(type(each), each.who) for each in meant] == [(Addressee, "email:bob@example.com"), (Nobody, "ann")]


def test_of_what_is_acknowledged_nobody_is_told_next() -> None:
    ticket_id = open_ticket()
    move(ticket_id, TicketStatus.ACKNOWLEDGED)

    assert board().meant == {}


def test_the_events_behind_a_ticket_are_those_that_joined_it() -> None:
    rule('when type == "offline" then ticket("high", "{device_id} is offline", merge="device_id")')
    ids = [happen({"type": "offline", "device_id": "dev-1", "event_id": f"e{number}"})[0] for number in range(4)]
    with unit_of_work() as uow:
        found = ticket_board.events_of(uow, tickets.get(uow, rows()[0].id, client_id=None), most=3)

    assert [each.id for each in found] == ids[:0:-1]


def test_the_event_of_a_ticket_that_merges_nothing_is_its_own() -> None:
    ticket_id = open_ticket()
    with unit_of_work() as uow:
        [found] = ticket_board.events_of(uow, tickets.get(uow, ticket_id, client_id=None))

    assert found.body["type"] == OFFLINE["type"]


def test_several_are_taken_and_what_somebody_else_has_stays_theirs() -> None:
    opened(ticket(title="one"), ticket(title="two"), ticket(title="three"))
    one, two, three = (row.id for row in rows())
    with unit_of_work() as uow:
        tickets.move(uow, two, TicketStatus.ACKNOWLEDGED, client_id=None, by=By("bob", "api"))

    with unit_of_work() as uow:
        found = ticket_board.acknowledge_many(uow, [three, one, two, 999_999, one], by=ALICE)

    assert [each.id for each in found.tickets] == [one, three]
    assert ["acknowledged by bob" in found.refused[0], "no ticket 999999" in found.refused[1]] == [True, True]
    assert [row.acknowledged_by for row in rows()] == ["alice", "bob", "alice"]


def test_a_note_stays_in_the_history() -> None:
    ticket_id = open_ticket()
    move(ticket_id, TicketStatus.ACKNOWLEDGED)

    assert history(ticket_id)[-1].detail == {"by": "alice", "how": "console", "note": "disk replaced"}


def test_a_note_that_is_too_long_is_refused_and_nothing_is_done() -> None:
    ticket_id = open_ticket()

    with pytest.raises(InvalidInputError, match="note"), unit_of_work() as uow:
        tickets.move(uow, ticket_id, TicketStatus.RESOLVED, client_id=None, by=By("a", "console", "x" * 1001))

    assert rows()[0].status == "open"


def test_a_snoozed_ticket_is_woken_and_told_on_at_once() -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()
    with unit_of_work() as uow:
        tickets.snooze(uow, ticket_id, uow.now + timedelta(hours=4), client_id=None, by=ALICE)
    assert sweep_until_quiet() == 0

    with unit_of_work() as uow:
        tickets.wake(uow, ticket_id, client_id=None, by=ALICE)

    assert sweep_until_quiet() == 1
    assert [each.event for each in history(ticket_id)][-3:] == ["woken", "step_told", "exhausted"]
    assert escalation(ticket_id).state == "exhausted"


def test_what_does_not_rest_cannot_be_woken() -> None:
    ticket_id = open_ticket()

    with pytest.raises(ConflictError, match="is not snoozed"), unit_of_work() as uow:
        tickets.wake(uow, ticket_id, client_id=None, by=ALICE)
