"""Reading what others send: what must be there, what a time is, and refusals in the sender's own names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sentinel.errors import FieldError, InvalidInputError, shown

Item = dict[str, Any] | InvalidInputError
"""One event as `POST /events` takes it, or why this part of a request is none."""

Found = dict[str, Any] | list[Item]
"""What a request was read as: one event, or many of which each is judged by itself."""

LONGEST_WORD = 255
"""Most characters of the fields of an event that have columns."""

MOMENT_REMEDY = 'write it as RFC 3339 has it, for example "2026-11-20T18:00:00Z"'


def refusal(field: str, value: Any, message: str, remedy: str) -> InvalidInputError:
    """Refuse one field."""
    return InvalidInputError(FieldError(field, shown(value), message, remedy))


def an_object(value: Any, field: str) -> dict[str, Any]:
    """Return `value` if it is a JSON object."""
    if not isinstance(value, dict):
        raise refusal(field, value, _missing_or(value, "is not an object"), "send a JSON object")
    return value


def a_list(value: Any, field: str, *, most: int) -> list[Any]:
    """Return `value` if it is an array of 1 to `most` items."""
    if not isinstance(value, list) or not value:
        message = "has no items" if value == [] else _missing_or(value, "is not an array")
        raise refusal(field, value, message, "send an array with at least one item")
    if len(value) > most:
        raise refusal(field, len(value), "has too many items", f"send at most {most} at once")
    return value


def a_text(value: Any, field: str) -> str:
    """Return `value` if it is a text with something in it."""
    if not isinstance(value, str) or not value:
        message = "is empty" if value == "" else _missing_or(value, "is not a text")
        raise refusal(field, value, message, f'send it as text: "{field.rpartition(".")[2]}": "…"')
    return value


def one_of(value: Any, field: str, words: Iterable[str]) -> str:
    """Return `value` if it is one of `words`."""
    known = tuple(words)
    if not isinstance(value, str) or value not in known:
        raise refusal(field, value, _missing_or(value, "is not known"), f"use one of: {', '.join(known)}")
    return value


def texts(value: Any, field: str) -> dict[str, str]:
    """Return `value` if it is an object whose values are texts; missing is empty."""
    found = {} if value is None else an_object(value, field)
    for name, text in found.items():
        if not isinstance(text, str):
            raise refusal(f"{field}.{name}", text, "is not a text", "write its value in quotes")
    return found


def moment(value: Any, field: str) -> str:
    """Return a time as RFC 3339 has it, in UTC; a time without offset is taken for UTC."""
    text = a_text(value, field)
    try:
        found = datetime.fromisoformat(text.upper())
        return written(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise refusal(field, text, "is not a time", MOMENT_REMEDY) from None


def written(at: datetime) -> str:
    """Write an aware time in UTC."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def word(value: Any) -> str | None:
    """Fit a text into a field that has a column; whole it stays under the name that its sender gave it."""
    if not isinstance(value, str) or not value:
        return None
    return value if len(value) <= LONGEST_WORD else value[: LONGEST_WORD - 1] + "…"


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by their names in small letters: servers spell them as they like."""
    return {name.lower(): value for name, value in headers.items()}


def identity(*parts: str) -> str:
    """Make the id under which a repetition is recognised; one that is too long is told by its hash."""
    found = ":".join(parts)
    return found if len(found) <= LONGEST_WORD else f"{parts[0]}:{hashlib.sha256(found.encode()).hexdigest()}"


def each(items: list[Any], field: str, read: Callable[[Any, str], dict[str, Any]]) -> list[Item]:
    """Read every item by itself: one that is refused does not take the others with it."""
    return [_one(item, f"{field}.{index}", read) for index, item in enumerate(items)]


def _one(item: Any, field: str, read: Callable[[Any, str], dict[str, Any]]) -> Item:
    try:
        return read(item, field)
    except InvalidInputError as error:
        return error


def filled(event: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not there."""
    return {name: value for name, value in event.items() if value is not None}


def _missing_or(value: Any, message: str) -> str:
    return "Missing data for required field." if value is None else message
