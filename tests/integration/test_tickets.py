"""Tickets as rules open them: each event once, merged by key, the worst severity shown."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from sentinel.clock import utc_now
from sentinel.db import get_engine, new_session
from sentinel.ids import new_id, new_ids
from sentinel.models import Ticket
from sentinel.models.ticket import TicketStatus
from sentinel.queries import clients
from sentinel.services import tickets
from sentinel.services.tickets import By, NewTicket, Recovery
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import stored
from tests.integration.conftest import DEFAULT_CLIENT_ID
from tests.system import eventually


def ticket(**changes: Any) -> NewTicket:
    """What a rule asks for when a device goes offline."""
    now = utc_now()
    offline = NewTicket(
        client_id=DEFAULT_CLIENT_ID,
        event_id=new_id(now),
        rule_id=1,
        severity="critical",
        title="Device offline",
        device_id="dev-1",
        merge_key=None,
        at=now,
    )
    return replace(offline, **changes)


def opened(*wanted: NewTicket) -> int:
    """Open tickets as a worker would; how many are new."""
    with unit_of_work() as uow:
        return tickets.open_many(uow, wanted)


def rows() -> Sequence[Ticket]:
    """All tickets, oldest first."""
    with new_session() as session:
        return session.scalars(select(Ticket).order_by(Ticket.id)).all()


def move(ticket_id: int, status: TicketStatus) -> None:
    with unit_of_work() as uow:
        tickets.move(uow, ticket_id, status, client_id=DEFAULT_CLIENT_ID, by=By("ann", "api"))


def recovered(key: str, at: datetime) -> int:
    """Resolve what a key has open; how many tickets that were."""
    recovery = Recovery(DEFAULT_CLIENT_ID, key, rule_id=2, event_id=new_id(at), at=at)
    with unit_of_work() as uow:
        return tickets.resolve_many(uow, [recovery])


def is_anybody_waiting() -> bool:
    with get_engine().connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_an_event_opens_one_ticket_however_often_it_is_evaluated() -> None:
    wanted = ticket()

    assert [opened(wanted), opened(wanted), opened(wanted, wanted)] == [1, 0, 0]

    (found,) = rows()
    assert (found.status, found.severity, found.title, found.device_id) == (
        "open",
        "critical",
        "Device offline",
        "dev-1",
    )
    assert (found.events, found.version) == (1, 1)


def test_one_event_opens_a_ticket_for_each_rule_and_title() -> None:
    first = ticket()

    assert opened(first, replace(first, rule_id=2), replace(first, title="Look at it")) == 3


def test_without_a_merge_key_every_event_has_a_ticket_of_its_own() -> None:
    assert opened(*[ticket() for _ in range(3)]) == 3
    assert [found.events for found in rows()] == [1, 1, 1]


def test_events_of_one_key_join_the_unresolved_ticket() -> None:
    now = utc_now()
    first, last = ticket(merge_key="dev-1", at=now), ticket(merge_key="dev-1", at=now + timedelta(minutes=5))

    assert [opened(first), opened(last)] == [1, 0]

    (found,) = rows()
    assert (found.events, found.last_event_at, found.event_id) == (2, last.at, first.event_id)


def test_events_of_one_key_in_one_batch_are_one_ticket() -> None:
    assert opened(*[ticket(merge_key=key) for key in ("a", "b", "a", "a")]) == 2
    assert sorted(found.events for found in rows()) == [1, 3]


def test_an_event_joins_once_though_others_came_in_between() -> None:
    first, second = ticket(merge_key="dev-1"), ticket(merge_key="dev-1")

    assert [opened(each) for each in (first, second, first, second, first)] == [1, 0, 0, 0, 0]

    assert [found.events for found in rows()] == [2]


def test_a_joined_ticket_takes_over_the_worst_severity_with_its_title_and_never_falls_back() -> None:
    warm = ticket(merge_key="dev-1", severity="medium", title="Elevated temperature")
    offline = ticket(merge_key="dev-1", severity="critical", title="Device offline", rule_id=7)
    hot = ticket(merge_key="dev-1", severity="high", title="High temperature")

    for each in (warm, offline, hot):
        opened(each)

    (found,) = rows()
    assert (found.severity, found.title, found.rule_id) == ("critical", "Device offline", 7)
    assert (found.event_id, found.events, found.version) == (offline.event_id, 3, 2)


def test_the_worst_event_of_a_batch_speaks_for_the_ticket() -> None:
    severities = ("low", "high", "critical", "medium")

    opened(*[ticket(merge_key="dev-1", severity=severity, title=severity) for severity in severities])

    (found,) = rows()
    assert (found.severity, found.title, found.events) == ("critical", "critical", 4)


def test_an_acknowledged_ticket_is_joined_and_stays_acknowledged() -> None:
    opened(ticket(merge_key="dev-1"))
    move(rows()[0].id, TicketStatus.ACKNOWLEDGED)

    opened(ticket(merge_key="dev-1"))

    assert [(found.status, found.events) for found in rows()] == [("acknowledged", 2)]


def test_after_it_is_resolved_the_next_event_opens_a_new_ticket() -> None:
    opened(ticket(merge_key="dev-1"))
    move(rows()[0].id, TicketStatus.RESOLVED)

    assert opened(ticket(merge_key="dev-1")) == 1

    assert [(found.status, found.events) for found in rows()] == [("resolved", 1), ("open", 1)]


def test_equal_keys_of_two_clients_are_two_tickets() -> None:
    with unit_of_work() as uow:
        shop = clients.ensure(uow.session, "shop", now=uow.now).id

    assert opened(ticket(merge_key="k"), ticket(merge_key="k", client_id=shop)) == 2


def test_batches_at_once_neither_lose_nor_double_nor_deadlock() -> None:
    keys = [f"dev-{number}" for number in range(5)]
    wanted = [ticket(event_id=each, merge_key=keys[place % 5]) for place, each in enumerate(new_ids(utc_now(), 400))]
    rounds = [wanted[start::10] for start in range(10)]

    def work(number: int) -> int:
        """Every event comes from eight workers, of which half have the reverse order."""
        return sum(opened(*(batch[::-1] if number % 2 else batch)) for batch in rounds)

    with ThreadPoolExecutor(8) as pool:
        new = sum(pool.map(work, range(8)))

    assert (new, stored("tickets")) == (5, 5)
    assert [found.events for found in rows()] == [80] * 5


def test_resolved_and_new_at_once_leaves_no_event_without_a_ticket() -> None:
    opened(ticket(merge_key="dev-1"))
    first = rows()[0].id

    with ThreadPoolExecutor(2) as pool:
        moved = pool.submit(move, first, TicketStatus.RESOLVED)
        for _ in range(20):
            opened(ticket(merge_key="dev-1"))
        moved.result()

    assert sum(found.events for found in rows()) == 21
    assert stored("ticket_events") == 21


def test_a_recovery_that_waits_while_a_later_fall_joins_resolves_nothing() -> None:
    now = utc_now()
    opened(ticket(merge_key="dev-1", at=now - timedelta(seconds=60)))

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work() as uow:
            tickets.open_many(uow, [ticket(merge_key="dev-1", at=now)])
            waiting = pool.submit(recovered, "dev-1", now - timedelta(seconds=30))
            eventually(is_anybody_waiting, seconds=10, message="the recovery does not wait for the ticket")
        assert waiting.result() == 0

    assert [(found.status, found.events) for found in rows()] == [("open", 2)]


def test_of_recoveries_at_once_one_that_is_late_enough_resolves() -> None:
    now = utc_now()
    opened(ticket(merge_key="dev-1", at=now))

    assert recovered("dev-1", now - timedelta(seconds=1)) == 0
    assert recovered("dev-1", now) == 1


@pytest.mark.parametrize("length", [500, 501, 5000])
def test_a_title_as_long_as_a_rule_can_make_it_fits(length: int) -> None:
    title = "".join(chr(0x4E00 + place * 7 % 20_000) for place in range(length))

    opened(ticket(title=title), ticket(merge_key=title, title="joined"), ticket(merge_key=title, title="joined"))

    separate, merged = rows()
    assert separate.title[:499] == title[:499]
    assert len(separate.title) == 500
    assert merged.events == 2


def test_long_keys_that_begin_alike_stay_apart() -> None:
    assert opened(ticket(merge_key="k" * 600 + "1"), ticket(merge_key="k" * 600 + "2")) == 2
