"""Whether the tasks of beat come when they should. Pure; times are in seconds."""

from __future__ import annotations

SILENT_PERIODS = 10
SHORTEST_SILENCE = 30.0
"""A task that has not run for so many of its periods, and for so long, is missed."""

RARE = 30.0
"""A task that comes less often than this need not have run soon after the start, and tells late that beat is gone."""


def is_silent(age: float | None, *, period: float) -> bool:
    """Whether a task is missed that ran last so long ago; None: it has never run."""
    return period <= RARE if age is None else age > max(SILENT_PERIODS * period, SHORTEST_SILENCE)
