"""What matched rules amount to: which of them speak, and how severe each finds the event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sentinel.rules.conditions import predicate
from sentinel.rules.syntax import Options

T = TypeVar("T")


def heard(matched: Iterable[tuple[T, Options]]) -> list[T]:
    """The rules that speak: highest priority first, none after one that says `stop`; equals keep their order."""
    speaking = []
    for rule, options in sorted(matched, key=lambda each: -each[1].priority):
        speaking.append(rule)
        if options.stop:
            break
    return speaking


def severity(options: Options, event: Mapping[str, Any]) -> str | None:
    """The first level that holds for `event`; None when the rule names none."""
    for level in options.severity:
        if level.condition is None or predicate(level.condition)(event):
            return level.severity
    return None
