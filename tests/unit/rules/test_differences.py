"""Two versions of a rule beside each other, and rules in short, as pages show them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.rules.parser import parse
from sentinel.web.screens.rules import texts
from sentinel.web.screens.rules.texts import Line

some_texts = st.lists(
    st.sampled_from(["when a == 1", "when a == 2", "# why", "", "then suppress()", 'b in ["x", "y"]']), max_size=6
).map("\n".join)


def written(lines: list[Line | None]) -> str:
    return "\n".join("".join(piece.text for piece in line.pieces) for line in lines if line is not None)


@given(some_texts, some_texts)
def test_each_side_is_all_of_its_version_in_order(old: str, new: str) -> None:
    pairs = texts.differences(old, new)

    assert (written([each.old for each in pairs]), written([each.new for each in pairs])) == (old, new)
    assert all(each.sign == "" for pair in pairs for each in pair if each is not None) == (old == new)


def test_in_a_changed_line_the_pieces_that_differ_are_marked() -> None:
    (pair,) = texts.differences("when amount > 500 then suppress()", "when amount > 900 then suppress()")

    assert pair.old is not None
    assert pair.new is not None
    assert [each.text for each in pair.old.pieces if each.is_changed] == ["500"]
    assert [each.text for each in pair.new.pieces if each.is_changed] == ["900"]


def test_where_a_rule_goes_is_said_in_short() -> None:
    rule = parse(
        'when a then notify("slack:#ops"), notify("endpoint:*"), notify("endpoint:desk"), ticket("high", "x"), '
        'resolve(merge="a")'
    )

    assert texts.goals(rule.actions) == [
        "slack #ops",
        "its endpoints",
        "endpoint desk",
        "high ticket",
        "resolves its ticket",
    ]


def test_between_equal_ends_of_a_long_line_all_is_changed() -> None:
    shared = ", ".join(f'"d{number}"' for number in range(400))
    old, new = (", ".join(f'"{sign}{number}"' for number in range(200)) for sign in "ab")

    (pair,) = texts.differences(
        f"when x in [{shared}, {old}] then suppress()", f"when x in [{shared}, {new}] then stop()"
    )

    assert pair.old is not None
    assert pair.new is not None
    assert next(each.text for each in pair.old.pieces if each.is_changed) == '"a0"'
    assert [each.text for each in pair.new.pieces if each.is_changed][-1] == "stop"
    assert not any(each.is_changed for each in [*pair.new.pieces[:800], *pair.new.pieces[-2:]])


def test_two_lists_that_share_nothing_are_not_compared_piece_by_piece() -> None:
    old, new = (", ".join(f'"{sign}{number}"' for number in range(600)) for sign in "ab")

    (pair,) = texts.differences(old, new)

    assert pair.old is not None
    assert written([pair.old]) == old
    assert not any(each.is_changed for each in pair.old.pieces)


def test_many_equal_lines_are_compared_quickly() -> None:
    pairs = texts.differences("1\n" * 2000, "2\n1\n" * 1000)

    assert sum(pair.new is not None for pair in pairs) == 2001
