"""Inhibitions mean what they mean in Alertmanager, judged by its own algorithm written down plainly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.rules.inhibitions import Inhibition, Inhibitor
from sentinel.rules.matchers import Matcher, match_labels, parse


@dataclass(frozen=True)
class Alert:
    """An alert that fires."""

    labels: Mapping[str, str] = field(hash=False)


NAMES, VALUES = ("alertname", "instance", "severity"), ("a", "b", "")
labels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES[:2]), max_size=3)
alerts = st.lists(st.builds(Alert, labels), max_size=6)
matchers = st.builds(
    Matcher, st.sampled_from(NAMES), st.sampled_from([*VALUES, "a|b", ".+", ".*"]), st.booleans(), st.booleans()
)
sides = st.lists(matchers, min_size=1, max_size=2).map(tuple)
equals = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
inhibitions = st.lists(st.builds(Inhibition, st.just("i"), sides, sides, equals), max_size=3)


def mutes(rules: Sequence[Inhibition], firing: Sequence[Alert], target: Mapping[str, str]) -> bool:
    """Alertmanager's `Inhibitor.Mutes`: for each rule, each alert that fires, each label that must be equal."""
    for rule in rules:
        if not match_labels(rule.target, target):
            continue
        is_source_too = match_labels(rule.source, target)
        for alert in firing:
            if not match_labels(rule.source, alert.labels):
                continue
            if any(alert.labels.get(name, "") != target.get(name, "") for name in rule.equal):
                continue
            if is_source_too and match_labels(rule.target, alert.labels):
                continue
            return True
    return False


@given(inhibitions, alerts, labels)
def test_what_is_inhibited_is_what_alertmanager_mutes(
    rules: Sequence[Inhibition], firing: Sequence[Alert], target: Mapping[str, str]
) -> None:
    found = Inhibitor(rules, firing).inhibiting(target)

    assert (found is not None) is mutes(rules, firing, target)
    if found is not None:
        assert mutes([found[0]], [found[1]], target)


@given(inhibitions, alerts)
def test_no_alert_inhibits_itself(rules: Sequence[Inhibition], firing: Sequence[Alert]) -> None:
    for alert in firing:
        assert Inhibitor(rules, [alert]).inhibiting(alert.labels) is None


def inhibition(source: str, target: str, *equal: str) -> Inhibition:
    return Inhibition("node", (parse(source),), (parse(target),), equal)


@pytest.mark.parametrize(
    ("source", "target", "is_inhibited"),
    [
        ({"alertname": "NodeDown", "instance": "a"}, {"severity": "warning", "instance": "a"}, True),
        ({"alertname": "NodeDown", "instance": "a"}, {"severity": "warning", "instance": "b"}, False),
        ({"alertname": "NodeDown", "instance": "a"}, {"severity": "warning"}, False),
        ({"alertname": "NodeDown"}, {"severity": "warning"}, True),
        ({"alertname": "NodeDown"}, {"severity": "critical"}, False),
        ({"alertname": "NodeUp"}, {"severity": "warning"}, False),
    ],
)
def test_labels_must_be_equal_and_missing_ones_are(
    source: dict[str, str], target: dict[str, str], *, is_inhibited: bool
) -> None:
    rules = [inhibition("alertname=NodeDown", "severity=warning", "instance")]

    assert (Inhibitor(rules, [Alert(source)]).inhibiting(target) is not None) is is_inhibited


def test_two_alerts_that_match_both_sides_do_not_inhibit_each_other() -> None:
    rules = [inhibition("alertname=~.+", "alertname=~.+")]
    one, other = Alert({"alertname": "A"}), Alert({"alertname": "B"})

    assert Inhibitor(rules, [one, other]).inhibiting(one.labels) is None


def test_an_alert_of_both_sides_is_inhibited_by_one_that_is_a_source_only() -> None:
    rules = [inhibition("severity=~critical|warning", "severity=warning")]
    both, source = Alert({"severity": "warning"}), Alert({"severity": "critical"})

    assert Inhibitor(rules, [both, source]).inhibiting(both.labels) == (rules[0], source)


def test_the_first_inhibition_and_the_first_alert_are_named() -> None:
    rules = [inhibition("x=none", "b=2"), inhibition("a=1", "b=2"), inhibition("a=1", "b=2")]
    first, second = Alert({"a": "1", "n": "1"}), Alert({"a": "1", "n": "2"})

    found = Inhibitor(rules, [first, second]).inhibiting({"b": "2"})

    assert found is not None
    assert found[0] is rules[1]
    assert found[1] is first
