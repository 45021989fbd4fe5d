"""What an editor offers next: what the grammar allows, and names that exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.rules.completion import KnownNames, complete, values_of
from tests.unit.rules.strategies import events

KNOWN = KnownNames(
    values={"type": ["order", "refund"], "amount": [], "customer.region": ["emea"], "type_code": []},
    channels=("slack", "sms"),
    endpoints=("on-call",),
    templates=("short",),
    policies=("primary",),
)


def offered(before: str) -> list[str]:
    return [each.text for each in complete(before, KNOWN).words]


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ("", ["when"]),
        ("wh", ["when"]),
        ("when ", ["type", "amount", "customer.region", "type_code"]),
        ("when ty", ["type", "type_code"]),
        ("when customer.", ["customer.region"]),
        ("when exi", ["exists()"]),
        ("when type == ", ["order", "refund"]),
        ('when type == "', ["order", "refund"]),
        ('when type == "re', ["refund"]),
        ('when type not in ["order", "', ["order", "refund"]),
        ('when event.customer.region == "', ["emea"]),
        ('when type == "order" th', ["then", "throttle"]),
        ("when type contains", []),
        ("when amount > 1 severity ", ["critical", "high", "medium", "low"]),
        ("when amount > 1 severity hi", ["high"]),
        ("when amount > 1 severity high if amount > 5 else l", ["low"]),
        ("when amount > 1 then no", ["notify"]),
        ("when amount > 1 then suppress(), t", ["ticket"]),
        ('when amount > 1 then notify("', ["endpoint:on-call", "endpoint:*", "slack:", "sms:"]),
        ('when amount > 1 then notify("endpoint:*", template="', ["short"]),
        ('when amount > 1 then ticket("h', ["high"]),
        ('when amount > 1 then ticket("high", "x", policy="', ["primary"]),
        ("when count() over ", ["1m", "5m", "15m", "1h", "1d"]),
        ("when typ = 1 and a", []),
        ("when # ty", []),
    ],
)
def test_what_fits_is_offered(before: str, first: list[str]) -> None:
    assert offered(before)[: len(first)] == first
    if not first:
        assert offered(before) == []


def test_what_is_taken_gives_way_to_the_whole_word() -> None:
    found = complete('when type == "re', KNOWN)

    assert (found.start, found.words[0].insert) == (13, '"refund"')


def test_fields_are_told_by_how_many_events_have_them_with_their_texts() -> None:
    seen = values_of([{"a": "x", "b": {"c": 1}}, {"a": "y"}, {"a": "y", "odd name": None, "z": ["long"]}])

    assert seen == {"a": ["y", "x"], "b.c": [], "z": []}


@given(st.text() | st.text(alphabet=list("when then a.b(\"'/[],=!&|#*5m \n\\")), st.lists(events, max_size=3))
def test_whatever_stands_there_something_or_nothing_is_offered(before: str, some: list[dict[str, object]]) -> None:
    found = complete(before, KnownNames(values=values_of(some)))

    assert 0 <= found.start <= len(before)
