"""A refusal on its way from a piece of a rule to the parser, which knows the whole text."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the text, as an offset and a length."""

    start: int
    length: int


class Refused(Exception):  # noqa: N818 - never leaves the parser, which makes an InvalidRuleError of it
    """`token` cannot stand as it is."""

    def __init__(self, token: Token | Place, message: str, hint: str, *, expected: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.place = token if isinstance(token, Place) else Place(token.start_pos or 0, len(token))
        self.message = message
        self.hint = hint
        self.expected = expected
