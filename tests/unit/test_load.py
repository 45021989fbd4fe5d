"""The generator of load: what it makes, and when it leaves."""

from __future__ import annotations

import random
from collections import Counter
from itertools import count as natural_numbers
from itertools import islice
from typing import Any

import pytest

from sentinel.errors import InvalidInputError
from sentinel.load.made_up import AlertMix, alerts, devices
from sentinel.load.plan import Plan, fitting_batch
from sentinel.load.shares import even, read_shares
from sentinel.load.tally import percentile
from sentinel.rules.index import RuleIndex
from sentinel.rules.packs import load_pack
from sentinel.rules.syntax import Ticket
from sentinel.rules.verdict import heard

COUNT = 10_000


def plan(**changes: Any) -> Plan:
    """A plan of 100 events per second for ten seconds."""
    values: dict[str, Any] = {"rate": 100.0, "seconds": 10.0, "count": None, "burst": 1, "batch": 1, "connections": 8}
    return Plan(**values | changes)


def numbered() -> Any:
    """Events that are only numbers."""
    return ({"number": number} for number in natural_numbers())


def test_shares_are_kept_by_what_is_drawn() -> None:
    shares = read_shares("--severity", "HIGH:30, MEDIUM:30,LOW:30,CRITICAL:10")
    chance = random.Random(1)  # noqa: S311 - load is no secret

    drawn = Counter(shares.draw(chance) for _ in range(COUNT))

    assert set(drawn) == {"HIGH", "MEDIUM", "LOW", "CRITICAL"}
    assert drawn["CRITICAL"] / COUNT == pytest.approx(0.1, abs=0.01)
    assert drawn["HIGH"] / COUNT == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("text", ["api:100", "api:12.5,db:87.5", "a:b:100", "api:0,db:100", "a:33.3,b:33.3,c:33.4"])
def test_percentages_that_add_up_to_100_are_taken(text: str) -> None:
    assert sum(read_shares("--source", text).weights) == pytest.approx(100)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("HIGH:30,LOW:60", "adds up to 90"),
        ("HIGH:60,LOW:60", "adds up to 120"),
        ("HIGH:0", "adds up to 0"),
        ("HIGH:50,HIGH:50", "twice"),
        ("HIGH", "percentage"),
        ("", "percentage"),
        (":100", "percentage"),
        ("HIGH:x,LOW:100", "percentage"),
        ("HIGH:-1,LOW:101", "percentage"),
        ("HIGH:nan", "percentage"),
        ("HIGH:inf", "percentage"),
        ("HIGH:100,", "percentage"),
    ],
)
def test_other_percentages_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        read_shares("--severity", text)


def test_the_same_seed_makes_the_same_alerts_and_another_makes_others() -> None:
    first, again, other = (list(islice(alerts(seed, "a", AlertMix()), 500)) for seed in (7, 7, 8))

    assert first == again
    assert first != other
    assert len({each["alert_id"] for each in first}) == 500


def test_the_same_seed_makes_the_same_devices() -> None:
    first, again, other = (list(islice(devices(seed, "d"), 500)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_the_mix_is_what_was_asked_for() -> None:
    mix = AlertMix(severity=read_shares("s", "LOW:100"), source=read_shares("s", "api:50,db:50"), name=even("slow"))

    made = list(islice(alerts(7, "a", mix), COUNT))

    assert {each["severity"] for each in made} == {"LOW"}
    assert {each["name"] for each in made} == {"slow"}
    assert Counter(each["source"] for each in made)["api"] / COUNT == pytest.approx(0.5, abs=0.02)


def test_devices_are_as_ill_as_the_shipped_rules_are_tried_with() -> None:
    rules = {rule.name: rule.syntax for rule in load_pack("device_health")}
    index = RuleIndex((name, rule.condition) for name, rule in rules.items())

    found = Counter(_severity(each, rules, index) for each in islice(devices(1, "d"), COUNT))

    shares = {severity: times / COUNT for severity, times in found.items()}
    assert shares == {
        "critical": pytest.approx(0.20, abs=0.015),
        "high": pytest.approx(0.23, abs=0.015),
        "medium": pytest.approx(0.31, abs=0.015),
        None: pytest.approx(0.26, abs=0.015),
    }


def _severity(event: dict[str, Any], rules: dict[str, Any], index: RuleIndex) -> str | None:
    speaking = heard((str(name), rules[str(name)].options) for name in index.match(event))
    tickets = [each for name in speaking for each in rules[name].actions if isinstance(each, Ticket)]
    return tickets[0].severity if tickets else None


def test_events_are_due_at_the_rate() -> None:
    slices = list(plan(count=4).slices(numbered()))

    assert [due for due, _ in slices] == pytest.approx([0.0, 0.01, 0.02, 0.03])
    assert [events for _, events in slices] == [[{"number": number}] for number in range(4)]


def test_a_burst_falls_due_together_and_keeps_the_rate() -> None:
    slices = list(plan(count=25, burst=10).slices(numbered()))

    assert [due for due, _ in slices] == pytest.approx([0.0] * 10 + [0.1] * 10 + [0.2] * 5)


def test_a_request_leaves_when_its_last_event_is_due() -> None:
    slices = list(plan(count=7, batch=3).slices(numbered()))

    assert [[each["number"] for each in events] for _, events in slices] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [due for due, _ in slices] == pytest.approx([0.02, 0.05, 0.06])


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({}, 1000),
        ({"count": 5}, 5),
        ({"count": 5000}, 1000),
        ({"rate": 0.2}, 2),
        ({"rate": 0.25, "seconds": 10.0}, 3),
        ({"rate": 1.0, "seconds": 0.5}, 1),
        ({"rate": 0.1, "seconds": 0.3}, 1),
        ({"burst": 300}, 1200),
        ({"seconds": None, "count": 5}, 5),
        ({"rate": None}, None),
        ({"rate": None, "count": 9}, 9),
    ],
)
def test_the_total_follows_from_rate_time_and_count(changes: dict[str, Any], total: int | None) -> None:
    wanted = plan(**changes)

    assert wanted.total == total
    if total is not None:
        due = [moment for moment, _ in wanted.slices(numbered())]
        assert len(due) == total
        assert wanted.seconds is None or due[-1] < wanted.seconds


def test_without_a_rate_everything_is_due_at_once() -> None:
    assert {due for due, _ in plan(rate=None, count=50).slices(numbered())} == {0.0}


@pytest.mark.parametrize(("rate", "batch"), [(0.2, 1), (300, 1), (301, 7), (5000, 100), (1e6, 1000), (None, 100)])
def test_high_rates_share_requests(rate: float | None, batch: int) -> None:
    assert fitting_batch(rate) == batch


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [([], 50, None), ([3.0], 99, 3.0), ([1.0, 2.0, 3.0, 4.0], 50, 3.0), (list(range(200)), 99, 198)],
)
def test_percentiles_are_values_that_were_seen(values: list[float], percent: int, found: float | None) -> None:
    assert percentile(values, percent) == found
