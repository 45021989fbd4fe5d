"""Waits for work to be done, as long as some of it still is."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.context import BenchFailedError

POLL_SECONDS = 0.2
"""Looking costs the engine's own processor too."""

STALL_SECONDS = 60


def wait_for_none(count_left: Callable[[], int], what: str) -> None:
    """Wait until nothing is left; raise `BenchFailedError` when for a minute nothing became less or more."""
    left, progress_at = -1, time.monotonic()
    while (found := count_left()) > 0:
        if found != left:
            left, progress_at = found, time.monotonic()
        elif time.monotonic() - progress_at > STALL_SECONDS:
            raise BenchFailedError(f"{left} {what}, and that for {STALL_SECONDS} s")
        time.sleep(POLL_SECONDS)
