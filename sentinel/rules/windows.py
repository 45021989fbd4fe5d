"""Windows as specifications: what to count, under which group, and when it is enough. Who counts is not said here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.rules.conditions import NUMBERS, ORDER
from sentinel.rules.fields import reader
from sentinel.rules.syntax import Condition, Field, Path, Window, conjunction, conjuncts

OF_NUMBERS = frozenset({"sum", "avg", "min", "max"})
OF_VALUES = frozenset({"distinct", "first", "change"})
SCALARS = frozenset({str, int, float, bool})


@dataclass(frozen=True, slots=True)
class Windowed:
    """A condition in two parts: the `rest` that one event answers, and the windows over the events that satisfy it."""

    rest: Condition
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one event adds to a window: its group, and the number or value that is looked at (1 where events count)."""

    group: str
    value: str | float | bool


def split(condition: Condition) -> Windowed:
    """Take the windows out; the parser lets them stand nowhere but in the outermost conjunction."""
    parts = conjuncts(condition)
    windows = tuple(each for each in parts if isinstance(each, Window))
    if not windows:
        return Windowed(condition, ())
    return Windowed(conjunction(each for each in parts if not isinstance(each, Window)), windows)


def sample(window: Window, event: Mapping[str, Any]) -> Sample | None:
    """What an event that satisfies the rest adds to `window`; None when it lacks the value that is looked at."""
    group = group_key(window, event)
    if window.field is None:
        return Sample(group, 1)
    value = reader(window.field)(event)
    if type(value) in (NUMBERS if window.kind in OF_NUMBERS else SCALARS):
        return Sample(group, value)
    return None


def group_key(window: Window, event: Mapping[str, Any]) -> str:
    """The values under `by` as one text: equal for equal values only, `[]` without `by`. Missing is a group too."""
    return group_key_of(window.by, event)


def group_key_of(paths: Iterable[Path], event: Mapping[str, Any]) -> str:
    """The values under `paths` as one text, as `group_key`."""
    values = [reader(Field(path))(event) for path in paths]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def is_reached(window: Window, figure: float) -> bool:
    """Whether `figure` is what the rule waits for.

    The figure is: count, sum, avg, min, max or distinct of the window; for `rate` events per second; for `spike` this
    window's count divided by that of the window before. `absent`, `change` and `first` hold from 1 on: what is missing,
    changed or new.
    """
    if window.comparison is None:
        return figure >= 1
    number = window.comparison.number
    order: dict[str, Callable[[Any, Any], bool]] = {**ORDER, "==": lambda left, right: left == right}
    return order[window.comparison.operator](figure, number)
