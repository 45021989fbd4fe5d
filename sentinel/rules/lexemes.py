"""A rule's text in pieces that can be coloured, also while it is wrong: for pages, and for editors in a browser.

The words come from the grammar's terminals, and the shapes are written so that Python and JavaScript read them alike:
the editor gets this table (`lexicon`), and tests hold it against the parser and the editor against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sentinel.rules.messages import WORDS
from sentinel.rules.printer import RESERVED

KINDS: dict[str, tuple[str, ...]] = {
    "keyword": (
        *("WHEN", "THEN", "FOR", "KEEP", "SEVERITY", "THROTTLE", "DEDUPE", "PRIORITY", "STOP", "GROUP", "WAIT"),
        *("INTERVAL", "REPEAT", "PAUSE", "RESOLVED", "FLAPPING", "OFF", "WITHIN", "IF", "ELSE", "BY", "OVER", "PER"),
        *("AND", "_AND", "_OR", "_NOT", "NOT_WORD"),
    ),
    "operator": ("IN", "IS", "MATCHES", "BETWEEN", "COMPARE", "TEXT_OPERATOR"),
    "constant": ("BOOLEAN", "NULL"),
    "function": ("EVENTS", "FIGURE", "FIRST", "CHANGE", "ABSENT", "PRESENCE", "FUNCTION"),
    "field": ("WORD",),
    "text": ("STRING",),
    "pattern": ("REGEX",),
    "number": ("NUMBER", "DURATION"),
    "sign": ("LPAR", "RPAR", "LSQB", "RSQB", "COMMA", "DOT", "EQUAL", "EVERY"),
}
"""How the terminals of the grammar are coloured. Its NAME is a field, a function or a plain `name`, as it stands."""

KIND_OF = {terminal: kind for kind, terminals in KINDS.items() for terminal in terminals}

KNOWN = {
    word: kind
    for kind in ("keyword", "operator", "constant")
    for terminal in KINDS[kind]
    for word in WORDS[terminal]
    if word.isalpha()
}
"""The words of the language, which also are names of fields where a field stands."""

OPENERS = frozenset({"when", "and", "or", "not", "if", "by", "(", "&&", "||", "!"})
"""After these stands a field, whatever it is called."""

OPERAND_ENDS = frozenset({"field", "text", "number", "constant"})
"""After one of these `not` belongs to the operator that follows: `a not in [1]`."""


class Lexeme(NamedTuple):
    """A piece of the text, and how it is coloured: a kind of `KINDS`, or name, comment, space or odd."""

    kind: str
    text: str


def shapes(letter: str, word: str) -> tuple[tuple[str, str], ...]:
    """What a piece can look like, the first that fits; `letter` and `word` are the insides of character classes."""
    return (
        ("space", r"[ \t\r\n]+"),
        ("comment", r"#[^\n]*"),
        # A text that is not closed yet is one all the same, up to the end of its line.
        ("text", ("|".join(rf"{quote}(?:[^{quote}\\\n]|\\.)*{quote}?" for quote in "\"'"))),
        ("pattern", r"/(?:[^/\\\n]|\\.)+/"),
        ("number", rf"[0-9]+[smhdw](?![{word}])|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+\-]?[0-9]+)?(?![{word}.])"),
        ("word", rf"[{letter}][{word}]*"),
        ("operator", r"==|!=|<=|>=|<|>"),
        ("keyword", r"&&|\|\||!"),
        ("sign", r"[()\[\],.=*]"),
        ("odd", r"[^]" if letter.startswith(r"\p") else r"(?s:.)"),
    )


PYTHON, JAVASCRIPT = (r"^\W\d", r"\w"), (r"\p{L}\p{Nl}\p{No}_", r"\p{L}\p{N}_")
"""A letter, and what may follow it in a name."""

PIECE = re.compile("|".join(f"(?P<{kind}>{shape})" for kind, shape in shapes(*PYTHON)))
CALL, ARGUMENT, OVER = re.compile(r"\s*\("), re.compile(r"\s*=(?!=)"), re.compile(r"\s+over\b")


def lexicon() -> dict[str, Any]:
    """The table for editors in a browser, as plain data."""
    return {
        "shapes": [list(each) for each in shapes(*JAVASCRIPT)],
        "known": KNOWN,
        "reserved": sorted(RESERVED),
        "openers": sorted(OPENERS),
        "operandEnds": sorted(OPERAND_ENDS),
    }


def lexemes(text: str) -> Iterator[Lexeme]:
    """Split a text; joined again, the pieces are the text."""
    place = Place()
    for found in PIECE.finditer(text):
        kind = str(found.lastgroup)
        if kind == "word":
            kind = place.kind_of(found[0], text[found.end() : found.end() + 40])
        yield Lexeme(kind, found[0])
        if kind not in {"space", "comment"}:
            place.pass_by(kind, found[0])


class Place:
    """What stands before a word, as far as it decides what the word is. The editor's script has the same."""

    def __init__(self) -> None:
        self._kind = ""
        self._text = ""
        self._is_by = False
        self._depth = 0
        self._is_infix = False

    def kind_of(self, word: str, following: str) -> str:
        """How a word is coloured here."""
        if self._text == ".":
            return "field"
        if self._wants_field() and word not in RESERVED:
            return self._operand(word, following)
        return KNOWN.get(word) or ("function" if CALL.match(following) else "name")

    def pass_by(self, kind: str, text: str) -> None:
        """Go on behind a piece."""
        self._is_infix = text == "not" and (self._kind in OPERAND_ENDS or self._text in {")", "]"})
        self._depth = max(0, self._depth + (text == "[") - (text == "]"))
        stays = self._depth or kind == "field" or text in {",", ".", "]"}
        self._is_by = (text == "by" and kind == "keyword") or bool(self._is_by and stays)
        self._kind, self._text = kind, text

    def _wants_field(self) -> bool:
        if self._kind == "keyword" or self._text == "(":
            return self._text in OPENERS and not self._is_infix
        return self._text == "," and self._is_by and not self._depth

    def _operand(self, word: str, following: str) -> str:
        if CALL.match(following) or (word == "absent" and OVER.match(following)):
            return "function"
        return "name" if ARGUMENT.match(following) else "field"
