"""Curves as lines of a drawing: pure, so that what is drawn can be tried without a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sentinel.services.watching.curves import KINDS, Curves, Step

WIDTH, HEIGHT = 720.0, 180.0
"""The drawing's own measure; it is stretched to what room there is, and its lines are not."""

TICKS = 4
DAY_SECONDS = 86_400
NICE = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Line:
    """One kind: a path for each stretch of time of which it is known."""

    kind: str
    paths: tuple[str, ...]
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """The time of one step, and what it tells when it is pointed at."""

    x: float
    width: float
    words: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of curves; `top` is the rate at its upper edge, `ticks` are times at equal distances."""

    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    top: float
    ticks: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where moments and rates lie in the drawing."""

    start: float
    seconds: float
    top: float

    def x(self, at: float) -> float:
        """Of a moment; one before the window lies on its edge."""
        return min(WIDTH, max(0.0, (at - self.start) / self.seconds * WIDTH))

    def y(self, rate: float) -> float:
        """Of a rate a minute."""
        return HEIGHT - rate / self.top * HEIGHT


def draw(curves: Curves) -> Chart:
    """Draw the curves of a window."""
    frame = Frame(curves.start, curves.window.seconds, ceiling(curves.peak))
    return Chart(
        tuple(_line(frame, curves.steps, kind) for kind in range(len(KINDS))),
        tuple(_column(frame, step) for step in curves.steps),
        frame.top,
        tuple(_clock(curves.start + part * curves.window.seconds / (TICKS - 1), curves) for part in range(TICKS)),
        _words(curves),
    )


def sparkline(values: Sequence[float], *, width: float, height: float) -> str:
    """A small line of values at equal distances, from 0 to the highest of them; nothing of fewer than two."""
    if len(values) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    top, step = max(values) or 1.0, width / (len(values) - 1)
    return _path([(place * step, height - value / top * height) for place, value in enumerate(values)])


def ceiling(peak: float) -> float:
    """The next round number that is not below `peak`: 1, 2 or 5 and zeros."""
    if peak <= 1:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(peak))
    return next(unit * nice for nice in NICE if unit * nice >= peak * (1 - 1e-9))


def _line(frame: Frame, steps: Sequence[Step], kind: int) -> Line:
    stretches = [list(_points(frame, stretch, kind)) for stretch in _stretches(steps)]
    areas = [[(points[0][0], HEIGHT), *points, (points[-1][0], HEIGHT)] for points in stretches]
    return Line(KINDS[kind], tuple(map(_path, stretches)), tuple(f"{_path(each)}Z" for each in areas))


def _stretches(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Known steps that follow each other."""
    found: list[Step] = []
    for step in steps:
        if found and (step.amounts is None or step.start - found[-1].end > 1):
            yield found
            found = []
        if step.amounts is not None:
            found.append(step)
    if found:
        yield found


def _points(frame: Frame, stretch: Sequence[Step], kind: int) -> Iterator[tuple[float, float]]:
    """Through the middle of each step; the first and the last reach to their ends."""
    rates = [step.rates[kind] if step.rates else 0.0 for step in stretch]
    yield frame.x(stretch[0].start), frame.y(rates[0])
    for step, rate in zip(stretch, rates, strict=True):
        yield frame.x((step.start + step.end) / 2), frame.y(rate)
    yield frame.x(stretch[-1].end), frame.y(rates[-1])


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _column(frame: Frame, step: Step) -> Column:
    left, right = frame.x(step.start), frame.x(step.end)
    when = f"{_time(step.start)} to {_time(step.end)} UTC"
    if step.amounts is None:
        return Column(left, right - left, f"{when}: not known, nobody looked at the counters", is_known=False)
    told = ", ".join(f"{kind} {amount:,.0f}" for kind, amount in zip(KINDS, step.amounts, strict=True))
    return Column(left, right - left, f"{when}: {told}", is_known=True)


def _words(curves: Curves) -> str:
    told = ", ".join(f"{kind} {total:,.0f}" for kind, total in zip(KINDS, curves.totals, strict=True))
    peak = f"the most of one kind {curves.peak:,.0f} a minute"
    return f"Notifications of the last {curves.window.title}: {told}; {peak}"


def _clock(at: float, curves: Curves) -> str:
    return _time(at)[: 5 if curves.window.seconds >= DAY_SECONDS / 24 else 8]


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
