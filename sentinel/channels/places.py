"""How many sends may be in flight at once: few while answers come quickly, more while they take their time."""

from __future__ import annotations

import asyncio
from collections import deque

FIRST = 64
"""Enough for receivers that answer at once; a connection more for each of them would only cost both sides."""

LOOK_SECONDS = 0.01
"""How often those that wait for a place have it looked at whether there are too few."""


class Places:
    """At most `most` places, of which as many are open as the time that answers take calls for.

    By Little's law sends per second are places divided by the time of an answer. So while some wait, and in 10 ms
    fewer than half of the places have become free, answers are slow and the places too few: more are opened. Unless the
    look itself came late: then it is this machine that is slow, and more connections would make it slower. When nobody
    is in flight any more, it begins again with the first. All its users live in one event loop.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = min(FIRST, most)
        self._taken = 0
        self._freed = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._look: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        """Take a place, or wait for one."""
        if self._taken < self._open and not self._waiting:
            self._taken += 1
            return
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if self._look is None:
            self._look_again(loop)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._free()  # it was given a place, and does not want it any more
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give the place back, or on to whoever waits."""
        self._freed += 1
        self._free()

    def _free(self) -> None:
        self._taken -= 1
        self._hand_out()
        if not self._taken:
            self._open = min(FIRST, self._most)

    def _hand_out(self) -> None:
        while self._waiting and self._taken < self._open:
            first = self._waiting.popleft()
            if not first.done():
                self._taken += 1
                first.set_result(None)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._freed = 0
        self._look = loop.call_later(LOOK_SECONDS, self._grow, loop.time() + LOOK_SECONDS)

    def _grow(self, due_at: float) -> None:
        self._look = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        is_late = loop.time() - due_at > LOOK_SECONDS / 2
        if 2 * self._freed < self._open and not is_late:
            self._open = min(self._open + FIRST, self._most)
            self._hand_out()
        self._look_again(loop)
