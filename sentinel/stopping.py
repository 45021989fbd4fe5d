"""Stopping in good order: whether this process was told to, and what it still does at its end."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from multiprocessing.util import Finalize

# Anonymous and shared: children of a worker inherit the memory itself, and see what their parent is told.
_asked = mmap.mmap(-1, 1)


def ask() -> None:
    """Let nothing new begin; what is under way may end. Safe in a signal handler."""
    _asked[0] = 1


def is_asked() -> bool:
    """Whether nothing new should begin."""
    return _asked[0] == 1


def forget() -> None:
    """Begin anew, in a process that goes on."""
    _asked[0] = 0


def at_end(action: Callable[[], object], *, turn: int) -> None:
    """Call `action` when this process ends, the highest turn first.

    The API's processes are children of multiprocessing, which run no `atexit` handlers.
    """
    Finalize(None, action, exitpriority=turn)
