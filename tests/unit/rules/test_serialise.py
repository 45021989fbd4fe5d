"""Rules as plain data."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from sentinel.rules.parser import parse
from sentinel.rules.serialise import UnreadableRuleError, dump, load
from sentinel.rules.syntax import RuleSyntax
from tests.unit.rules import strategies


def written(rule: RuleSyntax) -> str:
    """All that equality leaves out: true is not 1. But 1 is 1.0, and of equal parts one object is kept."""
    return re.sub(r"\b(\d+)\.0\b", r"\1", repr(rule))


@given(strategies.rules)
@settings(max_examples=100, deadline=None)
def test_a_rule_survives_json(rule: RuleSyntax) -> None:
    again = load(orjson.loads(orjson.dumps(dump(rule))))

    assert again == rule
    assert written(again) == written(rule)


def test_equal_parts_of_many_rules_become_one_object() -> None:
    shared: dict[Any, Any] = {}
    first, second = (
        load(dump(parse(f'when type == "order" and amount > {limit} then suppress()')), shared) for limit in (5, 6)
    )

    assert first.condition.conditions[0] is second.condition.conditions[0]  # type: ignore[union-attr]
    assert first.options is second.options


@pytest.mark.parametrize(
    "data",
    [None, [], [1, []], [2, "x"], [2, [99]], [2, [21, 1]], [2, []], [2, [13, True]], [2, [13, {}]], [2, [[1], 2]]],
)
def test_what_is_no_rule_of_this_format_is_refused(data: Any) -> None:
    with pytest.raises(UnreadableRuleError, match="rule"):
        load(data)
