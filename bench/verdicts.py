"""A goal, the figure that was measured, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """Who else was measured, or published; `at_least`: our figure must be so many times theirs."""

    name: str
    figure: float
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measure of a goal. Without a bound and without a wish for the peer it is a figure to know, and met."""

    goal: str
    measure: str
    figure: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    peer: Peer | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the peer's figure ours is."""
        return self.figure / self.peer.figure if self.peer else None

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps to every bound."""
        wanted = self.peer.at_least if self.peer else None
        return (
            (self.at_least is None or self.figure >= self.at_least)
            and (self.at_most is None or self.figure <= self.at_most)
            and (wanted is None or self.ratio is None or self.ratio >= wanted)
        )

    @property
    def bounds(self) -> str:
        """What is wanted, in words."""
        wanted = [f"≥ {self.at_least:,g}"] if self.at_least is not None else []
        wanted += [f"≤ {self.at_most:,g}"] if self.at_most is not None else []
        if self.peer and self.peer.at_least is not None:
            wanted.append(f"≥ {self.peer.at_least:g} times the peer")
        return " and ".join(wanted)
