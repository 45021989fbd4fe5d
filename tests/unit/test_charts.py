"""Curves as drawings: within their frame, broken at gaps, and told in words."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sentinel.services.watching.curves import Curves, Step, Window
from sentinel.web.charts import HEIGHT, WIDTH, ceiling, draw, sparkline

START = 1_796_070_000.0
QUARTER = Window("15m", "15 minutes", 900.0, 10.0)


def curves(*steps: Step) -> Curves:
    return Curves(QUARTER, START, START + 900, steps)


def step(at: float, *amounts: float, seconds: float = 10) -> Step:
    return Step(START + at, START + at + seconds, (*amounts, *[0.0] * (4 - len(amounts))) if amounts else None)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", path)]


def test_a_line_goes_through_the_middle_of_each_step_and_reaches_to_its_ends() -> None:
    accepted = draw(curves(step(0, 10), step(10, 20))).lines[0]

    [path] = accepted.paths
    assert points(path) == [(0, 126), (4, 126), (12, 72), (16, 72)]
    assert accepted.areas[0].endswith("L16.0 180.0Z")


def test_a_gap_breaks_the_line_and_says_so() -> None:
    chart = draw(curves(step(0, 10), step(10, seconds=60), step(70, 5)))

    assert len(chart.lines[0].paths) == 2
    assert [column.is_known for column in chart.columns] == [True, False, True]
    assert "not known" in chart.columns[1].words


def test_each_step_tells_its_figures() -> None:
    [column] = draw(curves(step(0, 1234, 1200, 30, 4))).columns

    assert column.words == "20:20:00 to 20:20:10 UTC: accepted 1,234, sent 1,200, suppressed 30, failed 4"


def test_the_whole_is_told_in_words() -> None:
    words = draw(curves(step(0, 12, 10), step(10, 6, 8))).words

    assert words == (
        "Notifications of the last 15 minutes: accepted 18, sent 18, suppressed 0, failed 0; "
        "the most of one kind 72 a minute"
    )


def test_without_looks_the_drawing_is_empty_and_has_its_times() -> None:
    chart = draw(curves())

    assert [line.paths for line in chart.lines] == [()] * 4
    assert chart.ticks == ("20:20:00", "20:25:00", "20:30:00", "20:35:00")


def test_the_upper_edge_is_a_round_number() -> None:
    assert [ceiling(peak) for peak in (0, 0.2, 1, 1.1, 3, 5, 5.1, 72, 100, 101, 4_900)] == [
        1,
        1,
        1,
        2,
        5,
        5,
        10,
        100,
        100,
        200,
        5000,
    ]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=40))
def test_nothing_is_drawn_outside(amounts: list[tuple[float, float]]) -> None:
    chart = draw(curves(*[step(place * 10 - 5, *each) for place, each in enumerate(amounts)]))

    for line in chart.lines:
        for path in line.paths:
            assert all(0 <= x <= WIDTH and -0.1 <= y <= HEIGHT for x, y in points(path))


def test_a_small_line_runs_from_edge_to_edge() -> None:
    assert points(sparkline([0, 5, 10], width=96, height=24)) == [(0, 24), (48, 12), (96, 0)]
    assert sparkline([3], width=96, height=24) == ""
    assert points(sparkline([0, 0], width=96, height=24)) == [(0, 24), (96, 24)]
