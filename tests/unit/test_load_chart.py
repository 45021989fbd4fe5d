"""The curve of a load test: inside its drawing, and told in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.web.load_chart import HEIGHT, WIDTH, ceiling, draw


@pytest.mark.parametrize(("peak", "edge"), [(0, 1), (0.2, 1), (1, 1), (3, 5), (50, 50), (51, 100), (320, 500)])
def test_the_edge_is_the_next_round_number(peak: float, edge: float) -> None:
    assert ceiling(peak) == edge


def test_a_curve_has_two_points_at_least() -> None:
    assert draw([], wanted=10) is None
    assert draw([[1.0, 10]], wanted=10) is None


def test_a_curve_tells_its_peak_and_what_was_wanted() -> None:
    chart = draw([[1.0, 40], [2.0, 100], [3.0, 150]], wanted=50)

    assert chart is not None
    assert chart.words == "Events answered each second over 3 seconds: at most 60, wanted 50"
    assert (chart.top, chart.wanted) == (100, HEIGHT / 2)
    assert chart.line == "M0.0 96.0L240.0 96.0L480.0 64.0L720.0 80.0"


@given(
    st.lists(st.tuples(st.floats(0.05, 9), st.integers(0, 5000)), min_size=2, max_size=240), st.floats(0.01, 100_000)
)
def test_nothing_is_drawn_beside_the_drawing(steps: list[tuple[float, int]], wanted: float) -> None:
    second, answered = 0.0, 0
    points = []
    for length, count in steps:
        second, answered = second + length, answered + count
        points.append([second, answered])

    chart = draw(points, wanted=wanted)

    assert chart is not None
    assert 0 <= chart.wanted <= HEIGHT
    for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", chart.area):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
