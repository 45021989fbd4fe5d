"""Matchers: how they are written, what they match, and what they ask of an event."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.rules.matchers import (
    OPERATORS,
    Matcher,
    label,
    labels_of,
    match,
    match_anything,
    match_labels,
    needed,
    parse,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = TEXTS.filter(bool)
SIMPLE = st.text("ab.", max_size=4)
LABELS = st.dictionaries(st.sampled_from("xyz"), st.text("ab", max_size=3))
MATCHERS = st.builds(Matcher, st.sampled_from("xyz"), SIMPLE, st.booleans(), st.booleans())


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("a=b", Matcher("a", "b")),
        (' a = "b" ', Matcher("a", "b")),
        ("a!=b", Matcher("a", "b", is_equal=False)),
        ("a=~b.*", Matcher("a", "b.*", is_regex=True)),
        ("a!~b", Matcher("a", "b", is_regex=True, is_equal=False)),
        ("a=", Matcher("a", "")),
        ('a=""', Matcher("a", "")),
        ("a=b c", Matcher("a", "b c")),
        ("a==b", Matcher("a", "=b")),
        (r'a="say \"hi\"\n\\"', Matcher("a", 'say "hi"\n\\')),
        (r'a=~"\\d+"', Matcher("a", r"\d+", is_regex=True)),
        (r'a=~"\d+"', Matcher("a", r"\d+", is_regex=True)),
        ('"a b"="c"', Matcher("a b", "c")),
        ("service.name=x", Matcher("service.name", "x")),
    ],
)
def test_a_matcher_is_read_as_alertmanager_reads_it(text: str, matcher: Matcher) -> None:
    assert parse(text) == matcher


@pytest.mark.parametrize("text", ["", "a", "=b", '""=b', 'a="b', 'a="b"c"', "a b=c", "{a=b}", "a=~(", "a=~a)|(b"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a matcher"):
        parse(text)


@given(name=NAMES, value=TEXTS, sign=st.sampled_from(["=", "!="]))
def test_whatever_is_quoted_comes_back(name: str, value: str, sign: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    found = parse(f"{quoted(name)}{sign}{quoted(value)}")

    assert found == Matcher(name, value, *OPERATORS[sign])


@given(matcher=MATCHERS)
def test_a_matcher_that_is_written_is_read_again(matcher: Matcher) -> None:
    assert parse(str(matcher)) == matcher


@given(value=SIMPLE, text=st.text("ab", max_size=4))
def test_regular_expressions_match_the_whole_text(value: str, text: str) -> None:
    assert Matcher("x", value, is_regex=True).matches(text) == bool(re.fullmatch(value, text))


@given(matcher=MATCHERS, text=TEXTS)
def test_not_is_the_opposite(matcher: Matcher, text: str) -> None:
    opposite = Matcher(matcher.name, matcher.value, matcher.is_regex, not matcher.is_equal)

    assert matcher.matches(text) is not opposite.matches(text)


@given(matchers=st.lists(MATCHERS, max_size=4), labels=LABELS)
def test_all_matchers_must_match(matchers: list[Matcher], labels: dict[str, str]) -> None:
    each = [match([one], {"labels": labels}) for one in matchers]

    assert match(matchers, {"labels": labels}) is all(each)
    assert match_labels(matchers, labels) is all(each)


@given(matchers=st.lists(MATCHERS, max_size=4))
def test_what_matches_nothing_at_all_is_known(matchers: list[Matcher]) -> None:
    assert match_anything(matchers) is match(matchers, {})


@pytest.mark.parametrize(
    ("body", "name", "text"),
    [
        ({"labels": {"a": "label"}, "a": "field"}, "a", "label"),
        ({"labels": {"b": "label"}, "a": "field"}, "a", "field"),
        ({"labels": "none", "a": "field"}, "a", "field"),
        ({"labels": {"a": ""}, "a": "field"}, "a", ""),
        ({}, "a", ""),
        ({"a": None}, "a", ""),
        ({"a": 750}, "a", "750"),
        ({"a": -(2**63) - 1}, "a", "-9223372036854775809"),
        ({"a": 7.5}, "a", "7.5"),
        ({"a": True}, "a", "true"),
        ({"a": {"b": 1}}, "a", ""),
        ({"a": [1]}, "a", ""),
        ({"labels": {"a": 1}}, "a", "1"),
    ],
)
def test_a_label_is_looked_for_among_the_labels_and_then_the_fields(body: dict[str, Any], name: str, text: str) -> None:
    assert label(body, name) == text


def test_a_pattern_that_needs_too_much_memory_is_refused() -> None:
    assert Matcher("a", "(a{500}){500}", is_regex=True).problem()


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just([1]), st.just({"b": 1}))
FIELDS = st.dictionaries(st.sampled_from("abc"), VALUES)


@given(fields=FIELDS, labels=st.one_of(st.none(), st.just([1]), FIELDS), name=st.sampled_from("abcd"))
def test_all_labels_of_an_event_are_those_that_are_found_one_by_one(
    fields: dict[str, Any], labels: Any, name: str
) -> None:
    body = fields | {"labels": labels}

    assert labels_of(body).get(name, "") == label(body, name)


ASKED = st.builds(Matcher, st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.booleans(), st.booleans())


@given(st.lists(ASKED, max_size=3), st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", "y"])))
def test_what_matches_has_the_labels_that_it_needs(asked: list[Matcher], labels: dict[str, str]) -> None:
    if match_labels(asked, labels):
        assert needed(asked).items() <= labels.items()
