"""What is to be offered, and when each request leaves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count as natural_numbers
from itertools import islice
from typing import Any

REQUESTS_PER_SECOND = 50
"""About so many requests are made of a high rate; the events that fall together share one."""

SINGLE_UP_TO = 300
"""Events per second up to which each is a request of its own."""

LARGEST_BATCH = 1000

PATIENCE_SECONDS = 60.0
"""How long a request is made again that the API puts off, or does not answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many events, how fast, and how they are sent. No rate: as fast as the answers come.

    `patience_seconds` after it was first made a request is made for the last time; `start_seconds`: how long an API is
    waited for that does not answer at the beginning.
    """

    rate: float | None
    seconds: float | None
    count: int | None
    burst: int
    batch: int
    connections: int
    patience_seconds: float = PATIENCE_SECONDS
    start_seconds: float = 0.0

    @property
    def total(self) -> int | None:
        """How many events it makes; None if that depends on the answers."""
        within = None if self.rate is None or self.seconds is None else self._due_before(self.seconds)
        known = [each for each in (self.count, within) if each is not None]
        return min(known, default=None)

    def _due_before(self, seconds: float) -> int:
        """Whole bursts leave at 0, 1, 2 … times their distance, the last one before the end."""
        distance = self.burst / float(self.rate or 1)
        return math.ceil(round(seconds / distance, 9)) * self.burst

    def due(self, number: int) -> float:
        """When event `number`, from 0, is due: seconds after the start."""
        return 0.0 if self.rate is None else number // self.burst * self.burst / self.rate

    def slices(self, events: Iterable[dict[str, Any]]) -> Iterator[tuple[float, list[dict[str, Any]]]]:
        """Cut events into requests, each with the moment at which all its events are due."""
        source = islice(events, self.total)
        for start in natural_numbers(0, self.batch):
            found = list(islice(source, self.batch))
            if not found:
                return
            yield self.due(start + len(found) - 1), found


def fitting_batch(rate: float | None) -> int:
    """Return how many events share a request when the user does not say."""
    if rate is None:
        return LARGEST_BATCH // 10
    return 1 if rate <= SINGLE_UP_TO else min(LARGEST_BATCH, math.ceil(rate / REQUESTS_PER_SECOND))
