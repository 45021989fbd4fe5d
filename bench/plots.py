"""Plots as pictures beside the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import Histogram, Plot, buckets

SIZE = (8.0, 4.0)
DOTS_PER_INCH = 100
FEW = 12
"""Lines with no more points than these show each of them."""

mpl.rcParams.update({"axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})


def file_name(section: str, title: str) -> str:
    """A name that any file system takes."""
    return f"{section}-{re.sub('[^a-z0-9]+', '-', title.lower()).strip('-')}.png"


def draw_all(folder: Path, section: str, plots: tuple[Plot, ...], histograms: tuple[Histogram, ...]) -> None:
    """Draw everything of one section into the folder."""
    for plot in plots:
        with _picture(folder / file_name(section, plot.title), plot.title) as axes:
            draw(axes, plot)
    for histogram in histograms:
        with _picture(folder / file_name(section, histogram.title), histogram.title) as axes:
            draw_histogram(axes, histogram)


def draw(axes: Axes, plot: Plot) -> None:
    """Lines, or layers where they are stacked."""
    axes.set_xlabel(plot.across)
    axes.set_ylabel(plot.up)
    if plot.is_stacked and plot.lines:
        places = [place for place, _ in plot.lines[0].points]
        heights = [[height for _, height in line.points] for line in plot.lines]
        axes.stackplot(places, heights, labels=[line.name for line in plot.lines], alpha=0.85)
    else:
        for line in plot.lines:
            marker = "o" if len(line.points) <= FEW else ""
            axes.plot(*zip(*line.points, strict=True), marker=marker, label=line.name)
    axes.set_ylim(bottom=0)
    if plot.lines:  # there is nothing to see of what was over at once
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def draw_histogram(axes: Axes, histogram: Histogram) -> None:
    """Bars between the bounds that the text of the report has too."""
    labels, counts = zip(*buckets(histogram.milliseconds), strict=True)
    axes.bar(labels, counts)
    axes.tick_params(axis="x", rotation=45)
    axes.set_ylabel("requests")


@contextmanager
def _picture(path: Path, title: str) -> Iterator[Axes]:
    """Axes to draw on; written to the path at the end."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    yield axes
    figure.savefig(path, dpi=DOTS_PER_INCH)
