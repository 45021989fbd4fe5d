"""What a bench gives back: verdicts, tables, plots and histograms, before anything is printed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.verdicts import Verdict

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures under named columns; `note` says how to read them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often a duration fell between two bounds."""

    title: str
    milliseconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One named line of a plot."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over a common axis; with `is_stacked` each stands on those before it, over the same places."""

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    is_stacked: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """All that one bench found."""

    tables: tuple[Table, ...]
    histograms: tuple[Histogram, ...] = ()
    plots: tuple[Plot, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Return p50, p90, p99 and the largest."""
    return percentile(values, 50), percentile(values, 90), percentile(values, 99), max(values)


BOUNDS = (1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 200, 500, 1000, math.inf)
"""Upper bounds of a histogram's rows, in milliseconds; fine where an idle system answers."""


def buckets(values: Sequence[float]) -> Iterator[tuple[str, int]]:
    """Yield the rows from the first to the last that is not empty, with their counts."""
    counts = [sum(low < value <= high for value in values) for low, high in zip((0, *BOUNDS), BOUNDS, strict=False)]
    filled = [index for index, count in enumerate(counts) if count]
    for index in range(filled[0], filled[-1] + 1) if filled else ():
        bound = BOUNDS[index]
        label = f"> {BOUNDS[index - 1]}" if math.isinf(bound) else f"<= {bound}"
        yield f"{label} ms", counts[index]
