"""Paths to fields of an event, as a text that stands outside the grammar says them."""

from __future__ import annotations

import json
import re

from sentinel.rules import limits
from sentinel.rules.syntax import Path

ROOT = "event"
STEP = re.compile(r'\.?([^\W\d]\w*)|\[(\d{1,4})\]|\[("(?:[^"\\]|\\.)*")\]')
PATH = re.compile(r'\s*([^\W\d]\w*(?:\.[^\W\d]\w*|\[\d{1,4}\]|\["(?:[^"\\]|\\.)*"\])*)\s*(,|\Z)')


class PathError(ValueError):
    """A text that names no fields."""


def paths_of(text: str) -> tuple[Path, ...]:
    """Read `region, device.id, event["odd name"]`, each path once. Raises `PathError`."""
    found: dict[Path, None] = {}
    end, more = 0, ","
    while more:
        piece = PATH.match(text, end)
        if piece is None:
            raise PathError(f"{text!r} does not name fields of the event")
        found[_path(piece[1])] = None
        end, more = piece.end(), piece[2]
    return tuple(found)


def rooted(path: Path) -> Path:
    """Leave out `event.`, which says nothing new."""
    return path[1:] if path[0] == ROOT and len(path) > 1 and isinstance(path[1], str) else path


def _path(text: str) -> Path:
    path = rooted(tuple(map(_step, STEP.finditer(text))))
    if len(path) > limits.PATH_STEPS:
        raise PathError(f"a path has {len(path)} steps; at most {limits.PATH_STEPS}")
    return path


def _step(found: re.Match[str]) -> str | int:
    if found[2]:
        return int(found[2])
    try:
        return found[1] or str(json.loads(found[3]))
    except ValueError:
        raise PathError(f"{found[3]} is no name of a field") from None
