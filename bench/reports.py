"""Figures as Markdown and plots for people, and as JSON for comparing runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.figures import Cell, Figures, Histogram, Plot, Table, buckets
from bench.plots import draw_all, file_name
from bench.verdicts import Verdict

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
    """One run; `failures` are benches that came to no figures, with the reason."""

    date: str
    command: str
    machine: dict[str, str]
    sections: tuple[Section, ...]
    failures: dict[str, str]

    @property
    def stem(self) -> str:
        """What its files are called."""
        return self.date.replace(":", "")

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those of all benches, in the order of the goals' numbers."""
        found = [verdict for section in self.sections for verdict in section.figures.verdicts]
        return tuple(sorted(found, key=lambda verdict: int(verdict.goal.strip("P"))))

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write text, figures and pictures; return the paths of the first two."""
        folder.mkdir(parents=True, exist_ok=True)
        markdown, data = folder / f"{self.stem}.md", folder / f"{self.stem}.json"
        markdown.write_text(self.markdown())
        data.write_text(json.dumps(asdict(self), indent=1) + "\n")
        for section in self.sections:
            found = section.figures
            if found.plots or found.histograms:
                (folder / self.stem).mkdir(exist_ok=True)
                draw_all(folder / self.stem, section.name, found.plots, found.histograms)
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
            yield from self._pictures(section)
        if self.verdicts:
            yield from ("", "## Goals", *table_lines(summary(self.verdicts)))
        if self.failures:
            yield from ("", "## Without figures", "", *(f"- {name}: {why}" for name, why in self.failures.items()))

    def _pictures(self, section: Section) -> Iterator[str]:
        pictures: tuple[Plot | Histogram, ...] = (*section.figures.plots, *section.figures.histograms)
        for each in pictures:
            yield from ("", f"![{each.title}]({self.stem}/{file_name(section.name, each.title)})")


def summary(verdicts: Sequence[Verdict]) -> Table:
    """One row for each goal's measure: what was found, what is wanted, the peer, and the verdict."""
    rows = tuple(
        (
            each.goal,
            each.measure,
            f"{shown(each.figure)} {each.unit}".strip(),
            each.bounds,
            f"{each.peer.name}: {shown(each.peer.figure)}" if each.peer else "",
            "" if each.ratio is None else each.ratio,
            _word(each),
        )
        for each in verdicts
    )
    met = sum(each.is_met for each in verdicts if each.bounds)
    note = f"{met} of {sum(bool(each.bounds) for each in verdicts)} met."
    return Table("Summary", ("goal", "measure", "figure", "wanted", "peer", "times the peer", "verdict"), rows, note)


def _word(verdict: Verdict) -> str:
    if not verdict.bounds:
        return ""
    return "met" if verdict.is_met else "not met"


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
