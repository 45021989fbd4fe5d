"""What one template may use up: a template is a stranger's program, and an event may be large."""

from __future__ import annotations

from time import thread_time

LONGEST_TEXT = 100_000
"""Most characters that a template, or one filter in it, gives."""
MOST_STEPS = 10_000
"""Rounds of loops, filters and comparisons; a filter also costs one for each `CHARACTERS_PER_STEP` it gives."""
CHARACTERS_PER_STEP = 100
CPU_SECONDS = 0.05
"""Only this thread's own work counts, so a busy machine does not cut messages short."""


class SpentError(Exception):
    """The template has used up what it may; what it has said so far stands."""


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
