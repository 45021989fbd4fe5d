"""The plan of a configuration: what is made of it, what it is called, and what is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import yaml

from sentinel.importing.plan import Plan
from sentinel.importing.planning import planned
from sentinel.importing.reading import read
from sentinel.rules.parser import parse
from sentinel.rules.syntax import Suppress

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HOOK = {"url": "https://example.com/hook"}
NIGHTS = {"name": "nights", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "24:00"}]}]}
OFFICE = {"name": "office", "time_intervals": [{"weekdays": ["monday:friday"], "location": "Europe/Berlin"}]}


def plan_of(*routes: dict[str, Any], **more: Any) -> Plan:
    receivers = [{"name": name, "webhook_configs": [HOOK | {"url": f"https://example.com/{name}"}]} for name in "ab"]
    whole = {"route": {"receiver": "a", "routes": list(routes)}, "receivers": [*receivers, {"name": "nobody"}]} | more
    return planned(read(yaml.safe_dump(whole), "alertmanager.yml"), "am", now=NOW)


def said(plan: Plan, *, is_loss: bool = False) -> list[str]:
    """Places that are spoken of; webhooks always are."""
    return [each.place for each in plan.remarks if each.is_loss is is_loss and "webhook_configs" not in each.place]


def test_rules_and_endpoints_are_called_by_what_they_stand_for() -> None:
    plan = plan_of({"match": {"x": "1"}, "receiver": "b", "mute_time_intervals": ["nights"]}, time_intervals=[NIGHTS])

    assert [each.name for each in plan.rules] == ['am: {}/{x="1"}', "am: {}"]
    assert list(plan.endpoints) == ["am: b/webhook (not nights)", "am: a/webhook"]


def test_routes_that_read_the_same_are_told_apart() -> None:
    plan = plan_of(
        {"match": {"x": "1"}, "receiver": "b", "continue": True}, {"match": {"x": "1"}, "receiver": "nobody"}
    )

    assert [each.name for each in plan.rules] == ['am: {}/{x="1"}', 'am: {}/{x="1"} (2)', "am: {}"]


def test_long_names_are_cut_and_stay_apart() -> None:
    routes = [{"match": {"x": f"{'long' * 60}{number}"}, "receiver": "b"} for number in range(2)]
    plan = plan_of(*routes)

    names = [each.name for each in plan.rules]
    assert len(set(names)) == 3
    assert max(map(len, names)) == 200


def test_what_no_alert_reaches_is_said_and_not_made() -> None:
    plan = plan_of({"receiver": "b"}, {"match": {"x": "1"}, "receiver": "nobody"})

    assert [each.receiver for each in plan.rules] == ["b"]
    assert said(plan) == ["route.routes.1", "route", "receivers.a", "receivers.nobody"]
    assert list(plan.endpoints) == ["am: b/webhook"]


def test_a_receiver_without_configs_is_wanted_by_nobody_after_all_other_rules() -> None:
    plan = plan_of({"match": {"x": "1"}, "receiver": "nobody"})

    syntax = parse(plan.rules[0].text)
    assert (syntax.actions, syntax.options.priority) == ((Suppress(),), -1000)


def test_a_receiver_that_only_partly_hears_of_ends_has_two_rules() -> None:
    silent = {"name": "c", "webhook_configs": [HOOK, HOOK | {"url": "https://example.com/2", "send_resolved": False}]}
    plan = plan_of(receivers=[silent], route={"receiver": "c", "group_wait": "0s"})

    first, second = (parse(each.text) for each in plan.rules)
    assert [each.name for each in plan.rules] == ["am: {} (while it fires)", "am: {}"]
    assert first.condition == second.condition
    assert [each.options.group and each.options.group.terms.says_resolved for each in (first, second)] == [False, True]
    assert "group wait 0s resolved off then notify" in plan.rules[0].text


def test_groups_are_those_of_the_route() -> None:
    route = {"match": {"x": "1"}, "receiver": "b", "group_by": ["alertname", "odd"], "repeat_interval": "1h30m"}
    plan = plan_of(route, {"match": {"x": "2"}, "receiver": "b", "group_by": ["..."], "group_interval": "10s"})

    assert "group by labels.alertname, labels.odd repeat 90m then" in plan.rules[0].text
    assert "group by * interval 10s then" in plan.rules[1].text
    assert " group then" in plan.rules[2].text


def test_time_intervals_that_cannot_be_one_schedule_are_a_loss() -> None:
    both = {
        "match": {"x": "1"},
        "receiver": "b",
        "mute_time_intervals": ["nights"],
        "active_time_intervals": ["office"],
    }
    plan = plan_of(both, time_intervals=[NIGHTS, OFFICE])

    assert said(plan, is_loss=True) == ["route.routes.0"]
    assert "clocks of Europe/Berlin and UTC" in plan.losses[0].what
    assert [each.quiet for each in plan.endpoints.values()] == [None, None]


def test_times_without_an_end_are_a_loss() -> None:
    past = {"name": "past", "time_intervals": [{"years": ["2020"]}]}
    plan = plan_of({"match": {"x": "1"}, "active_time_intervals": ["past"]}, time_intervals=[past])

    assert "told to nobody" in plan.losses[0].what


def test_settings_and_templates_and_strangers_are_named() -> None:
    settings = {"resolve_timeout": "1m", "smtp_from": "a@example.com"}
    plan = plan_of(templates=["x.tmpl"], tracing={"endpoint": "x"}, **{"global": settings})

    assert said(plan) == ["global", "global", "templates", "tracing", "receivers.b", "receivers.nobody"]


def test_more_labels_than_a_group_has_room_for_are_a_loss_that_names_them_once() -> None:
    labels = [f"l{number}" for number in range(12)]
    plan = plan_of(route={"receiver": "a", "group_by": labels, "routes": [{"receiver": "b", "match": {"x": "1"}}]})

    assert said(plan, is_loss=True) == ["route.group_by"]
    assert "l10, l11" in plan.losses[0].what
    assert len(plan.rules) == 2
    assert all("labels.l9 then" in each.text or "labels.l9 resolved off" in each.text for each in plan.rules)


def test_a_route_that_would_take_for_ever_to_deny_is_a_loss() -> None:
    patterns = {f"x{number}": "|".join(f".*{letter * 2}.*" for letter in "abcdefgh") for number in range(12)}
    plan = plan_of({"receiver": "b", "match_re": patterns})

    assert said(plan, is_loss=True) == ["route.routes.0"]
    assert [each.receiver for each in plan.rules] == ["a"]


def test_http_of_all_receivers_through_a_proxy_is_a_loss_of_each() -> None:
    plan = plan_of(**{"global": {"http_config": {"proxy_url": "http://proxy"}}})

    assert [each.place for each in plan.losses] == ["receivers.a.webhook_configs.0"]
