"""What one template may use up: a template is a stranger's program, and an event may be large."""

from __future__ import annotations

from time import thread_time
from typing import Any

LONGEST_TEXT = 100_000
"""Most characters that a template, or one filter in it, gives."""
MOST_STEPS = 10_000
"""Rounds of loops, filters and comparisons; a filter also costs one for each `CHARACTERS_PER_STEP` it gives."""
CHARACTERS_PER_STEP = 100
CPU_SECONDS = 0.05
"""Only this thread's own work counts, so a busy machine does not cut messages short."""


class SpentError(Exception):
    """The template has used up what it may; what it has said so far stands."""


def afford(characters: int) -> None:
    """Refuse a text before it is made."""
    if characters > LONGEST_TEXT:
        raise SpentError


def weight(value: Any) -> int:
    """About how many characters a list or object is as JSON, of all else 0; refused where it is too long to be made.

    A template may name one large value some thousand times in a list: each time counts.
    """
    total = 0
    waiting: list[Any] = [value] if isinstance(value, list | tuple | dict) else []
    while waiting:
        each = waiting.pop()
        total += len(each) if isinstance(each, str | list | tuple | dict) else 1
        afford(total)
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple):
            waiting += each
    return total


class Budget:
    """What is left for one template."""

    __slots__ = ("deadline", "steps")

    def __init__(self) -> None:
        self.steps = MOST_STEPS
        self.deadline = thread_time() + CPU_SECONDS

    def spend(self, characters: int = 0) -> None:
        """Pay for one step that gives so many characters."""
        self.steps -= 1 + characters // CHARACTERS_PER_STEP
        if self.steps < 0 or characters > LONGEST_TEXT or thread_time() > self.deadline:
            raise SpentError
