"""Figures as Markdown for people and as JSON for comparing runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.figures import Cell, Figures, Histogram, Table, buckets

BAR_WIDTH = 50
WHOLE_FROM = 100


@dataclass(frozen=True, slots=True)
class Section:
    """What one bench asked and found, and the load average when it began."""

    name: str
    question: str
    figures: Figures
    load_average: float
    took_seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    date: str
    command: str
    machine: dict[str, str]
    sections: tuple[Section, ...]

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write both files; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = self.date.replace(":", "")
        markdown, data = folder / f"{stem}.md", folder / f"{stem}.json"
        markdown.write_text(self.markdown())
        data.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return markdown, data

    def markdown(self) -> str:
        """Return the whole report."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from (f"# `{self.command}`, {self.date}", "")
        yield from (f"- {name}: {value}" for name, value in self.machine.items())
        for section in self.sections:
            yield from ("", f"## {section.name}", "", section.question)
            yield f"Load average at its start {section.load_average:.2f}; it took {section.took_seconds:.0f} s."
            for table in section.figures.tables:
                yield from table_lines(table)
            for histogram in section.figures.histograms:
                yield from histogram_lines(histogram)


def table_lines(table: Table) -> Iterator[str]:
    """Yield a table in Markdown, padded so that it can be read as it stands."""
    lines = [table.columns, *(tuple(shown(cell) for cell in row) for row in table.rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.columns))]
    padded = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    yield from ("", f"**{table.title}.** {table.note}".rstrip(), "", padded[0], rule, *padded[1:])


def histogram_lines(histogram: Histogram) -> Iterator[str]:
    """Yield a histogram as bars of text."""
    rows = list(buckets(histogram.milliseconds))
    most = max(count for _, count in rows)
    yield from ("", f"**{histogram.title}**, {len(histogram.milliseconds)} requests", "", "```")
    yield from (f"{label:>10} {count:>6} {'#' * round(count / most * BAR_WIDTH)}".rstrip() for label, count in rows)
    yield "```"


def shown(cell: Cell) -> str:
    """Show a number with three digits that matter; more would claim more than was measured."""
    if not isinstance(cell, float):
        return str(cell)
    if abs(cell) >= WHOLE_FROM:
        return f"{cell:,.0f}"
    return f"{cell:.3g}" if abs(cell) >= 1 else f"{cell:.2f}"
