"""Who is on call, as the console shows it: now, next, through the week, and who is not there to be told."""

from __future__ import annotations

from datetime import date, timedelta

from sentinel.queries.named import Filter
from sentinel.schedules.rotation import Override
from sentinel.services.escalating import rosters, rotations
from sentinel.services.escalating.rosters import Roster
from sentinel.services.escalating.rotations import Written
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.rules import client, endpoint

LONG_AGO = date(2026, 1, 5)


def rotation(*members: str, name: str = "primary", of: str = "default", shift_days: int = 1) -> None:
    for each in members:
        endpoint("email", f"{each}@example.com", name=each, of=of)
    with unit_of_work() as uow:
        rotations.create(uow, client(of), Written(name, members, "Europe/Berlin", LONG_AGO, 540, shift_days))


def roster() -> Roster:
    with unit_of_work() as uow:
        [found], following = rosters.page(uow, Filter(), size=10)
    assert following is None
    return found


def test_a_roster_says_who_is_on_call_and_who_is_next() -> None:
    rotation("ann", "bob")

    found = roster()

    assert found.duty is not None
    assert found.following is not None
    assert {found.duty.member, found.following.member} == {"ann", "bob"}
    assert (found.duty.until, found.client, found.absent) == (found.following.since, "default", set())


def test_the_week_begins_with_the_day_and_has_no_gap() -> None:
    rotation("ann", "bob")

    week = roster().week

    assert week is not None
    assert len(week.midnights) == 8
    assert (week.duties[0].since, week.duties[-1].until) == (week.midnights[0], week.midnights[-1])


def test_who_stands_in_is_shown_also_where_it_is_over_today_but_not_listed_then() -> None:
    rotation("ann")
    endpoint("email", "eve@example.com", name="eve")
    with unit_of_work() as uow:
        coming = Override("eve", uow.now + timedelta(hours=1), uow.now + timedelta(hours=2))
        rotations.override(uow, 1, "primary", coming, by="alice")
    today = roster().week
    assert today is not None
    execute(
        "UPDATE rotation_overrides SET starts_at = :start, ends_at = :start + interval '1 second'",
        start=today.midnights[0],
    )

    found = roster()

    assert found.week is not None
    assert [each.member for each in found.week.duties][:2] == ["eve", "ann"]
    assert found.overrides == []


def test_members_that_cannot_be_told_are_named() -> None:
    rotation("ann", "bob")
    execute("UPDATE endpoints SET is_enabled = false WHERE name = 'bob'")

    assert roster().absent == {"bob"}


def test_a_rotation_whose_zone_is_none_any_more_is_shown_without_a_week() -> None:
    rotation("ann")
    execute("UPDATE rotations SET zone = 'Mars/Olympus'")

    found = roster()

    assert (found.duty, found.week, found.rotation.name) == (None, None, "primary")


def test_rotations_come_in_pages_of_all_clients() -> None:
    rotation("ann")
    rotation("bob", of="acme")
    with unit_of_work() as uow:
        first, cursor = rosters.page(uow, Filter(), size=1)
        second, end = rosters.page(uow, Filter(after=cursor or 0), size=1)

    assert [each.client for each in (*first, *second)] == ["default", "acme"]
    assert end is None
