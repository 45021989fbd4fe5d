"""How fast events were answered, as points of a curve: a few hundred, however long it lasts. Pure."""

from __future__ import annotations

from itertools import pairwise

MOST_POINTS = 240

Points = list[list[float]]
"""[[second, events answered until then], …]"""


def extended(points: Points, second: float, answered: int) -> Points:
    """Add a point; of too many every other one goes, and the ends stay."""
    if points and second <= points[-1][0]:
        return points
    found = [*points, [round(second, 2), answered]]
    return found if len(found) <= MOST_POINTS else [*found[:-1:2], found[-1]]


def rates(points: Points) -> Points:
    """Return [[second, events a second since the point before], …]."""
    whole = [[0.0, 0.0], *points]
    return [
        [second, (answered - before) / (second - since)]
        for (since, before), (second, answered) in pairwise(whole)
        if second > since
    ]
