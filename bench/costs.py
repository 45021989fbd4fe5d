"""A table of CPU microseconds per piece of work, one column per process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.cpu import Usage
from bench.figures import Cell, Table

OTHERS = "others' load"
OTHERS_NOTE = f'"{OTHERS}" is how many cores processes outside this bench kept busy meanwhile.'


def cost_table(title: str, first: str, costs: Mapping[Cell, tuple[Usage, int]], *, note: str = "") -> Table:
    """Build the table from usage and pieces of work by the value of the `first` column."""
    names = _names([usage for usage, _ in costs.values()])
    rows = []
    for label, (usage, count) in costs.items():
        shares = usage.per(count)
        rows.append((label, *(shares.get(name, 0.0) for name in names), usage.strangers))
    return Table(
        title, (first, *(f"{name} µs" for name in names), OTHERS), tuple(rows), f"{note} {OTHERS_NOTE}".strip()
    )


def _names(usages: Sequence[Usage]) -> list[str]:
    names = {name: None for usage in usages for name in usage.by_name}
    return [*names, "all"]
