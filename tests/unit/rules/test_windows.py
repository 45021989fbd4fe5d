"""Windows: what one event adds, under which group, and when it is enough."""

from __future__ import annotations

import pytest

from sentinel.rules.parser import parse_condition
from sentinel.rules.syntax import Comparison, Constant, Field, Window
from sentinel.rules.windows import Sample, group_key, is_reached, sample, split


def window(text: str) -> Window:
    (found,) = split(parse_condition(text)).windows
    return found


def test_a_rule_splits_into_what_one_event_answers_and_its_windows() -> None:
    windowed = split(parse_condition('type == "login" and count() over 5m by device_id > 10 and ok == false'))

    assert windowed.rest == parse_condition('type == "login" and ok == false')
    assert windowed.windows == (Window("count", None, 300, (("device_id",),), Comparison(">", 10)),)


def test_a_rule_of_windows_only_looks_at_every_event() -> None:
    assert split(parse_condition("absent over 5m by device_id")).rest == Constant(True)


def test_groups_are_equal_for_equal_values_only() -> None:
    by_two = window("count() over 5m by a, b.c > 1")

    keys = {group_key(by_two, event) for event in ({"a": 1}, {"a": "1"}, {"a": True}, {"a": None, "b": {"c": 1}}, {})}

    assert keys == {"[1,null]", '["1",null]', "[true,null]", "[null,1]", "[null,null]"}
    assert group_key(window("count() over 5m > 1"), {"a": 1}) == "[]"


@pytest.mark.parametrize(
    ("text", "event", "expected"),
    [
        ("count() over 5m > 1", {}, 1),
        ("sum(amount) over 5m > 1", {"amount": 2.5}, 2.5),
        ("sum(amount) over 5m > 1", {"amount": "2.5"}, None),
        ("sum(amount) over 5m > 1", {"amount": True}, None),
        ("distinct(user) over 5m > 1", {"user": "alice"}, "alice"),
        ("distinct(user) over 5m > 1", {"user": ["alice"]}, None),
        ("change(state)", {"state": False}, False),
        ("first(ip) over 7d", {}, None),
    ],
)
def test_an_event_adds_a_number_or_a_value_if_it_has_one(text: str, event: dict[str, object], expected: object) -> None:
    added = sample(window(text), event)

    assert added == (None if expected is None else Sample("[]", expected))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reached", "short"),
    [
        ("count() over 5m > 10", 11, 10),
        ("count() over 5m == 3", 3, 4),
        ("avg(x) over 5m <= 2.5", 2.5, 2.6),
        ("spike() over 10m >= 3", 3.0, 2.9),
        ("change(state)", 1, 0),
        ("absent over 5m", 1, 0),
    ],
)
def test_a_window_is_reached_by_its_comparison(text: str, reached: float, short: float) -> None:
    assert is_reached(window(text), reached)
    assert not is_reached(window(text), short)


def test_first_and_change_keep_their_field() -> None:
    assert window("first(client.ip) over 1w by user") == Window("first", Field(("client", "ip")), 604_800, (("user",),))
    assert window("change(state) by id") == Window("change", Field(("state",)), None, (("id",),))
