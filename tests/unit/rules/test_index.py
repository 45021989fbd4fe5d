"""The index finds exactly the rules that asking each of them would find."""

from __future__ import annotations

import random
from collections.abc import Iterable
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sentinel.rules.conditions import predicate
from sentinel.rules.index import RuleIndex
from sentinel.rules.parser import parse_condition
from sentinel.rules.rulebook import RuleBook
from sentinel.rules.syntax import Condition
from tests.unit.rules import strategies

Rules = dict[int, Condition]
Event = dict[str, Any]


def naive(rules: Rules, event: Event) -> list[int]:
    return [rule_id for rule_id, condition in rules.items() if predicate(condition)(event)]


def agree(index: RuleIndex, rules: Rules, events: Iterable[Event]) -> None:
    asked = {rule_id: predicate(condition) for rule_id, condition in rules.items()}
    for event in events:
        assert sorted(index.match(event)) == [each for each in sorted(rules) if asked[each](event)]  # type: ignore[type-var]


@given(st.lists(strategies.conditions, max_size=40), st.lists(strategies.events, min_size=1, max_size=20))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_index_and_naive_evaluation_agree(conditions: list[Condition], events: list[Event]) -> None:
    rules = dict(enumerate(conditions))

    agree(RuleIndex(rules.items()), rules, events)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.none() | strategies.conditions), max_size=80),
    st.lists(strategies.events, min_size=1, max_size=10),
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_they_agree_after_every_kind_of_change(
    changes: list[tuple[int, Condition | None]], events: list[Event]
) -> None:
    index, rules = RuleIndex(), Rules()

    for rule_id, condition in changes:
        if condition is None:
            index.discard(rule_id)
            rules.pop(rule_id, None)
        else:
            index.put(rule_id, condition)
            rules[rule_id] = condition

    agree(index, rules, events)


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Condition], list[Event]]:
    """A few thousand random conditions and events, the same in every run."""
    conditions: list[Condition] = []
    events: list[Event] = []

    @given(strategies.conditions, strategies.events)
    @settings(
        max_examples=400,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def draw(condition: Condition, event: Event) -> None:
        conditions.append(condition)
        events.append(event)

    draw()
    return conditions, events


@pytest.mark.parametrize("seed", range(10))
def test_crowded_indexes_agree_too_built_grown_and_thinned(
    drawn: tuple[list[Condition], list[Event]], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - tests need no secrets
    conditions, events = drawn
    rules = dict(enumerate(chance.choices(conditions, k=300)))
    seen = chance.sample(events, 100)
    built = RuleIndex(rules.items())
    grown = RuleIndex()
    for rule_id, condition in rules.items():
        grown.put(rule_id, condition)

    agree(built, rules, seen)
    agree(grown, rules, seen)

    for rule_id in chance.sample(sorted(rules), 250):
        built.discard(rule_id)
        grown.discard(rule_id)
        del rules[rule_id]
    agree(built, rules, seen)
    agree(grown, rules, seen)


def test_nothing_is_left_of_an_index_whose_rules_are_gone(drawn: tuple[list[Condition], list[Event]]) -> None:
    conditions, _ = drawn
    index = RuleIndex(enumerate(conditions))
    for rule_id, condition in enumerate(reversed(conditions)):
        index.put(rule_id, condition)

    for rule_id in range(len(conditions)):
        index.discard(rule_id)

    assert len(index) == 0
    assert index._root == ()


BOUNDARIES: list[Event] = [
    {"a": value, "b": 1}
    for value in (
        *range(-1, 42),
        7.0,
        7.5,
        True,
        False,
        None,
        "7",
        "t7",
        "xt7y",
        "T7",
        "t",
        "",
        ["t7"],
        [7],
        ["T7"],
        {},
    )
]


@pytest.mark.parametrize(
    "template",
    [
        "a == {n}",
        'a == "t{n}"',
        "a > {n}",
        "a >= {n}",
        "a < {n}",
        "a <= {n}",
        "a between {n} and 20",
        "not (a < {n} or a > 20)",
        "a in [{n}, true]",
        'a in ["t{n}", 7]',
        "a contains {n}",
        'a contains "t{n}"',
        'a icontains "t{n}"',
        'a startswith "t{n}"',
        'a endswith "t{n}"',
        "a matches /^x?t{n}/",
        'lower(a) == "t{n}"',
        "number(a) == {n}",
        "b == 1 and a > {n}",
        "a != {n}",
    ],
)
def test_each_kind_of_condition_agrees_at_its_boundaries(template: str) -> None:
    rules = {n: parse_condition(template.format(n=n)) for n in range(20)}
    grown = RuleIndex()
    for rule_id, condition in rules.items():
        grown.put(rule_id, condition)

    agree(RuleIndex(rules.items()), rules, BOUNDARIES)
    agree(grown, rules, BOUNDARIES)


def test_networks_of_every_size_are_found_where_the_address_is() -> None:
    networks = [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.1.2.3/32",
        "11.0.0.0/8",
        "0.0.0.0/0",
        "::/0",
        "fd00::/8",
    ]
    rules = dict(enumerate(parse_condition(f'ip cidr "{networks[n % 8]}" and b != {n}') for n in range(80)))
    addresses = [
        "10.1.2.3",
        "10.1.2.4",
        "10.9.9.9",
        "11.1.1.1",
        "fd00::1",
        "::1",
        "10.1.2",
        "nowhere",
        "",
        None,
        7,
        ["::1"],
    ]
    grown = RuleIndex()
    for rule_id, condition in rules.items():
        grown.put(rule_id, condition)

    agree(RuleIndex(rules.items()), rules, [{"ip": each} for each in addresses])
    agree(grown, rules, [{"ip": each} for each in addresses])


def test_a_rule_reached_by_two_ways_is_found_once() -> None:
    rules = [(number, parse_condition(f'a == {number} or b == "x"')) for number in range(50)]

    found = RuleIndex(rules).match({"a": 7, "b": "x"})

    assert sorted(found) == list(range(50))  # type: ignore[type-var]


def test_a_list_that_names_a_value_twice_finds_its_rule_once() -> None:
    rules = [(number, parse_condition(f'tags contains "t{number}"')) for number in range(50)]

    assert RuleIndex(rules).match({"tags": ["t7", "t7", ["t8"], {"t9": 1}]}) == [7]


def test_sixty_disjunctions_joined_by_and_are_held_without_multiplying_out() -> None:
    condition = parse_condition(" and ".join(f"(a{n} == 1 or b{n} == 2)" for n in range(60)))
    index = RuleIndex((number, condition) for number in range(20))

    assert len(index.match({f"a{n}": 1 for n in range(60)})) == 20
    assert index.match({f"a{n}": 1 for n in range(59)}) == []


def test_true_is_not_one_in_any_table() -> None:
    texts = ["a == 1", "a == true", "a in [1]", "a in [true]", "a in [1, true]", "a contains 1", "a > 0"] * 20
    index = RuleIndex((number, parse_condition(text)) for number, text in enumerate(texts))

    def held(event: Event) -> set[str]:
        return {texts[each] for each in index.match(event)}  # type: ignore[call-overload]

    assert held({"a": True}) == {"a == true", "a in [true]", "a in [1, true]"}
    assert held({"a": 1}) == {"a == 1", "a in [1]", "a in [1, true]", "a > 0"}
    assert held({"a": [True]}) == set()
    assert held({"a": [1.0]}) == {"a contains 1"}


def test_five_thousand_patterns_on_one_field_are_one_question() -> None:
    rules = [(number, parse_condition(f"host matches /^host-{number}-[a-z]+$/")) for number in range(5000)]
    index = RuleIndex(rules)

    assert index.match({"host": "host-77-abc"}) == [77]
    assert index.match({"host": 77}) == []


def test_a_reader_sees_the_old_rule_or_the_new_one_while_it_is_replaced() -> None:
    old, new = parse_condition("a == 1 and b == 2"), parse_condition("b == 2 and c == 3")
    index = RuleIndex([("replaced", old), *((n, parse_condition(f"a == {n} and b == {n}")) for n in range(100))])
    event = {"a": 1, "b": 2, "c": 3}
    writer = Thread(target=_replace, args=(index, [new, old] * 2000))

    writer.start()
    seen = [index.match(event).count("replaced") for _ in iter(writer.is_alive, False)]
    writer.join()

    assert set(seen) <= {1}


def _replace(index: RuleIndex, conditions: list[Condition]) -> None:
    for condition in conditions:
        index.put("replaced", condition)


ORDER = parse_condition('type == "order"')


@pytest.fixture(params=["built before", "built after"])
def book(request: pytest.FixtureRequest) -> RuleBook:
    """Two clients' rules; its indexes are there before the test changes rules, or are built from what it leaves."""
    made = RuleBook([("mine", "acme", ORDER), ("theirs", "globex", ORDER)])
    if request.param == "built before":
        made.match_all({})
        for client in ("acme", "globex"):
            made.match({}, client)
    return made


def test_an_event_meets_the_rules_of_its_client_or_of_all(book: RuleBook) -> None:
    assert book.match({"type": "order"}, "acme") == ["mine"]
    assert book.match({"type": "order"}, "unknown") == []
    assert sorted(book.match_all({"type": "order"})) == ["mine", "theirs"]  # type: ignore[type-var]


def test_a_rule_can_change_hands(book: RuleBook) -> None:
    book.put("mine", "globex", parse_condition("true"))

    assert book.match({"type": "order"}, "acme") == []
    assert book.match({}, "globex") == ["mine"]
    assert book.match_all({}) == ["mine"]
    assert len(book) == 2


def test_a_rule_taken_out_is_no_longer_met(book: RuleBook) -> None:
    for rule in ("mine", "never there"):
        book.discard(rule)

    assert book.match({"type": "order"}, "acme") == []
    assert book.match_all({"type": "order"}) == ["theirs"]
    assert len(book) == 1


def test_of_a_rule_with_windows_the_rest_is_asked(book: RuleBook) -> None:
    book.put("windowed", "acme", parse_condition('type == "login" and count() over 5m by user > 3'))
    book.put("silence", "acme", parse_condition("absent over 5m by device_id"))

    assert sorted(book.match({"type": "login"}, "acme")) == ["silence", "windowed"]  # type: ignore[type-var]
    assert book.match_all({"type": "logout"}) == ["silence"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "discard", "ask"]), st.integers(0, 12), st.integers(0, 2), strategies.conditions
        ),
        max_size=60,
    ),
    st.lists(strategies.events, min_size=1, max_size=5),
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_book_agrees_with_naive_evaluation_whenever_its_indexes_are_built(
    steps: list[tuple[str, int, int, Condition]], events: list[Event]
) -> None:
    book = RuleBook()
    rules: dict[int, tuple[int, Condition]] = {}

    for step, rule_id, client, condition in steps:
        if step == "put":
            book.put(rule_id, client, condition)
            rules[rule_id] = (client, condition)
        elif step == "discard":
            book.discard(rule_id)
            rules.pop(rule_id, None)
        else:
            agree_for_clients(book, rules, events)

    agree_for_clients(book, rules, events)
    assert len(book) == len(rules)


def agree_for_clients(book: RuleBook, rules: dict[int, tuple[int, Condition]], events: list[Event]) -> None:
    for event in events:
        matched = {rule_id: client for rule_id, (client, condition) in rules.items() if predicate(condition)(event)}
        assert sorted(book.match_all(event)) == sorted(matched)  # type: ignore[type-var]
        for client in range(3):
            own = sorted(rule_id for rule_id, owner in matched.items() if owner == client)
            assert sorted(book.match(event, client)) == own  # type: ignore[type-var]
