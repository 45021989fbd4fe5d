"""Gathers the ids that this process commits and publishes them in chains, outside the request.

Events are one line, the notifications of each channel another.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence

from sentinel.bell import get_bell
from sentinel.broker import publish_accepted
from sentinel.logs import get_logger
from sentinel.once import Once
from sentinel.settings import get_settings
from sentinel.stopping import at_end

log = get_logger(__name__)

BACKLOG = 100_000
"""Most ids of a line the dispatcher keeps while the broker is away; the sweeper queues the others."""

LOOK_AGAIN_SECONDS = 0.005
"""How soon a part-filled chain looks again whether the one before it has reached `deliver`."""

GAP_SECONDS = 0.012
LONGEST_GAP_SECONDS = 0.05
"""Between a chain of several ids and a part-filled one after it; `gap_after` says how it grows."""


def gap_after(count: int) -> float:
    """Seconds that a chain of `count` ids keeps the next one back: none when it went alone, some 20 ms at 200 a second.

    Workers that take each chain as it comes are busiest with chains. With the root of the size the gap holds itself:
    below some 140 ids a second it falls back to nothing, above it grows to the longest.
    """
    return min(LONGEST_GAP_SECONDS, GAP_SECONDS * math.sqrt(count - 1))


class Dispatcher:
    """One thread that publishes what requests have committed.

    When idle, an id leaves at once. When busy, a part-filled chain waits until the one before it has reached
    `deliver`, and for a gap after one that had company, and takes along everything committed meanwhile: a chain costs
    the same for one id as for five hundred, so its size follows from the load. A full chain leaves at once.
    """

    def __init__(
        self, publish: Callable[[str, list[str]], object], *, ring: Callable[[str], bool], full_size: int
    ) -> None:
        self._publish = publish
        self._ring = ring
        self._full_size = full_size
        self._waiting: dict[str, list[str]] = {}
        self._due: dict[str, float] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, line: str, ids: Sequence[str]) -> None:
        """Take over committed ids; returns at once. Beyond the backlog they are left to the sweeper."""
        with self._changed:
            waiting = self._waiting.setdefault(line, [])
            if len(waiting) + len(ids) > BACKLOG:
                log.warning("dispatcher_full", line=line, ids=len(ids))
                return
            is_known = bool(waiting)
            waiting.extend(ids)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()
            # To wake the thread takes time from the request: it looks after a line it knows by itself.
            if not is_known or self._is_full(line):
                self._changed.notify()

    def close(self) -> None:
        """Publish what waits and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while (line := self._next_line()) is not None:
            try:
                if ids := self._ready(line):
                    self._publish(line, ids)
            except Exception:  # the thread must live; the rows are stored and will be swept
                log.exception("dispatch_failed", line=line)

    def _next_line(self) -> str | None:
        """Wait for the line whose turn it is; None when closing and empty."""
        with self._changed:
            while True:
                waiting = [line for line, ids in self._waiting.items() if ids]
                if not waiting and self._closing:
                    return None
                if not waiting:
                    self._changed.wait()
                    continue
                line = min(waiting, key=self._due_at)
                pause = self._due_at(line) - time.monotonic()
                if pause <= 0 or self._closing:
                    return line
                self._changed.wait(pause)

    def _due_at(self, line: str) -> float:
        return 0.0 if self._is_full(line) else self._due.get(line, 0.0)

    def _is_full(self, line: str) -> bool:
        return len(self._waiting[line]) >= self._full_size

    def _ready(self, line: str) -> list[str]:
        """Take a line's ids if they may leave; nothing if they have to wait for the chain before them."""
        if not (self._is_full(line) or self._closing or self._ring(line)):
            self._due[line] = time.monotonic() + LOOK_AGAIN_SECONDS
            return []
        with self._changed:
            ids = self._waiting.pop(line)
            self._due[line] = time.monotonic() + gap_after(len(ids))
            return ids


@Once
def get_dispatcher() -> Dispatcher:
    """Return the dispatcher of this process; what it still holds is published when the process ends."""
    dispatcher = Dispatcher(publish_accepted, ring=get_bell().ring, full_size=get_settings().batch_size)
    at_end(dispatcher.close, turn=2)
    return dispatcher
