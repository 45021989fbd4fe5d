"""Grouping in the rule language, as an object, and the keys of groups."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from sentinel.rules import group_terms
from sentinel.rules.alerts import spoken_of
from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.group_keys import key_of, labels_of
from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.parser import parse
from sentinel.rules.printer import rule_text
from tests.unit.rules.strategies import groupings


def grouping(text: str) -> Grouping:
    found = parse(f'when a {text} then notify("slack:#x")').options.group
    assert found is not None
    return found


def test_everything_that_can_be_said_of_a_group_is_read() -> None:
    found = grouping(
        "group by labels.alertname, event.labels.cluster wait 0s interval 1m repeat 1h pause 90s resolved off "
        "flapping 3 within 10m"
    )

    by = (("labels", "alertname"), ("labels", "cluster"))
    assert found == Grouping(by, is_each=False, terms=Terms(0, 60, 3600, 90, False, 3, 600))


def test_what_is_left_out_is_as_alertmanager_has_it() -> None:
    assert grouping("group") == Grouping((), is_each=False, terms=Terms(30, 300, 14_400, 0))
    assert grouping("group by *").is_each
    assert grouping("group repeat off flapping off").terms == Terms(repeat_seconds=None, flap_changes=0)


def test_its_words_are_names_of_fields_elsewhere() -> None:
    text = "when group == 1 and wait and repeat > 2 group by group, wait, off for 5m by repeat then suppress()"

    found = parse(text)

    assert found.options.group is not None
    assert (found.options.group.by, found.options.hold_by) == ((("group",), ("wait",), ("off",)), (("repeat",),))
    assert parse(rule_text(found)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("group by a by b", "'by' stands twice in this group"),
        ("group wait 1m wait 2m", "'wait' stands twice in this group"),
        ("group group", "'group' stands twice"),
        ("group interval 0s", "0s is no usable duration"),
        ("group flapping 0 within 1m", "0 cannot stand here"),
        ("group by a, b, c, d, e, f, g, h, i, j, k", "these groups have 11 fields"),
        ("group wit 3s", "expected an option or 'then', found 'wit'"),
    ],
)
def test_what_is_wrong_with_it_is_said(text: str, message: str) -> None:
    with pytest.raises(InvalidRuleError, match=message):
        grouping(text)


@given(groupings)
def test_the_object_is_read_as_it_was_written(grouping: Grouping) -> None:
    assert group_terms.read(group_terms.written(grouping)) == grouping


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("group", {}),
        ("group by *", {}),
        ("group by labels.cluster, labels.none", {"labels.cluster": "a"}),
        ('group by event["odd name"], n', {'event["odd name"]': 1, "n": True}),
    ],
)
def test_people_see_the_values_that_events_share(text: str, labels: dict[str, Any]) -> None:
    event = {"labels": {"cluster": "a"}, "odd name": 1, "n": True}

    assert labels_of(grouping(text), event) == labels


def test_events_are_together_whose_values_are_equal_and_each_alert_alone_by_its_key() -> None:
    one, other = ({"status": "firing", "labels": {"cluster": "a", "pod": pod}} for pod in ("x", "y"))

    def keys(text: str) -> set[str]:
        return {key_of(grouping(text), each, spoken_of(each), "e") for each in (one, other)}

    assert len(keys("group by labels.cluster")) == 1
    assert len(keys("group by labels.pod")) == 2
    assert len(keys("group by *")) == 2
    assert key_of(grouping("group by *"), {}, None, "e-1") == "e-1"
