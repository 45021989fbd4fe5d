"""What came of a load."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

PERCENTILES = (50, 99)


@dataclass(slots=True)
class Tally:
    """Counts events by what was answered, and keeps how long each answer took."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    failed: int = 0
    waits: int = 0
    """How often a request was put off, because the API asked for it or could not be reached."""
    given_up: int = 0
    """Requests that were still put off, or not answered, at their deadline; their events have failed."""
    problem: str | None = None
    """The first refusal or failure, in words."""
    seconds: float = 0.0
    place: int = 0
    """All events before this number (from 0) are settled."""
    ahead: dict[int, int] = field(default_factory=dict)
    """Of those after it, the requests that are settled: the number of the first event, and how many it had."""
    answer_ms: array[float] = field(default_factory=lambda: array("d"))

    @property
    def answered(self) -> int:
        """How many events have had their answer, or will not get one."""
        return self.accepted + self.duplicates + self.refused + self.failed

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def is_settled(self, start: int) -> bool:
        """Whether the request that begins with this event was answered, or given up, before."""
        return start < self.place or start in self.ahead

    def settle(self, start: int, events: int) -> None:
        """Note that a request needs to be sent no more, however others stand that left before it."""
        self.ahead[start] = events
        while self.place in self.ahead:
            self.place += self.ahead.pop(self.place)

    def receive(self, status: str) -> None:
        """Count an event that is stored: `accepted` now, or a `duplicate` of one before."""
        if status == "duplicate":
            self.duplicates += 1
        else:
            self.accepted += 1

    def refuse(self, why: str) -> None:
        """Count an event that the API does not take."""
        self.refused += 1
        self.problem = self.problem or why

    def fail(self, events: int, why: str) -> None:
        """Count events that nobody answered for."""
        self.failed += events
        self.problem = self.problem or why


def percentile(sorted_values: Sequence[float], percent: int) -> float | None:
    """Return the value that so many percent do not exceed; None of nothing."""
    if not sorted_values:
        return None
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]
