"""Random rules and events that meet often: few fields, few values, and every kind of condition."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sentinel.rules.grouping import Grouping, Terms
from sentinel.rules.syntax import (
    SEVERITIES,
    Between,
    Cap,
    Compare,
    Comparison,
    Condition,
    Constant,
    Contains,
    Every,
    Field,
    Level,
    Missing,
    Network,
    Not,
    Notify,
    OneOf,
    Options,
    RuleSyntax,
    Suppress,
    TextTest,
    Ticket,
    Truth,
    Window,
    conjunction,
    disjunction,
)

NAMES = ("a", "b", "type", "severity", "count", "absent", "event", "then", "odd name", "größe", "for", "by")
TEXTS = ("", "x", "y", "xy", "X", "order", "10.0.0.7", "7", 'quote " and \\ and\nline', "größe")
NUMBERS = (0, 1, 2, 7, -1, 0.5, 1.0, 2.5, 100, 1e300 / 1e290, -0.5)

texts = st.sampled_from(TEXTS)
numbers = st.sampled_from(NUMBERS)
plain = texts | numbers
truths = st.booleans()
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(tuple) | st.tuples(
    st.sampled_from(NAMES), st.integers(0, 2)
)
few_paths = st.sampled_from([("a",), ("b",), ("a", "b"), ("a", 0)])
fields = st.builds(Field, few_paths | paths, st.sampled_from(["", "", "", "lower", "number"]))
patterns = st.sampled_from(["^x", "x.*y", "[a-z]+$", "(?i)order", r"\d", "a/b", "\\\\"])

terms: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, fields, st.just("=="), plain, truths),
    st.builds(Compare, fields, st.sampled_from(["<", "<=", ">", ">="]), numbers),
    st.builds(Truth, fields, truths, truths),
    st.builds(Missing, fields, truths),
    st.builds(OneOf, fields, st.lists(plain, min_size=1, max_size=4, unique=True).map(tuple), st.just(()), truths),
    st.builds(
        OneOf, fields, st.lists(plain, max_size=2, unique=True).map(tuple), st.sampled_from([(True,), (False, True)])
    ),
    st.builds(Contains, fields, plain, truths),
    st.builds(TextTest, fields, st.sampled_from(["icontains", "startswith", "endswith"]), texts, truths),
    st.builds(TextTest, fields, st.just("matches"), patterns, truths),
    st.builds(Network, fields, st.sampled_from(["10.0.0.0/8", "192.168.0.0/16", "::1/128"]), truths),
    st.tuples(numbers, numbers)
    .map(sorted)
    .flatmap(lambda ends: st.builds(Between, fields, st.just(ends[0]), st.just(ends[1]), truths)),
    st.builds(Constant, truths),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    terms,
    lambda below: st.one_of(
        st.builds(conjunction, st.lists(below, min_size=2, max_size=4)),
        st.builds(disjunction, st.lists(below, min_size=2, max_size=4)),
        st.builds(Not, below),
    ),
    max_leaves=8,
)

seconds = st.sampled_from([1, 60, 90, 300, 3600, 86_400, 604_800])
groups = st.lists(paths, max_size=2, unique=True).map(tuple)
comparisons = st.builds(Comparison, st.sampled_from(["<", "<=", "==", ">=", ">"]), numbers)
path_fields = st.builds(Field, paths)
windows = st.one_of(
    st.builds(Window, st.sampled_from(["count", "rate", "spike"]), st.none(), seconds, groups, comparisons),
    st.builds(Window, st.sampled_from(["sum", "avg", "distinct"]), path_fields, seconds, groups, comparisons),
    st.builds(Window, st.just("first"), path_fields, seconds, groups),
    st.builds(Window, st.just("change"), path_fields, st.none(), groups),
    st.builds(Window, st.just("absent"), st.none(), seconds, groups),
)
levels = st.lists(st.builds(Level, st.sampled_from(SEVERITIES), conditions), max_size=2).flatmap(
    lambda some: st.just(tuple(some)) | st.builds(Level, st.sampled_from(SEVERITIES)).map(lambda last: (*some, last))
)
every = st.none() | st.builds(Every, seconds, groups)
caps = st.lists(st.builds(Cap, st.integers(1, 1000), seconds), max_size=4, unique_by=lambda cap: cap.seconds)
throttle = caps.flatmap(
    lambda some: (
        st.builds(Every, st.just(some[0].seconds), groups, st.just(some[0].times), st.just(tuple(some[1:])))
        if some
        else st.none()
    )
)
clocks = st.tuples(st.none() | seconds, st.none() | seconds).flatmap(
    lambda clock: st.tuples(*map(st.just, clock), groups if any(clock) else st.just(()))
)
terms_of_groups = st.builds(
    Terms,
    st.sampled_from([0, 10, 30]),
    st.sampled_from([60, 300]),
    st.none() | st.sampled_from([3600, 14_400]),
    st.sampled_from([0, 60]),
    st.booleans(),
    st.sampled_from([3, 5]),
    st.sampled_from([600, 900]),
)
groupings = st.builds(Grouping, groups, st.just(False), terms_of_groups) | st.builds(
    Grouping, st.just(()), st.just(True), terms_of_groups
)
options = clocks.flatmap(
    lambda clock: st.builds(
        Options,
        *map(st.just, clock[:2]),
        levels,
        throttle,
        every,
        st.integers(-1000, 1000),
        st.booleans(),
        st.just(clock[2]),
        st.none() | groupings,
    )
)
targets = st.sampled_from(["#ops", "+14155552671", "a:b", "*", "https://hooks.example/a?b=c,d", "user 7"])
actions = st.one_of(
    st.builds(Notify, st.sampled_from(["slack", "endpoint", "inbox", "webhook"]), targets, st.none() | texts),
    st.builds(
        Ticket,
        st.sampled_from(SEVERITIES),
        st.sampled_from(["Device {id} offline", "{{x}}", "{a.b[0]:.1f}"]),
        groups,
    ),
    st.just(Suppress()),
)
few_windows = st.lists(windows, max_size=3).filter(lambda some: [each.kind for each in some].count("absent") < 2)
rules = st.builds(
    RuleSyntax,
    st.tuples(conditions, few_windows).map(lambda parts: conjunction([parts[0], *parts[1]])),
    st.lists(actions, min_size=1, max_size=3).map(tuple),
    options,
)

scalars: st.SearchStrategy[Any] = plain | truths | st.none() | st.floats()
events: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.sampled_from(NAMES), scalars, max_size=3)),
    max_size=6,
)
