"""Alertmanager's configuration file, read or refused with the place and the remedy."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sentinel.errors import InvalidInputError, SentinelError
from sentinel.importing.configuration import Configuration, Grouping
from sentinel.importing.reading import read
from sentinel.rules.matchers import Matcher

FILE = """\
route:
  receiver: a
  {route}
receivers:
- name: a
- name: b
"""


def configuration(route: str = "", more: str = "") -> Configuration:
    return read(FILE.replace("{route}", route) + more, "alertmanager.yml")


@pytest.mark.parametrize(
    ("route", "matchers"),
    [
        ("match: {a: b, code: 500}", (Matcher("a", "b"), Matcher("code", "500"))),
        ("match: {a: 'null'}", (Matcher("a", "null"),)),
        ("match: {a: }", (Matcher("a", ""),)),
        ("match_re: {a: 'b|c'}", (Matcher("a", "b|c", is_regex=True),)),
        ("matchers: [a = b]", (Matcher("a", "b"),)),
        ("matchers: ['a!~\"b,c\", d=e']", (Matcher("a", "b,c", is_regex=True, is_equal=False), Matcher("d", "e"))),
        ("matchers: ['{a=\"b\",}']", (Matcher("a", "b"),)),
        ('matchers: [\'"odd.name"="b"\']', (Matcher("odd.name", "b"),)),
        ("matchers: [on=true]", (Matcher("on", "true"),)),
    ],
)
def test_matchers_are_read_in_all_their_forms(route: str, matchers: tuple[Matcher, ...]) -> None:
    found = configuration(f"routes: [{{{route}}}]" if "[" not in route else f"routes:\n  - {route}")

    assert found.route.routes[0].matchers == matchers


def test_what_a_route_does_not_say_it_has_of_its_parent() -> None:
    found = configuration("""group_by: [x]
  group_wait: 1m
  repeat_interval: 1h30m
  routes:
  - group_wait: 0s
    routes:
    - receiver: b
      group_by: ['...']
      continue: true""").route

    middle, deep = found.routes[0], found.routes[0].routes[0]
    assert found.grouping == Grouping(("x",), wait=60, repeat=5400)
    assert (middle.receiver, middle.grouping) == ("a", Grouping(("x",), wait=0, repeat=5400))
    assert (deep.receiver, deep.continues, deep.grouping.by) == ("b", True, ("...",))
    assert deep.place == "route.routes.0.routes.0"


def test_anchors_and_merged_keys_are_followed() -> None:
    text = "who: &who {receiver: b}\n" + FILE.replace("{route}", "routes: [{<<: *who, match: {x: y}}]")

    found = read(text, "alertmanager.yml")

    assert found.route.routes[0].receiver == "b"
    assert found.others == ("who",)


def test_inhibitions_are_read() -> None:
    more = """inhibit_rules:
- source_match: {severity: critical}
  target_matchers: [severity=~"warning|info"]
  equal: [cluster]
"""
    (found,) = configuration(more=more).inhibitions

    assert (found.name, found.equal) == ("1", ("cluster",))
    assert found.source == (Matcher("severity", "critical"),)
    assert found.target == (Matcher("severity", "warning|info", is_regex=True),)


@pytest.mark.parametrize(
    ("route", "place", "message"),
    [
        ("receiver: c", "route.receiver", "not defined"),
        ("match: {a: b}", "route.matchers", "at the top"),
        ("mute_time_intervals: [x]", "route.mute_time_intervals", "at the top"),
        ("routes: [{matchers: ['a']}]", "route.routes.0.matchers.0", "is not a matcher"),
        ("routes: [{match_re: {a: '('}}]", "route.routes.0.matchers", "pattern that is refused"),
        ("routes: [{mute_time_intervals: [x]}]", "route.routes.0.mute_time_intervals", "not defined"),
        ("routes: [{continue: perhaps}]", "route.routes.0.continue", "neither true nor false"),
        ("routes: {}", "route.routes", "not a list"),
        ("group_wait: soon", "route.group_wait", "not a duration"),
        ("grupe_by: [x]", "route.grupe_by", "not known"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(route: str, place: str, message: str) -> None:
    text = FILE.replace("receiver: a\n  ", "") if route.startswith("receiver") else FILE
    with pytest.raises(InvalidInputError) as caught:
        read(text.replace("{route}", route), "alertmanager.yml")

    (error,) = caught.value.errors
    assert error.field == place
    assert message in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("intervals", "place"),
    [
        ("[{times: [{start_time: '22:00', end_time: '06:00'}]}]", "time_intervals.0.time_intervals.0.times.0"),
        ("[{weekdays: [someday]}]", "time_intervals.0.time_intervals.0.intervals.0.weekdays.0"),
        ("[{location: Nowhere/City, months: [may]}]", "time_intervals.0.time_intervals.0.zone"),
    ],
)
def test_time_intervals_that_cannot_be_are_refused_with_their_place(intervals: str, place: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        configuration(more=f"time_intervals:\n- name: x\n  time_intervals: {intervals}\n")

    assert caught.value.errors[0].field == place


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "is not YAML"), ("rules: []", "no configuration"), ("", "no c")]
)
def test_another_file_is_refused_by_its_name(text: str, message: str) -> None:
    with pytest.raises(SentinelError, match=f"things.yml: .*{message}"):
        read(text, "things.yml")


@pytest.mark.parametrize(
    "text",
    [
        "route: &a {receiver: a, routes: [*a]}\nreceivers: [{name: a}]",
        "route: " + "{routes: [" * 200 + "]}" * 200 + "\nreceivers: []",
        "route: " + "[" * 5000,
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{to}: &{to} [{', '.join([f'*{of}'] * 10)}]\n" for of, to in pairwise("abcdefghi")),
    ],
    ids=["itself", "deep", "deepest", "aliases"],
)
def test_a_file_without_an_end_is_refused(text: str) -> None:
    with pytest.raises(SentinelError, match=r"alertmanager.yml: (nests deeper|holds more|is not YAML)"):
        read(text, "alertmanager.yml")


def test_two_receivers_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"receivers.1.name: is the name of another receiver"):
        read("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", "alertmanager.yml")
