"""Reads a field of an event. A field's name is only ever the key of a dict, never an attribute."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sentinel.rules.syntax import Field

Reader = Callable[[Any], Any]
CACHED_FIELDS = 10_000
LONGEST_NUMBER = 64


@lru_cache(maxsize=CACHED_FIELDS)
def reader(field: Field) -> Reader:
    """A function from the event to the value of `field`; None when it is missing, null or cannot be had."""
    name = field.path[0]
    below = inner_reader(field)

    def first(event: Any) -> Any:
        return event.get(name)

    def deep(event: Any) -> Any:
        value = event.get(name)
        return None if value is None else below(value)  # type: ignore[misc] # deep is chosen only if there is below

    return first if below is None else deep


@lru_cache(maxsize=CACHED_FIELDS)
def inner_reader(field: Field) -> Reader | None:
    """What is left to do once the first step of the path is taken; None when nothing is."""
    steps = field.path[1:]
    change = FUNCTIONS.get(field.function)
    if not steps:
        return change

    def below(value: Any) -> Any:
        for step in steps:
            if type(value) is dict:
                value = value.get(step)
            elif type(value) is list and type(step) is int and step < len(value):
                value = value[step]
            else:
                return None
        return value if change is None else change(value)

    return below


def _lower(value: Any) -> Any:
    return value.lower() if type(value) is str else None


def _number(value: Any) -> Any:
    if type(value) is int or type(value) is float:
        return value
    if type(value) is not str or len(value) > LONGEST_NUMBER or "_" in value:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


FUNCTIONS: dict[str, Reader] = {"lower": _lower, "number": _number}
