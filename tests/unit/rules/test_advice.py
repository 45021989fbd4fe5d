"""What a writer of a rule is told though nothing is wrong with it."""

from __future__ import annotations

import pytest

from sentinel.rules.advice import is_scanned, placement, warnings
from sentinel.rules.parser import parse_condition


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('type == "order" and amount > 500', "indexed on type"),
        ('lower(severity) == "high" and source == "api"', "indexed on severity, source"),
        ("amount > 500", "indexed on amount (range)"),
        ("name matches /^db-/", "indexed on name (text)"),
        ("a == 1 or b == 2", "indexed on a, b"),
        ("a == 1 or b != 2", "scan"),
        ('status != "ok"', "scan"),
        ("missing(region)", "scan"),
        ("true", "scan"),
        ("count() over 5m by device_id > 3", "scan"),
        ('type == "beat" and count() over 5m > 3', "indexed on type"),
    ],
)
def test_a_rule_is_told_how_events_find_it(text: str, place: str) -> None:
    condition = parse_condition(text)

    assert placement(condition) == place
    assert is_scanned(condition) == (place == "scan")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('type == "order" and status != "ok"', ["status"]),
        ('type == "order" and not (status == "ok" or region in ["eu"])', ["status", "region"]),
        ('type == "order" and exists(status) and status != "ok"', []),
        ('type == "order" and status startswith "o" and status != "ok"', []),
        ('type == "order" and missing(status)', []),
        ('type == "order" and status == "ok"', []),
    ],
)
def test_a_negation_that_a_missing_field_satisfies_is_pointed_at(text: str, fields: list[str]) -> None:
    found = warnings(parse_condition(text))

    assert len(found) == len(fields)
    assert all(f"add exists({field})" in warning for field, warning in zip(fields, found, strict=True))


def test_a_rule_that_every_event_asks_is_pointed_at() -> None:
    assert "every event asks it" in warnings(parse_condition("missing(region)"))[0]
