"""The pieces of a rule's text: they hold against the parser, and against any text."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Token

from sentinel.rules.lexemes import KIND_OF, KNOWN, Lexeme, lexemes
from sentinel.rules.messages import WORDS
from sentinel.rules.packs import PACKS, load_pack
from sentinel.rules.parser import _lark
from sentinel.rules.printer import rule_text
from tests.unit.rules.strategies import rules

RULES = (
    'when event.type == "order" and amount > 500 then notify("slack:#big-orders")',
    "when severity == 'high' and not for and by not contains \"x\" # why\nthen suppress()",
    "when not (a or b) and lower(stop) not in [1, 'x', true] && !c || d.if.then[0][\"é\"] is not null then suppress()",
    "when count() over 5m by device_id, for > 10 and absent over 5m by group and exists(absent) then suppress()",
    "when a between -1 and 2.5e3 and b matches /^db-\\d+\\/$/ and absent.over < 1 then suppress()",
    "when a throttle 3 per 1h, 7 per 1d by by severity critical if t > 90, high if t else low then suppress()",
    'when a group by * wait 10s repeat off then ticket("high", "x", merge="a"), resolve(merge="a") and suppress()',
    "when größe == 1 and 變數.名 == 'ü' group by größe, wait wait 30s flapping 5 within 15m stop then suppress()",
)


def told(text: str) -> list[Lexeme]:
    return [each for each in lexemes(text) if each.kind not in {"space", "comment"}]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in told(text)]


def as_parsed(text: str) -> dict[int, Token]:
    return {token.start_pos or 0: token for token in _lark().parse_interactive(text, start="rule").iter_parse()}


def check_against_the_parser(text: str) -> None:
    starts = accumulate((len(each.text) for each in lexemes(text)), initial=0)
    found = dict(zip(starts, lexemes(text), strict=False))
    for start, token in as_parsed(text).items():
        assert found[start].text == token, (text, token, found[start])
        if token.type == "NAME":
            assert found[start].kind in {"name", "field", "function"}, (text, token, found[start])
        else:
            assert found[start].kind == KIND_OF[token.type], (text, token, found[start])


@pytest.mark.parametrize("text", [*RULES, *(each.text for pack in PACKS for each in load_pack(pack))])
def test_what_the_parser_takes_a_piece_for_is_its_colour(text: str) -> None:
    check_against_the_parser(text)


@given(rules)
def test_any_rule_is_coloured_as_the_parser_reads_it(rule: object) -> None:
    check_against_the_parser(rule_text(rule))  # type: ignore[arg-type]


@given(st.text() | st.text(alphabet=list("when then a.b(\"'/[],=!&|#*5m \n\\")))
def test_no_text_loses_a_character(text: str) -> None:
    assert "".join(each.text for each in lexemes(text)) == text


def test_every_terminal_has_a_colour() -> None:
    assert set(KIND_OF) | {"NAME", "$END"} == set(WORDS)
    assert {token.name for token in _lark().terminals if not token.name.startswith("__IGNORE")} <= set(KIND_OF) | {
        "NAME"
    }
    assert {"when", "contains", "null", "within"} <= set(KNOWN)


def test_actions_arguments_and_levels_have_their_own_colours() -> None:
    assert kinds('severity high then notify("x", template="y")') == [
        ("keyword", "severity"),
        ("name", "high"),
        ("keyword", "then"),
        ("function", "notify"),
        ("sign", "("),
        ("text", '"x"'),
        ("sign", ","),
        ("name", "template"),
        ("sign", "="),
        ("text", '"y"'),
        ("sign", ")"),
    ]


def test_what_is_half_written_is_coloured_too() -> None:
    assert kinds('when name == "unclosed\nthen §')[3:] == [("text", '"unclosed'), ("keyword", "then"), ("odd", "§")]
