"""An explanation names the condition that failed and the value it saw."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from sentinel.rules.conditions import predicate
from sentinel.rules.explain import Note, explain, reach
from sentinel.rules.parser import parse_condition
from sentinel.rules.syntax import Condition
from tests.unit.rules import strategies


def test_the_first_condition_that_failed_is_named_with_the_value_it_saw() -> None:
    condition = parse_condition('type == "order" and amount > 500 and region == "eu"')

    told = explain(condition, {"type": "order", "amount": 20, "region": "us"})

    assert not told.matched
    assert told.failed is not None
    assert (told.failed.text, told.failed.value, told.failed.note) == ("amount > 500", 20, None)
    assert [each.holds for each in told.findings] == [True, False, False]


def test_missing_and_wrongly_typed_values_are_told_apart() -> None:
    told = explain(parse_condition("amount > 500 and count > 3 and missing(z)"), {"amount": "750"})

    assert [each.note for each in told.findings] == [Note.TYPE, Note.MISSING, None]


def test_every_branch_is_shown() -> None:
    told = explain(parse_condition("not (a == 1 or b == 2)"), {"b": 2})

    assert told.as_dict() == {
        "matched": False,
        "findings": [told.findings[0].as_dict()],
        "failed": told.findings[0].as_dict(),
    }
    branches = told.findings[0].parts[0].parts
    assert [(each.text, each.value, each.holds) for each in branches] == [("a == 1", None, False), ("b == 2", 2, True)]


def test_a_window_is_said_to_need_more_events() -> None:
    told = explain(parse_condition("a == 1 and count() over 5m > 10"), {"a": 1})

    assert told.matched
    assert told.findings[1].note is Note.WINDOW


def test_long_values_are_shortened() -> None:
    told = explain(parse_condition("a == 1 and b == 1 and c == 1"), {"a": "x" * 5000, "b": [1] * 999, "c": {"d": 1}})

    assert [len(told.findings[0].value), told.findings[1].value, told.findings[2].value] == [200, "(list)", "(object)"]


@given(strategies.conditions, strategies.events)
@settings(max_examples=150, deadline=None)
def test_an_explanation_comes_to_the_same_as_matching(condition: Condition, event: Any) -> None:
    assert explain(condition, event).matched is predicate(condition)(event)


@given(condition=strategies.conditions, event=strategies.events)
def test_how_far_an_event_reaches_is_what_its_explanation_says(condition: Condition, event: dict[str, Any]) -> None:
    explanation = explain(condition, event)

    matched, depth = reach(condition, event)

    findings = explanation.findings
    assert matched == explanation.matched
    assert depth == (len(findings) if matched else findings.index(explanation.failed))
