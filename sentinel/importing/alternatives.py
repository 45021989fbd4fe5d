"""What a pattern is made of: the texts that it lists, `db|cache`, or its branches, `db-.*|.*-db`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# ^(…)$ around all of it: a matcher's pattern is anchored anyway.
WRAPPED = re.compile(r"\^?\((?:\?:)?(?P<inner>(?:[^()\\]|\\.)*+)\)\$?", re.DOTALL)
PLAIN = re.compile(r"\^?(?P<text>(?:[^\\.+*?()|\[\]{}^$]|\\[^\w\s])*)\$?")
ESCAPED = re.compile(r"\\(.)")
# A class, a quoted text, flags, an escaped character, or any other: within the first two nothing is a bar or a
# parenthesis.
SIGN = re.compile(r"\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*+(?:\]|\Z)|\\Q.*?(?:\\E|\Z)|\(\?[A-Za-z-]+\)|\\.|.", re.DOTALL)
FLAGS = "(?"


def listed(pattern: str) -> frozenset[str] | None:
    """All texts that a pattern matches as a whole; None where it is more than a list of them."""
    wrapped = WRAPPED.fullmatch(pattern)
    pieces = [PLAIN.fullmatch(each) for each in branches(wrapped["inner"] if wrapped else pattern)]
    if not all(pieces):
        return None
    return frozenset(ESCAPED.sub(r"\1", each["text"]) for each in pieces if each)


def branches(pattern: str) -> tuple[str, ...]:
    """The parts between bars that stand in no parentheses: the pattern matches what one of them matches."""
    return tuple(_branches(pattern))


def _branches(pattern: str) -> Iterator[str]:
    """Flags that stand in no parentheses hold for all that follows, also beyond a bar."""
    depth, part, flags = 0, "", ""
    for sign in SIGN.findall(pattern):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            yield part
            part = flags
        else:
            part += sign
            flags += sign if depth == 0 and sign.startswith(FLAGS) else ""
    yield part
