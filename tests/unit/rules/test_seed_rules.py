"""Rules that people of the replaced systems bring along, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.errors import InvalidInputError, NotFoundError
from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.index import RuleIndex
from sentinel.rules.packs import load_pack
from sentinel.rules.parser import Vocabulary, parse
from sentinel.rules.shorthand import shorthand
from sentinel.rules.syntax import Notify, Ticket
from sentinel.rules.titles import fill
from sentinel.rules.verdict import heard, severity

BIG_ORDERS = 'when event.type == "order" and amount > 500 then notify("slack:#big-orders")'


def test_both_spellings_of_the_readme_rule_are_the_same_rule() -> None:
    other = "when event.type == 'order' and event.amount > 500 then notify('slack:#big-orders')"

    assert parse(other) == parse(BIG_ORDERS)


@pytest.mark.parametrize(("amount", "matched"), [(750, ["big"]), (500, []), ("750", []), (None, []), (500.01, ["big"])])
def test_big_orders_are_those_above_500_as_a_number(amount: Any, matched: list[str]) -> None:
    index = RuleIndex([("big", parse(BIG_ORDERS).condition)])

    assert index.match({"type": "order", "amount": amount}) == matched


def test_a_bad_rule_is_refused_with_line_column_expectation_and_suggestion() -> None:
    with pytest.raises(InvalidRuleError) as caught:
        parse('when event.type == "order" and amount > 500 thn notify("slack:#big-orders")')

    problem = caught.value.problem
    assert (problem.line, problem.column, problem.length) == (1, 45, 3)
    assert "then" in problem.expected
    assert problem.hint == "did you mean 'then'?"


@pytest.mark.parametrize("target", ["pager:#x", "slack:", "slack", ":x", ""])
def test_an_unknown_channel_or_a_malformed_target_is_refused(target: str) -> None:
    with pytest.raises(InvalidRuleError, match=r"target|channel"):
        parse(f'when true then notify("{target}")', Vocabulary(channels=("slack",)))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"status": "offline", "temperature": 90.0}, ("critical", "Device offline")),
        ({"status": "OFFLINE"}, ("critical", "Device offline")),
        ({"status": "ok", "temperature": 85.0}, ("high", "High temperature 85.0°C")),
        ({"status": "degraded", "temperature": 91}, ("high", "High temperature 91.0°C")),
        ({"status": "ok", "temperature": 84.95}, ("medium", "Elevated temperature 85.0°C")),
        ({"status": "degraded", "temperature": 75}, ("medium", "Elevated temperature 75.0°C")),
        ({"status": "Degraded", "temperature": 74.9}, ("medium", "Device degraded")),
        ({"status": "ok", "temperature": 20}, None),
        ({"temperature": "90"}, None),
    ],
)
def test_device_health_is_one_ticket_at_most(event: dict[str, Any], expected: tuple[str, str] | None) -> None:
    rules = {rule.name: rule.syntax for rule in load_pack("device_health")}
    index = RuleIndex((name, rule.condition) for name, rule in rules.items())
    whole = {"device_id": "dev-1", "region": "eu", "ts": 1} | event

    speaking = heard((str(name), rules[str(name)].options) for name in index.match(whole))

    actions = [action for name in speaking for action in rules[name].actions]
    tickets = [(each.severity, fill(each.title, whole)) for each in actions if isinstance(each, Ticket)]
    assert tickets == ([expected] if expected else [])


def test_a_pack_is_text_that_reads_back() -> None:
    rules = load_pack("device_health")

    assert [rule.name for rule in rules] == [
        "Device offline",
        "High temperature",
        "Elevated temperature",
        "Device degraded",
    ]
    assert all(parse(rule.text) == rule.syntax for rule in rules)


def test_an_unknown_pack_is_named() -> None:
    with pytest.raises(NotFoundError, match="there are: device_health"):
        load_pack("devices")


def test_the_shorthand_becomes_a_rule_that_can_be_edited() -> None:
    text = shorthand("High", "api", "*", actions=(Notify("endpoint", "ops"),))

    assert text == 'when lower(severity) == "high" and source == "api" then notify("endpoint:ops")'
    assert parse(text).actions == (Notify("endpoint", "ops"),)


def test_three_stars_are_every_event() -> None:
    assert shorthand("*", "*", "*", actions=(Notify("endpoint", "ops"),)).startswith("when true then")


@pytest.mark.parametrize(("severity", "source", "field"), [("urgent", "api", "severity"), ("*", "", "source")])
def test_a_shorthand_that_means_nothing_names_its_field(severity: str, source: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        shorthand(severity, source, "*", actions=())

    assert caught.value.errors[0].field == field


def test_an_alert_meets_every_client_and_each_wildcard() -> None:
    texts = {
        f"{client}/{severity}/{source}/{name}": shorthand(severity, source, name, actions=(Notify("endpoint", client),))
        for client in ("acme", "globex")
        for severity in ("low", "high", "*")
        for source in ("api", "db", "*")
        for name in ("timeout", "error", "*")
    }
    index = RuleIndex((name, parse(text).condition) for name, text in texts.items())

    assert len(index.match({"severity": "HIGH", "source": "api", "name": "timeout"})) == 2 * 8
    assert len(index.match({"severity": "HIGH", "source": "api", "name": "validation"})) == 2 * 4
    assert len(index.match({"severity": "HIGH", "source": "queue", "name": "validation"})) == 2 * 2


def test_a_stop_silences_lower_priorities_only() -> None:
    low, high, stop = (
        parse(f"when true {options} then suppress()").options for options in ("", "priority 9", "priority 5 stop")
    )

    assert heard([("low", low), ("stop", stop), ("high", high)]) == ["high", "stop"]
    assert heard([("low", low), ("second", low)]) == ["low", "second"]


@pytest.mark.parametrize(("value", "expected"), [(9, "critical"), (6, "high"), (1, "low"), (None, "low")])
def test_the_first_severity_that_holds_counts(value: int | None, expected: str) -> None:
    rule = parse("when true severity critical if x > 8, high if x > 5 else low then suppress()")

    assert severity(rule.options, {"x": value}) == expected
    assert severity(parse("when true then suppress()").options, {}) is None
