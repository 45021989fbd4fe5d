"""How fast a load test is answered, as a drawing: pure, so that what is drawn can be tried without a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.services.loading.curve import Points, rates

WIDTH, HEIGHT = 720.0, 160.0
"""The drawing's own measure; it is stretched to the room there is, and its lines are not."""

NICE = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Chart:
    """A line, the ground below it, and the height of the rate that was asked for; `top` is the rate at the edge."""

    line: str
    area: str
    wanted: float
    top: float
    seconds: float
    words: str


def draw(points: Points, *, wanted: float) -> Chart | None:
    """Draw a curve; nothing of fewer than two points."""
    found = rates(points)
    if len(found) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    highest = max(rate for _, rate in found)
    top, end = ceiling(max(highest, wanted)), found[-1][0]
    drawn = [(second / end * WIDTH, HEIGHT - rate / top * HEIGHT) for second, rate in found]
    drawn = [(0.0, drawn[0][1]), *drawn]
    words = f"Events answered each second over {end:.0f} seconds: at most {highest:,.0f}, wanted {wanted:g}"
    ground = [(0.0, HEIGHT), *drawn, (drawn[-1][0], HEIGHT)]
    return Chart(_path(drawn), f"{_path(ground)}Z", HEIGHT - wanted / top * HEIGHT, top, end, words)


def ceiling(peak: float) -> float:
    """The next round number that is not below `peak`: 1, 2 or 5 and zeros."""
    unit = 10.0 ** math.floor(math.log10(max(peak, 1.0)))
    return next(unit * nice for nice in NICE if unit * nice >= peak * (1 - 1e-9))


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
