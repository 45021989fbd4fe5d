"""What the parser refuses, and how it says so."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.parser import Vocabulary, parse, parse_condition
from sentinel.rules.printer import rule_text
from sentinel.rules.syntax import Cap, Every, Level, Notify, Options, Resolve, Suppress, Ticket

KNOWN = Vocabulary(channels=("slack", "sms", "email"), actions=("notify", "ticket", "suppress"))


def refusal(text: str) -> InvalidRuleError:
    with pytest.raises(InvalidRuleError) as caught:
        parse(text, KNOWN)
    return caught.value


def test_an_error_says_where_what_and_how_to_mend_it() -> None:
    error = refusal("when type == order then n()")

    assert str(error) == (
        "line 1, column 14: expected a value, found 'order' (text values need quotes, e.g. \"order\")"
    )
    assert error.excerpt() == "  when type == order then n()\n               ^^^^^"
    assert error.problem.expected == ("a number", "a text in quotes", "false", "null", "true")


def test_an_error_is_one_about_the_field_rule() -> None:
    error = refusal("when type == order then n()")

    assert isinstance(error, InvalidInputError)
    assert error.errors[0].as_dict() == {
        "field": "rule",
        "value": "order",
        "message": "line 1, column 14: expected a value, found 'order'",
        "remedy": 'text values need quotes, e.g. "order"',
        "line": 1,
        "column": 14,
        "length": 5,
        "hint": 'text values need quotes, e.g. "order"',
        "expected": list(error.problem.expected),
    }
    assert error.problem.as_dict()["column"] == 14


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('when type = "x" then n()', "line 1, column 11: use '==' to compare"),
        ('when a contians "x" then n()', "did you mean 'contains'?"),
        ("whn a then suppress()", "did you mean 'when'?"),
        ("when a == 1 severty high then suppress()", "did you mean 'severity'?"),
        ("when a == 1 AND b == 2 then suppress()", "write 'and' in small letters"),
        ("when a == True then suppress()", "write true in small letters"),
        ('when a == "x then suppress()', 'this text has no closing "'),
        ("when cout() over 5m > 3 then suppress()", "did you mean 'count('?"),
        ("when foo(a) > 1 then suppress()", "there is no function 'foo'"),
        ("when a > 5m then suppress()", "a number has no unit here: write 5m as 300"),
        ("when count() over 5 > 3 then suppress()", "durations are whole numbers with s, m, h, d or w: 90s, 5m"),
        ('when a =~ "x" then suppress()', "line 1, column 8: use 'matches' for patterns"),
        ('when a "x" then suppress()', "an operator is missing before it"),
        ("when a == 1", 'say what to do: then notify("slack:#ops")'),
        ('when a == 1 then notify("slack:#x"', "a ')' is missing"),
        ("when a == 1 and then suppress()", "event.then is how to name a field 'then'"),
        ('when a > "500" then suppress()', "'>' compares numbers, found \"500\" (write 500 without quotes)"),
        ("when a between 5 and 2 then suppress()", "nothing lies between 5 and 2"),
        ("when a in [null] then suppress()", "null cannot stand in a list"),
        ("when a matches /(?=a)/ then suppress()", "this pattern is refused"),
        ("when a matches /.*.*.*.*.*.*.*.*.*/ then suppress()", "more than 8 of .* and .+"),
        ('when a matches "\\d" then suppress()', "\\d means nothing in a text"),
        ('when a cidr "10.0.0.1/8" then suppress()', "is no network"),
        ("when a == 9007199254740993 then suppress()", "numbers go from -2^53 to 2^53"),
        ("when a == 1e400 then suppress()", "1e400 is too large"),
        ("when a for 0s then suppress()", "0s is no usable duration"),
        ("when a for 5m for 6m then suppress()", "'for' stands twice"),
        ("when a throttle 3 then suppress()", "expected 'per', found 'then'"),
        ("when a throttle 3 per hour then suppress()", "expected a duration, found 'hour'"),
        ("when a throttle 0 per 1h then suppress()", "write a whole number from 1 to 1000"),
        ("when a throttle 3 per 1h, 5 per 60m then suppress()", "two caps are for the same time"),
        (
            f"when a throttle {', '.join(f'1 per {each}m' for each in range(1, 6))} then suppress()",
            "this throttle has 5 caps",
        ),
        ("when a priority 1001 then suppress()", "write a whole number from -1000 to 1000"),
        ("when a severity urgent then suppress()", "unknown severity 'urgent'"),
        ("when a severity high, low then suppress()", "a severity without 'if' ends the list"),
        ("when a == 1 or count() over 5m > 2 then suppress()", "it cannot stand under 'or' or 'not'"),
        ("when not absent over 5m then suppress()", "it cannot stand under 'or' or 'not'"),
        ("when a severity high if count() over 5m > 2 then suppress()", "a severity cannot depend on a window"),
        ("when count() over 5m != 2 then suppress()", "'!=' cannot stand after a window"),
        ('when a then notfy("slack:#x")', "did you mean 'notify'?"),
        ('when a then notify("slak:#x")', "did you mean 'slack'?"),
        ('when a then notify("slack")', "is no target"),
        ("when a then notify(5)", "'notify' takes texts, found 5"),
        ("when a then notify()", "'notify' needs its target"),
        ('when a then notify("slack:x", colour="red")', "'notify' does not take this"),
        ("when a then suppress(1)", "'suppress' does not take this"),
        ('when a then ticket("hgh", "x")', "did you mean 'high'?"),
        ('when a then ticket("high", "{x!r}")', "{x!r} is no place for a value"),
        ("when a for 5m by b keep 1h by c then suppress()", "'for' and 'keep' have the same groups"),
        ("when absent over 5m and absent over 6m by a then suppress()", "this rule has two 'absent'"),
        ('when a then ticket("high", "x", merge="a b")', "'a b' does not name fields of the event"),
        ('when a then ticket("high", "x", merge="")', "'' does not name fields of the event"),
        ('when a then ticket("high", "x", merge=5)', "'ticket' takes texts"),
        ("when a then suppress();", "one text holds one rule"),
        ("", "expected 'when', found the end"),
        ("when a is empty then suppress()", "expected 'not' or 'null', found 'empty'"),
    ],
)
def test_common_mistakes_are_named(text: str, message: str) -> None:
    assert message in str(refusal(text))


def test_lines_are_counted() -> None:
    error = refusal("when a == 1\n  # a comment\n  and b = 2\nthen suppress()")

    assert (error.problem.line, error.problem.column) == (3, 9)
    assert error.excerpt() == "    and b = 2\n          ^"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a == 1" + " and a == 1" * 256, "257 conditions"),
        ("a == 1 or " * 500, "this rule has"),
        ("not " * 40 + "a", "levels of nesting"),
        (" and ".join(["a matches /x/"] * 21), "21 patterns"),
        (" and ".join(["count() over 5m > 1"] * 4), "4 windows"),
        (f'a == "{"x" * 1025}"', "this text has 1025 characters"),
        (f"a in [{','.join(map(str, range(1025)))}]", "this list has 1025 values"),
        (".".join(["a"] * 17), "this path has 17 steps"),
        ("(" * 2000 + "a" + ")" * 2000, None),
    ],
)
def test_what_would_be_too_large_is_refused(condition: str, message: str | None) -> None:
    if message is None:
        assert parse_condition(condition) == parse_condition("a")
        return
    with pytest.raises(InvalidRuleError, match=message):
        parse_condition(condition)


def test_a_condition_at_the_limit_is_accepted() -> None:
    parse_condition(" and ".join(["a==1"] * 256))
    parse_condition("not " * 31 + "a")


def test_options_and_actions_are_read() -> None:
    rule = parse(
        "when a for 5m keep 1h severity high if b > 1 else LOW throttle 10m by c.d dedupe 2h priority 7 stop "
        'then notify("Slack:#x", template="t") and ticket("CRITICAL", "T {a}"), suppress()'
    )

    assert rule.options == Options(
        hold_seconds=300,
        keep_seconds=3600,
        severity=(Level("high", parse_condition("b > 1")), Level("low")),
        throttle=Every(600, (("c", "d"),)),
        dedupe=Every(7200),
        priority=7,
        stop=True,
    )
    assert rule.actions == (Notify("slack", "#x", "t"), Ticket("critical", "T {a}"), Suppress())


@pytest.mark.parametrize(
    ("written", "meant", "printed"),
    [
        ("3 per 1h, 7 per 1d by a", Every(3600, (("a",),), 3, (Cap(7, 86_400),)), "3 per 1h, 7 per 1d by a"),
        ("1 per 600s", Every(600), "10m"),
        ("1 per 1m, 3 per 1h", Every(60, (), 1, (Cap(3, 3600),)), "1 per 1m, 3 per 1h"),
    ],
)
def test_caps_of_a_throttle_are_read_and_written(written: str, meant: Every, printed: str) -> None:
    rule = parse(f"when per == 1 throttle {written} then suppress()")

    assert rule.options.throttle == meant
    assert rule_text(rule) == f"when per == 1 throttle {printed} then suppress()"


@pytest.mark.parametrize(
    "clock",
    ["for 5m by device.id", "keep 10m by device.id", "for 5m by device.id keep 10m", "for 5m keep 10m by device.id"],
)
def test_for_and_keep_have_the_same_groups(clock: str) -> None:
    assert parse(f"when a {clock} then suppress()").options.hold_by == (("device", "id"),)


def test_a_ticket_names_the_fields_that_join_events() -> None:
    rule = parse("""when a then ticket("high", "x", merge='event.region, device.id[0], event["odd, name"], region')""")

    assert rule.actions == (Ticket("high", "x", (("region",), ("device", "id", 0), ("odd, name",))),)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("endpoint:*", Notify("endpoint", "*")),
        ("inbox:user-7", Notify("inbox", "user-7")),
        ("webhook:https://example.com/a?b=1,2", Notify("webhook", "https://example.com/a?b=1,2")),
        ("slack:https://hooks.example.com/T0/B0/x", Notify("slack", "https://hooks.example.com/T0/B0/x")),
    ],
)
def test_a_target_may_be_an_address_a_user_or_all_endpoints(target: str, expected: Notify) -> None:
    assert parse(f'when a then notify("{target}")').actions == (expected,)


def test_an_action_that_is_not_allowed_is_named() -> None:
    with pytest.raises(InvalidRuleError, match="the action 'ticket' is not allowed"):
        parse('when a then ticket("high", "x")', Vocabulary(actions=("notify",)))


SEEDS = (
    'when event.type == "order" and amount > 500 for 5m severity high then notify("slack:#big-orders")',
    "when not (a in [1, 'b', true] or b between 1 and 2) throttle 5m by a then suppress()",
    'when count() over 5m by id > 10 and x matches /a+/ and tags[0] contains "x" then ticket("low", "{a:.1f}")',
)
PIECES = (*"\"'/()[]{}=<>!,.:#\\ \n\0é0-", "and", "or", "not", "when", "then", " over ", "5m", "1e9", "\ud800", "(((")


def refused(text: str) -> InvalidRuleError | None:
    """What parsing comes to; any other exception is the test's to report."""
    try:
        parse(text)
    except InvalidRuleError as error:
        return error
    return None


