"""Messages are held in their groups and told together, as Alertmanager would."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from tests.integration.groups import Clock, alert, fire, group_alerts, open_groups, resolve, sent, subjects
from tests.integration.rules import endpoint, happen, rule, told

RULE = 'when event.type == "alert" then notify("endpoint:ops")'


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def grouping_endpoint(**grouping: object) -> int:
    return endpoint(
        "slack", "#ops", name="ops", grouping=orjson.dumps({"group_by": ["labels.cluster"], **grouping}).decode()
    )


def ends() -> Counter[tuple[str, str | None]]:
    return Counter((row.status, row.reason) for row in told() if row.event_id is not None)


def test_a_message_waits_for_others_of_its_group_and_all_are_told_in_one(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    fire("db-1", "db-2")
    clock.now = clock.now.replace(second=20)
    fire("db-3")
    assert clock.flush_after(9) == 0
    assert subjects() == []
    assert clock.flush_after(1) == 1

    assert subjects() == ["[FIRING:3] cluster=a"]
    assert ends() == {("SUPPRESSED", "grouped"): 3}
    assert {row.told_by for row in told() if row.event_id} == {sent()[0].id}


def test_one_message_alone_goes_as_it_is(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    fire("db-1")
    clock.flush_after(30)

    (row,) = told()
    assert (row.status, row.group_id, row.subject) == ("PENDING", None, "FIRING alert")


def test_a_change_is_told_with_all_that_fires_and_no_sooner_than_the_interval(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)

    resolve("db-1")
    fire("db-3")
    clock.flush_after(299)
    assert len(sent()) == 1
    clock.flush_after(1)

    assert subjects() == ["[FIRING:2] cluster=a", "[FIRING:2 RESOLVED:1] cluster=a"]
    assert ends() == {("SUPPRESSED", "grouped"): 4}


def test_what_still_fires_is_told_again_after_the_repeat_interval(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)

    assert clock.flush_after(4 * 3600 - 1) == 0
    assert clock.flush_after(1) == 1

    assert subjects() == ["[FIRING:2] cluster=a"] * 2
    assert sent()[1].details["group"]["is_repeated"] is True


def test_what_is_over_before_it_was_told_is_told_to_nobody(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    fire("db-1")
    resolve("db-1")
    clock.flush_after(30)

    assert subjects() == []
    assert ends() == {("SUPPRESSED", "outdated"): 2}


def test_a_group_with_nothing_left_to_say_is_gone(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)
    resolve("db-1", "db-2")
    clock.flush_after(300)
    assert subjects() == ["[FIRING:2] cluster=a", "[RESOLVED:2] cluster=a"]

    assert open_groups()[0].began_at is None
    clock.flush_after(900)

    assert (list(open_groups()), list(group_alerts())) == ([], [])


def test_events_that_are_no_alerts_are_told_once(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    happen(*({"type": "alert", "name": name, "labels": {"cluster": "a"}} for name in "abc"), alert())
    clock.flush_after(30)
    clock.flush_after(4 * 3600)

    assert subjects() == ["[FIRING:1 EVENTS:3] cluster=a", "[FIRING:1] cluster=a"]
    assert ends() == {("SUPPRESSED", "grouped"): 4}
