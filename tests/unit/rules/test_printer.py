"""The printer writes what the parser reads back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from sentinel.rules.parser import parse, parse_condition
from sentinel.rules.printer import condition_text, rule_text
from sentinel.rules.syntax import Condition, RuleSyntax
from tests.unit.rules import strategies


@given(strategies.rules)
@settings(max_examples=150, deadline=None)
def test_a_printed_rule_reads_back_as_the_same_rule(rule: RuleSyntax) -> None:
    again = parse(rule_text(rule))

    assert again == rule
    assert repr(again) == repr(rule)  # 1 == True == 1.0 in Python; a rule must not mix them up


@given(strategies.conditions)
@settings(max_examples=150, deadline=None)
def test_printing_is_settled_after_the_first_time(condition: Condition) -> None:
    text = condition_text(condition)

    assert condition_text(parse_condition(text)) == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("event.amount>500", "amount > 500"),
        ("type == 'order' && !(a == 1 || b is null)", 'type == "order" and not (a == 1 or missing(b))'),
        ("(a == 1 and b == 2) and (c == 3)", "a == 1 and b == 2 and c == 3"),
        ("is_active", "is_active == true"),
        ("x != null", "exists(x)"),
        ("event.then == 1 and event['odd name'][0].in == 2", 'event.then == 1 and event["odd name"][0].in == 2'),
        ('p matches "a/b"', 'p matches "a/b"'),
        ("p matches /^db-\\d+$/", "p matches /^db-\\d+$/"),
        ("count() over 300s by id > 10", "count() over 5m by id > 10"),
    ],
)
def test_there_is_one_way_to_write_a_condition(written: str, canonical: str) -> None:
    assert condition_text(parse_condition(written)) == canonical
