"""Texts, numbers, durations and patterns as they stand in a rule, read and written."""

from __future__ import annotations

import json
import math
import re

from lark import Token

from sentinel.durations import SIZES
from sentinel.rules import limits, patterns
from sentinel.rules.refusal import Refused

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "/": "/"}
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


def text_of(token: Token) -> str:
    """The text between the quotes."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in ESCAPES:
            hint = f"write \\\\{code} for a backslash; patterns are easier between slashes: matches /\\d+/"
            raise Refused(token, f"\\{code} means nothing in a text", hint)
        return ESCAPES[code]

    text = ESCAPE.sub(character, token[1:-1])
    if len(text) > limits.STRING_CHARACTERS:
        hint = f"at most {limits.STRING_CHARACTERS} characters"
        raise Refused(token, f"this text has {len(text)} characters", hint)
    if any("\ud800" <= each <= "\udfff" or each == "\0" for each in text):
        raise Refused(
            token, "this text holds a character that no event can", "leave out \\u0000 and \\ud800 to \\udfff"
        )
    return text


def number_of(token: Token) -> int | float:
    """The number, whole when it is written so."""
    number = float(token) if any(sign in token for sign in ".eE") else int(token)
    if not math.isfinite(number) or abs(number) > limits.NUMBER:
        raise Refused(token, f"{token} is too large", "numbers go from -2^53 to 2^53")
    return number


def whole_number_of(token: Token, *, low: int, high: int) -> int:
    """A whole number within bounds."""
    number = number_of(token)
    if not isinstance(number, int) or not low <= number <= high:
        raise Refused(token, f"{token} cannot stand here", f"write a whole number from {low} to {high}")
    return number


def seconds_of(token: Token, *, low: int = 1) -> int:
    """A duration, as seconds."""
    seconds = int(token[:-1]) * SIZES[token[-1]]
    if not low <= seconds <= limits.SECONDS:
        raise Refused(token, f"{token} is no usable duration", f"from {low}s to 366d")
    return seconds


def pattern_of(token: Token) -> str:
    """A regular expression, between slashes or quotes, that RE2 takes."""
    pattern = token[1:-1].replace("\\/", "/") if token.type == "REGEX" else text_of(token)
    if problem := patterns.problem(pattern):
        raise Refused(token, f"this pattern is refused: {problem}", "the syntax is RE2's: no look-ahead, no \\1")
    return pattern


def quoted(text: str) -> str:
    """The text as a rule says it."""
    return (
        json.dumps(text, ensure_ascii=False)
        .replace("\x7f", "\\u007f")
        .replace("\\b", "\\u0008")
        .replace("\\f", "\\u000c")
    )
