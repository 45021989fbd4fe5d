"""Groups to which nobody comes any more, and flushes that fail or have more to end than one transaction should."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import orjson
import pytest
from flask.testing import FlaskClient

from sentinel.models.status import Status
from sentinel.queries.flushing import DueGroup
from sentinel.rules.matchers import parse
from sentinel.services.holding import due, endings, flush
from sentinel.services.muting import silences
from sentinel.services.muting.silence_checks import Wanted
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from tests.integration.calls import execute
from tests.integration.groups import Clock, alert, fire, group_alerts, open_groups, resolve, subjects
from tests.integration.rules import client, endpoint, happen, rule, told

RULE = 'when event.type == "alert" then notify("endpoint:ops")'
UNREADABLE = {"windows": {"zone": "Mars/Olympus", "intervals": []}, "mode": "hold", "passes_from": "critical"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The tests' time."""
    return Clock(monkeypatch)


def grouping_endpoint(*, of: str = "default", **grouping: object) -> int:
    """An endpoint that groups by instance and repeats itself each hour."""
    kept = {"group_by": ["labels.instance"], "repeat_interval_seconds": 3600} | grouping
    return endpoint("slack", "#ops", name="ops", of=of, grouping=orjson.dumps(kept).decode())


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE endpoints SET grouping = \'{"group_by": ["labels.cluster"]}\'',
        "UPDATE endpoints SET grouping = NULL",
        "UPDATE endpoints SET is_enabled = false",
        "UPDATE endpoints SET target = '#dev'",
        "DELETE FROM endpoints",
    ],
)
def test_a_group_to_which_nobody_comes_any_more_is_not_repeated(clock: Clock, change: str) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    clock.flush_after(30)

    execute(change)
    for _ in range(3):
        clock.flush_after(3601)

    assert subjects() == ["FIRING alert"]
    assert open_groups() == []


def test_a_rule_that_groups_otherwise_has_its_groups_told_for_the_last_time(clock: Clock) -> None:
    text = 'when event.type == "alert" group by labels.{} repeat 1h then notify("slack:#ops")'
    rule(text.format("instance"), name="first")
    rule(text.format("cluster").replace("#ops", "#dev"), name="second")
    fire("db-1")
    clock.flush_after(30)
    execute("UPDATE rules SET syntax = (SELECT syntax FROM rules WHERE name = 'second') WHERE name = 'first'")

    for _ in range(2):
        clock.flush_after(3601)

    assert Counter(each.recipient for each in told()) == {"#ops": 1, "#dev": 3}
    assert len(open_groups()) == 1


