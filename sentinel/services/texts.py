"""Names and other short texts that people write: what their rows can keep, or what is wrong with it."""

from __future__ import annotations

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.json_bounds import is_storable

LONGEST_NAME = 100


def checked_line(field: str, text: str, *, most: int = LONGEST_NAME) -> str:
    """Return a text that is one line of 1 to `most` characters. Raises `InvalidInputError`."""
    problem = _problem_of(text, most)
    if problem:
        remedy = f"write 1 to {most} characters on one line"
        raise InvalidInputError(FieldError(field, shown(text), problem, remedy))
    return text


def _problem_of(text: str, most: int) -> str | None:
    if not text:
        return "is empty"
    if len(text) > most:
        return f"has {len(text)} characters"
    if "\n" in text or "\r" in text:
        return "has more than one line"
    return None if is_storable(text) else "has a NUL character, which cannot be stored"
