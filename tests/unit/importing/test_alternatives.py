"""What patterns are made of, beside RE2 itself."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentinel.importing.alternatives import branches, listed
from sentinel.importing.demands import anchored
from sentinel.rules import patterns

PIECES = ("a", "b", "|", "(", "(?:", ")", "^", "$", "\\.", "\\|", "[a|b]", "[^)]", ".*", "a?", "", "\\d", "-", "é")
TEXTS = ("", "a", "b", "ab", "ba", ".", "|", "a.", "a|b", "-", "aa", ")", "é", "ab-")


def fits(pattern: str, text: str) -> bool:
    return bool(patterns.single(anchored(pattern)).found_in(text))


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("a|b", {"a", "b"}),
        ("^(db|cache)$", {"db", "cache"}),
        ("(?:db|cache)", {"db", "cache"}),
        ("|a", {"", "a"}),
        ("x\\.y|a\\|b", {"x.y", "a|b"}),
        ("", {""}),
        ("a.b", None),
        ("a(b|c)", None),
        ("(a)|(b)", None),
        ("(?i)a", None),
        ("\\d", None),
        ("a{2}", None),
    ],
)
def test_a_pattern_that_lists_texts_is_those_texts(pattern: str, texts: set[str] | None) -> None:
    assert listed(pattern) == texts


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("a", ("a",)),
        ("a.*|b.*", ("a.*", "b.*")),
        ("(a|b)c|d", ("(a|b)c", "d")),
        ("[|)]a|b\\|c", ("[|)]a", "b\\|c")),
        ("[]|]|[^]|]", ("[]|]", "[^]|]")),
        ("[[:alpha:]|]|x", ("[[:alpha:]|]", "x")),
    ],
)
def test_branches_are_what_stands_between_bars_outside_of_all(pattern: str, parts: tuple[str, ...]) -> None:
    assert branches(pattern) == parts


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_a_pattern_matches_what_its_texts_and_its_branches_say(pattern: str) -> None:
    parts = branches(pattern)
    assume(all(patterns.problem(each) is None for each in (pattern, *parts)))

    for text in TEXTS:
        assert fits(pattern, text) == any(fits(part, text) for part in parts)
        if (texts := listed(pattern)) is not None:
            assert fits(pattern, text) == (text in texts)


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("(?i)a|b|c", ("(?i)a", "(?i)b", "(?i)c")),
        ("a|(?i)b|c", ("a", "(?i)b", "(?i)c")),
        ("(?i)a|(?s)b|c", ("(?i)a", "(?i)(?s)b", "(?i)(?s)c")),
        ("(?i:a)|b", ("(?i:a)", "b")),
        ("((?i)a|b)|c", ("((?i)a|b)", "c")),
        ("\\Qa|(b\\E|c", ("\\Qa|(b\\E", "c")),
        ("c|\\Qa|b", ("c", "\\Qa|b")),
    ],
)
def test_branches_keep_flags_and_quoted_texts(pattern: str, parts: tuple[str, ...]) -> None:
    assert branches(pattern) == parts
