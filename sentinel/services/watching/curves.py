"""From looks at counters to what happened between them. Pure: the same looks give the same curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

ACCEPTED, SENT, SUPPRESSED, FAILED = range(4)
KINDS = ("accepted", "sent", "suppressed", "failed")
"""The curves, in the order of their numbers in a look."""

LATE = 2.5
"""Looks that lie further apart than so many periods leave a gap: nobody knows when in it things happened."""

CLOSEST_SECONDS = 0.5
"""Looks that lie closer together than that say nothing of a rate."""

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What all counters had come to at a moment (seconds since 1970), by `KINDS`."""

    at: float
    counts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """The time between two looks, and how much of each kind happened in it; None: it is not known."""

    start: float
    end: float
    amounts: tuple[float, ...] | None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    @property
    def rates(self) -> tuple[float, ...] | None:
        """How much a minute."""
        return self.amounts and tuple(amount * MINUTE / self.seconds for amount in self.amounts)


@dataclass(frozen=True, slots=True)
class Window:
    """What people may look at: the last so many seconds, in steps of about so many."""

    name: str
    title: str
    seconds: float
    step_seconds: float


@dataclass(frozen=True, slots=True)
class Curves:
    """What happened from `start` to `end`, and the sums of what is known."""

    window: Window
    start: float
    end: float
    steps: tuple[Step, ...]

    @property
    def totals(self) -> tuple[float, ...]:
        """How much of each kind happened, as far as it is known."""
        known = [step.amounts for step in self.steps if step.amounts is not None]
        return tuple(sum(amounts[kind] for amounts in known) for kind in range(len(KINDS)))

    @property
    def peak(self) -> float:
        """The highest rate of any kind, a minute."""
        return max((rate for step in self.steps for rate in step.rates or ()), default=0.0)

    @property
    def known_seconds(self) -> float:
        """Of how much of the window anything is known."""
        return sum(step.seconds for step in self.steps if step.amounts is not None)


def curves(samples: Sequence[Sample], window: Window, *, period: float, now: float) -> Curves:
    """Make the curves of a window out of looks (oldest first) that were to be taken each `period` seconds."""
    start = now - window.seconds
    # The look before the window begins the first step; a step that began before it is the window's as well.
    steps = [step for step in between(samples, period=period) if start < step.end <= now + period]
    return Curves(window, start, now, tuple(together(steps, window.step_seconds)))


def between(samples: Sequence[Sample], *, period: float) -> list[Step]:
    """Return what happened between each look and the next."""
    found = []
    for before, after in pairwise(samples):
        if after.at - before.at >= CLOSEST_SECONDS:
            found.append(_step(before, after, period))
    return found


def together(steps: Sequence[Step], seconds: float) -> list[Step]:
    """Put neighbouring steps together until each is about so long; a gap stays by itself."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if last is None or last.amounts is None or step.amounts is None or last.seconds + step.seconds > seconds * 1.2:
            found.append(step)
        else:
            amounts = tuple(one + other for one, other in zip(last.amounts, step.amounts, strict=True))
            found[-1] = Step(last.start, step.end, amounts)
    return found


def _step(before: Sample, after: Sample, period: float) -> Step:
    amounts = tuple(later - earlier for earlier, later in zip(before.counts, after.counts, strict=True))
    is_known = after.at - before.at <= LATE * period and min(amounts, default=0) >= 0  # less than before: begun anew
    return Step(before.at, after.at, amounts if is_known else None)