@given(st.integers(0, 2**32), st.sampled_from(SEEDS))
@settings(max_examples=800, deadline=None)
@example(0, "")
def test_mangled_rules_are_refused_by_an_invalid_rule_error_or_read(seed: int, text: str) -> None:
    chance = random.Random(seed)  # noqa: S311 - tests need no secrets
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(text))
        text = text[:start] + chance.choice(PIECES) + text[start + chance.randint(0, 5) :]

    error = refused(text)

    if error:
        assert error.problem.message
        assert 1 <= error.problem.line <= text.count("\n") + 1
        assert str(error)
        assert error.excerpt()


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_or_read(text: str) -> None:
    error = refused(text)

    assert error is None or error.problem.column >= 1


def test_a_ticket_may_bind_an_escalation_policy() -> None:
    rule = parse('when a then ticket("high", "x", policy="primary")')

    assert rule.actions == (Ticket("high", "x", (), "primary"),)


def test_a_recovery_resolves_the_ticket_of_its_key() -> None:
    rule = parse('when a then resolve(merge="region, device.id"), resolve("id")')

    assert rule.actions == (Resolve((("region",), ("device", "id"))), Resolve((("id",),)))


@pytest.mark.parametrize(
    ("action", "message"),
    [("resolve()", "'resolve' needs its merge"), ("resolve(5)", "'resolve' takes texts, found 5")],
)
def test_what_is_resolved_must_be_told(action: str, message: str) -> None:
    with pytest.raises(InvalidRuleError, match=re.escape(message)):
        parse(f"when a then {action}")