def test_a_rule_whose_endpoint_is_gone_repeats_nothing(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group by labels.cluster repeat 1h then notify("endpoint:ops")')
    fire("db-1")
    clock.flush_after(30)

    execute("DELETE FROM endpoints")
    clock.flush_after(3601)

    assert (subjects(), open_groups()) == (["FIRING alert"], [])


def test_the_end_of_an_alert_is_told_though_it_came_to_another_group(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    clock.flush_after(30)
    execute('UPDATE endpoints SET grouping = \'{"group_by": ["labels.cluster"]}\'')
    clock.now += timedelta(minutes=10)
    resolve("db-1")

    clock.flush_after(3601)

    assert subjects() == ["FIRING alert", "[RESOLVED:1] instance=db-1"]


def test_before_it_says_again_that_an_alert_fires_a_group_asks_whether_it_does(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    clock.flush_after(30)
    execute("UPDATE firing_alerts SET is_firing = false")

    clock.flush_after(3601)

    assert subjects() == ["FIRING alert", "[RESOLVED:1] instance=db-1"]


@pytest.mark.parametrize("is_enabled", [False, True])
def test_whoever_changes_an_endpoint_has_its_groups_told_without_waiting(
    clock: Clock,
    api: FlaskClient,
    is_enabled: bool,  # noqa: FBT001 - a parameter
) -> None:
    number = grouping_endpoint(group_wait_seconds=3000)
    rule(RULE)
    fire("db-1")

    wanted = {"channel": "slack", "target": "#ops", "name": "ops", "grouping": {}, "is_enabled": is_enabled}
    found = api.put(f"/endpoints/{number}", json=wanted | {"version": 1})

    assert found.status_code == 200, found.json
    assert clock.flush_after(0) == 1
    assert (subjects(), open_groups()) == (["FIRING alert"], [])


def test_a_rule_that_is_switched_off_has_its_groups_told_without_waiting(clock: Clock, api: FlaskClient) -> None:
    number = rule('when event.type == "alert" group wait 40m then notify("slack:#ops")')
    fire("db-1")

    api.delete(f"/rules/{number}")

    assert clock.flush_after(0) == 1
    assert (subjects(), open_groups()) == (["FIRING alert"], [])


def test_a_group_that_cannot_be_told_keeps_no_other_waiting(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    grouping_endpoint()
    grouping_endpoint(of="other")
    rule(RULE)
    rule(RULE, of="other")
    bad = client("other")
    fire("db-1")
    happen(alert(), of="other")
    with monkeypatch.context() as patch:
        patch.setattr(flush, "decided_of", _failing_for(bad))
        clock.flush_after(30)

        assert subjects() == ["FIRING alert"]
        waits = [each.next_flush_at - clock.now for each in open_groups() if each.client_id == bad]
        assert waits == [timedelta(minutes=1)]
        clock.flush_after(60)
        waits = [each.next_flush_at - clock.now for each in open_groups() if each.client_id == bad]
        assert waits == [timedelta(minutes=2)]

    clock.flush_after(120)
    assert subjects() == ["FIRING alert"] * 2
    assert {each.failures for each in open_groups()} == {0}


def _failing_for(client_id: int) -> object:
    real = due.decided_of

    def decided(uow: UnitOfWork, groups: list[DueGroup], *others: object, **named: object) -> object:
        if any(each.client_id == client_id for each in groups):
            raise ValueError
        return real(uow, groups, *others, **named)  # type: ignore[arg-type]

    return decided


def test_quiet_hours_and_silences_that_cannot_be_read_hold_nothing_back(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    execute("UPDATE endpoints SET quiet_hours = CAST(:hours AS jsonb)", hours=orjson.dumps(UNREADABLE).decode())

    wanted = Wanted((parse("alertname=DiskFull"),), clock.now, clock.now + timedelta(hours=1), "ann")
    with unit_of_work() as uow:
        silences.add(uow, client(), wanted)
    windows = orjson.dumps(UNREADABLE["windows"]).decode()
    execute("UPDATE silences SET windows = CAST(:windows AS jsonb)", windows=windows)

    fire("db-1")
    clock.flush_after(30)

    assert subjects() == ["FIRING alert"]


def test_what_a_storm_has_left_ends_in_turns_and_is_told_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "MOST_ENDED", 10)
    monkeypatch.setattr(flush, "MOST_TURNS", 2)
    rule('when true group by kind wait 0s then notify("slack:#ops")')
    happen(*({"type": "order", "kind": "a", "number": number} for number in range(35)))
    happen(*({"type": "order", "kind": "b", "number": number} for number in range(2)))
    clock.flush_after(1)
    assert Counter(each.status for each in told()) == {Status.SUPPRESSED: 20, Status.PENDING: 19}
    happen(*({"type": "order", "kind": "a", "number": number} for number in range(3)))

    for _ in range(5):
        clock.flush_after(1)

    assert sorted(map(str, subjects())) == [
        "[EVENTS:2] kind=b",
        "[EVENTS:35] kind=a",
        "[EVENTS:3] kind=a",
    ]
    ended = Counter(each.told_by for each in told() if each.status == Status.SUPPRESSED)
    assert sorted(ended.values()) == [2, 3, 35]
    assert open_groups() == []


def test_alerts_of_a_storm_go_on_while_their_messages_end(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "MOST_ENDED", 4)
    monkeypatch.setattr(flush, "MOST_TURNS", 1)
    grouping_endpoint(group_by=[], group_interval_seconds=60)
    rule(RULE)
    fire(*(f"db-{number}" for number in range(10)))
    clock.flush_after(30)

    resolve("db-1")
    for _ in range(4):
        clock.flush_after(60)

    assert subjects() == ["[FIRING:10] alert and 9 more", "[FIRING:9 RESOLVED:1] alert and 9 more"]
    assert Counter(each.reason for each in told() if each.status == Status.SUPPRESSED) == {"grouped": 11}
    assert {each.status for each in group_alerts() if each.told == "firing"} == {"firing"}
    assert len(open_groups()) == 1
