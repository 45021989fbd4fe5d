"""What happens while a load is on, moment by moment: cores kept busy by each process, messages per second."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.cpu import Reading, read
from bench.figures import Line, Plot

EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Samples:
    """Readings one after another."""

    readings: list[Reading] = field(default_factory=list)

    def plot(self, title: str) -> Plot:
        """Cores that each process kept busy, stacked."""
        if len(self.readings) < 2:  # noqa: PLR2004 # a rate lies between two readings
            return Plot(title, "seconds", "cores", (), is_stacked=True)
        begin = self.readings[0].at
        pairs = list(zip(self.readings, self.readings[1:], strict=False))
        lines = tuple(
            Line(name, tuple((after.at - begin, _busy(name, before, after)) for before, after in pairs))
            for name in self.readings[0].by_name
        )
        return Plot(title, "seconds", "cores", lines, is_stacked=True)


def _busy(name: str, before: Reading, after: Reading) -> float:
    """Cores between two readings; a process that ended takes its children's time out of what can be read."""
    return max(0.0, after.by_name[name] - before.by_name[name]) / (after.at - before.at)


@contextmanager
def sampling(pids: Mapping[str, int]) -> Iterator[Samples]:
    """Read the processes twice a second until the block ends; a reading costs some milliseconds."""
    samples, is_over = Samples([read(pids)]), threading.Event()

    def watch() -> None:
        while not is_over.wait(EVERY_SECONDS):
            samples.readings.append(read(pids))

    thread = threading.Thread(target=watch, name="sampling", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def per_second(name: str, moments: Iterable[float], begin: float, *, every: float = 1.0) -> Line:
    """How many of these moments (Unix time) a second came after `begin`, by pieces of `every` seconds.

    The last piece has only begun, and is left out.
    """
    counts = Counter(int((moment - begin) / every) for moment in moments)
    last = max(counts, default=0)
    return Line(name, tuple((piece * every, counts[piece] / every) for piece in range(last)))
