"""Work of many threads done by one of them: who comes while it is busy is served together, in the next turn.

Nobody waits for others to come, and no thread of its own is needed: alone, a caller works at once and by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Place(Generic[Item, Result]):
    """One caller's item; `turn` opens when it is done, or when this caller has to work for all who wait."""

    __slots__ = ("error", "is_done", "item", "result", "turn")

    result: Result

    def __init__(self, item: Item) -> None:
        self.item = item
        self.is_done = False
        self.error: Exception | None = None
        self.turn = threading.Lock()
        self.turn.acquire()


class Group(Generic[Item, Result]):
    """Does `work` for all items that wait; it returns a result for each, in order.

    When that fails, each caller tries again alone, so that only the bad item fails. Errors of the kinds `of_all` are
    not the fault of an item, and may come after the work was done: all get them, and nobody tries again.
    """

    def __init__(
        self, work: Callable[[list[Item]], list[Result]], *, most: int, of_all: tuple[type[Exception], ...]
    ) -> None:
        self._work = work
        self._most = most
        self._of_all = of_all
        self._lock = threading.Lock()
        self._waiting: list[_Place[Item, Result]] = []
        self._has_leader = False

    def do(self, item: Item) -> Result:
        """Have the item worked on, with those of others; returns its result."""
        place: _Place[Item, Result] = _Place(item)
        with self._lock:
            self._waiting.append(place)
            is_leader = not self._has_leader
            self._has_leader = True
        if not is_leader:
            place.turn.acquire()
        if not place.is_done:
            self._lead(place)
        if place.error is None:
            return place.result
        if isinstance(place.error, self._of_all):
            raise place.error
        return self._work([item])[0]

    def _lead(self, own: _Place[Item, Result]) -> None:
        """Work for all who wait, then let the next ones go on: first the leader of the next turn, if any."""
        with self._lock:
            served, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            self._serve(served)
        finally:
            with self._lock:
                following = self._waiting[:1]
                self._has_leader = bool(following)
            for place in (*following, *served):
                if place is not own:
                    place.turn.release()

    def _serve(self, places: list[_Place[Item, Result]]) -> None:
        try:
            results = self._work([place.item for place in places])
        except Exception as error:  # noqa: BLE001 - each caller raises it, or tries again
            for place in places:
                place.error = error
        else:
            for place, result in zip(places, results, strict=True):
                place.result = result
        finally:
            for place in places:
                place.is_done = True
