"""Several rules or endpoints lead to one target: nothing is kept back that one of them alone would tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.integration.groups import Clock, alert, fire, open_groups, resolve, sent, subjects
from tests.integration.rules import endpoint, happen, rule, told

ALL_DAY = {"zone": "UTC", "intervals": [{"times": ["00:00-24:00"], "months": ["1:11"]}]}
NIGHTS = {"zone": "UTC", "intervals": [{"times": ["22:00-07:00"]}]}
NIGHT = datetime(2026, 3, 2, 23, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def ops(name: str, windows: dict[str, Any] | None = None, mode: str = "drop") -> int:
    """An endpoint to the one target."""
    quiet = windows and orjson.dumps({"windows": windows, "mode": mode, "passes_from": None}).decode()
    return endpoint("slack", "#ops", name=name, quiet_hours=quiet)


def telling(name: str, options: str = "") -> int:
    return rule(f'when type == "alert" {options} then notify("endpoint:{name}")', f"{name} {options}")


@pytest.mark.parametrize("order", [("muted", "awake"), ("awake", "muted")])
def test_quiet_hours_of_one_endpoint_silence_nothing_that_goes_by_another(clock: Clock, order: tuple[str, str]) -> None:
    ids = {"muted": ops("muted", ALL_DAY), "awake": ops("awake")}
    for each in order:
        telling(each)

    happen(alert())

    (found,) = told()
    assert (found.status, found.reason, found.endpoint_id) == ("PENDING", None, ids["awake"])
    assert found.rule_ids is not None
    assert len(found.rule_ids) == 2


def test_the_endpoint_that_is_not_quiet_now_is_told_and_the_group_goes_by_it(clock: Clock) -> None:
    clock.now = NIGHT
    ops("by day", NIGHTS)
    awake = ops("by night", {"zone": "UTC", "intervals": [{"times": ["07:00-22:00"]}]})
    telling("by day", "group wait 1s resolved off")
    leading = telling("by night", "group wait 30s resolved off")

    fire("db-1")

    (group,) = open_groups()
    assert (group.rule_id, group.endpoint_id, group.wait_seconds) == (leading, awake, 1)


def test_where_all_are_quiet_what_is_held_is_not_dropped(clock: Clock) -> None:
    clock.now = NIGHT
    ops("dropping", NIGHTS)
    ops("holding", NIGHTS, mode="hold")
    telling("dropping")
    telling("holding")

    happen(alert())

    assert [(each.status, each.reason) for each in told()] == [("PENDING", "quiet_hours")]


@pytest.mark.parametrize("order", [("resolved off", "repeat 1h"), ("repeat 1h", "resolved off")])
def test_an_end_is_told_if_any_rule_tells_it(clock: Clock, order: tuple[str, str]) -> None:
    ops("ops")
    ids = {each: telling("ops", f"group wait 1s interval 1s {each}") for each in order}

    fire("db-1")
    clock.flush_after(1)
    resolve("db-1")
    clock.flush_after(1)

    assert subjects() == ["FIRING alert", "RESOLVED alert"]
    assert {each.rule_id for each in open_groups()} == {ids["repeat 1h"]}


def test_the_terms_of_all_rules_are_met_and_the_finest_groups_are_told(clock: Clock) -> None:
    ops("ops")
    telling("ops", "group wait 10s interval 1m repeat off")
    telling("ops", "group by labels.cluster wait 1m interval 5m repeat 2h")
    finest = telling("ops", "group by labels.cluster, labels.instance wait 30s interval 2m repeat 4h pause 5s")

    fire("db-1", "db-2")

    groups = open_groups()
    assert {each.rule_id for each in groups} == {finest}
    assert len(groups) == 2
    terms = {(each.wait_seconds, each.interval_seconds, each.repeat_seconds, each.pause_seconds) for each in groups}
    assert terms == {(10, 60, 7200, 0)}
    assert list(sent()) == []
