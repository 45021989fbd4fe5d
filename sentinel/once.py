"""What a process makes once, whichever of its threads asks first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Once(Generic[Made]):
    """Calls `make` when it is called first, and returns what that made ever after, until `forget`.

    As a decorator. `functools.lru_cache` would let two threads that ask at the same moment make two, of which one is
    lost: with its connections open, or with what it has counted.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: list[Made] = []
        update_wrapper(self, make)
        # Another thread may have been making when this one forked: nobody would ever end it in the child.
        os.register_at_fork(after_in_child=self._renew_lock)

    def __call__(self) -> Made:
        """Return the one."""
        made = self._made
        if made:
            return made[0]
        with self._making:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    @property
    def is_made(self) -> bool:
        """Whether anybody has asked yet."""
        return bool(self._made)

    def forget(self) -> None:
        """Let the next call make another one."""
        self._made = []

    def _renew_lock(self) -> None:
        self._making = threading.Lock()
