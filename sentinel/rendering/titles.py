"""What an event is called in one line, where it stands among others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.rendering.values import shown

LONGEST_TITLE = 200

ANNOTATIONS = ("summary", "title", "message", "description")
OWN = ("title", "summary", "message", "text", "description")


def title_of(event: Mapping[str, Any]) -> str:
    """Its summary, else source and name, else its type: one line."""
    annotations = event.get("annotations")
    said = _first(annotations, ANNOTATIONS) if isinstance(annotations, dict) else None
    told = said or _first(event, OWN) or _name(event) or shown(event.get("type") or "event")
    line = " ".join(told.split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value.strip()), None)


def _name(event: Mapping[str, Any]) -> str:
    return "/".join(shown(event[name]) for name in ("source", "name") if event.get(name) is not None)
