"""Texts with places for values of the event: `Device {device_id} at {temperature:.1f}°C`.

Never str.format, which reaches attributes and allows widths of gigabytes: a place names a path, and how many decimals
it wants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sentinel.rules.fields import reader
from sentinel.rules.syntax import Field, Path

PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
PLACE = re.compile(r"(?:event\.)?([^\W\d]\w*(?:\.[^\W\d]\w*|\[\d{1,4}\])*)(?::\.(\d)f)?")
STEP = re.compile(r"\[(\d+)\]|([^\W\d]\w*)")
FILLED_CHARACTERS = 200
"""Most characters that one value may add to a text."""
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value of the event, with a fixed number of decimals for numbers."""

    path: Path
    decimals: int | None = None


Piece = str | Placeholder


class TitleError(ValueError):
    """A place in braces that means nothing."""


@lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[Piece, ...]:
    """Split `text` at its places; `{{` and `}}` are braces. Raises `TitleError`."""
    found: list[Piece] = []
    end = 0
    for piece in PIECE.finditer(text):
        found += [text[end : piece.start()], _piece(piece)]
        end = piece.end()
    found.append(text[end:])
    return tuple(each for each in found if each)


def fill(text: str, event: Mapping[str, Any]) -> str:
    """`text` with the values of `event` in its places; what is missing shows as `-`."""
    return "".join(each if isinstance(each, str) else _filled(each, event) for each in pieces(text))


def _piece(found: re.Match[str]) -> Piece:
    if found[0] in {"{{", "}}"}:
        return found[0][0]
    place = PLACE.fullmatch(found[1] or "")
    if place is None:
        raise TitleError(f"{found[0]} is no place for a value")
    steps = tuple(int(index) if index else name for index, name in STEP.findall(place[1]))
    return Placeholder(steps, int(place[2]) if place[2] else None)


def _filled(place: Placeholder, event: Mapping[str, Any]) -> str:
    value = reader(Field(place.path))(event)
    shown = _shown(value, place.decimals)
    return shown if len(shown) <= FILLED_CHARACTERS else shown[: FILLED_CHARACTERS - 1] + "…"


def _shown(value: Any, decimals: int | None) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if decimals is None else f"{float(value):.{decimals}f}"
    if isinstance(value, str):
        return value
    return "(list)" if isinstance(value, list) else "(object)"
