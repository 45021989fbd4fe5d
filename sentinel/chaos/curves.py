"""Curves over the time of a run as SVG, with a mark for each fault: no script, readable on light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 1000, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 34, 30
TICKS = 10

Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line through (seconds, value); a value of None is a gap."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that lasted from `begin` to `end`."""

    begin: float
    end: float
    label: str


def draw(title: str, curves: Sequence[Curve], marks: Sequence[Mark]) -> str:
    """Draw the curves over one another, with the marks behind them."""
    seconds = max((at for curve in curves for at, _ in curve.points), default=1.0) or 1.0
    tallest = max((value for curve in curves for _, value in curve.points if value is not None), default=1.0) or 1.0
    scale = _Scale(seconds, tallest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        _legend(title, curves),
        *(_mark(scale, each) for each in marks),
        *(line for number, curve in enumerate(curves) for line in _lines(scale, number, curve)),
        *_axes(scale),
        "</svg>",
    ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Scale:
    seconds: float
    tallest: float

    def x(self, at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, at / self.seconds)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.tallest


def _legend(title: str, curves: Sequence[Curve]) -> str:
    names = "".join(
        f'<tspan class="c{number}" dx="14">■</tspan><tspan dx="5">{escape(curve.name)}</tspan>'
        for number, curve in enumerate(curves)
    )
    return f'<text x="{LEFT}" y="18"><tspan class="title">{escape(title)}</tspan>{names}</text>'


def _mark(scale: _Scale, mark: Mark) -> str:
    """A band as long as the fault; its label is told when pointed at."""
    left, right = scale.x(mark.begin), scale.x(mark.end)
    height = HEIGHT - BOTTOM - TOP
    band = f'<rect class="mark" x="{left:.1f}" y="{TOP}" width="{max(1.5, right - left):.1f}" height="{height}"/>'
    return f"<g><title>{escape(mark.label)}</title>{band}</g>"


def _lines(scale: _Scale, number: int, curve: Curve) -> Iterator[str]:
    for piece in _pieces(curve.points):
        points = " ".join(f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in piece)
        yield f'<polyline class="line c{number}" points="{points}"/>'


def _pieces(points: Points) -> Iterator[list[tuple[float, float]]]:
    """The stretches without a gap."""
    piece: list[tuple[float, float]] = []
    for at, value in points:
        if value is not None:
            piece.append((at, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _axes(scale: _Scale) -> Iterator[str]:
    floor = HEIGHT - BOTTOM
    yield f'<line class="axis" x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}"/>'
    for part in range(TICKS + 1):
        at = scale.seconds * part / TICKS
        anchor = "end" if part == TICKS else "middle"
        yield f'<text x="{scale.x(at):.1f}" y="{floor + 18}" text-anchor="{anchor}">{at:.0f} s</text>'
    for part in range(5):
        value = scale.tallest * part / 4
        yield f'<text x="{LEFT - 6}" y="{scale.y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>'


def per_second(points: Points) -> Points:
    """The slope of a count: how fast it grows, from one point that is known to the next."""
    known = [(at, value) for at, value in points if value is not None]
    return [
        (late, max(0.0, (more - less) / (late - early)))
        for (early, less), (late, more) in pairwise(known)
        if late > early
    ]
