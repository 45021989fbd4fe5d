"""Curves: what happened between looks at counters, gaps where nobody knows."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sentinel.services.watching.curves import ACCEPTED, KINDS, Sample, Step, Window, between, curves, together

NOW = 1_800_000_000.0
QUARTER = Window("15m", "15 minutes", 900.0, 10.0)


def look(ago: float, accepted: float, sent: float = 0) -> Sample:
    return Sample(NOW - ago, (accepted, sent, 0, 0))


def test_a_step_is_what_came_between_two_looks() -> None:
    [step] = between([look(20, 100), look(10, 130)], period=10)

    assert (step.seconds, step.amounts) == (10.0, (30, 0, 0, 0))
    assert step.rates == (180.0, 0.0, 0.0, 0.0)


def test_counters_that_began_anew_leave_a_gap_and_no_negative_rate() -> None:
    steps = between([look(30, 100), look(20, 3), look(10, 5)], period=10)

    assert [step.amounts for step in steps] == [None, (2, 0, 0, 0)]


def test_looks_that_were_missed_leave_a_gap() -> None:
    late, in_time = between([look(90, 100), look(30, 160), look(10, 170)], period=10)

    assert late.amounts is None
    assert in_time.amounts == (10, 0, 0, 0)


def test_two_looks_at_one_moment_say_nothing() -> None:
    assert [step.amounts for step in between([look(20, 5), look(19.9, 6), look(10, 8)], period=10)] == [(2, 0, 0, 0)]


def test_a_window_shows_what_ended_in_it_and_sums_what_is_known() -> None:
    found = curves([look(910, 0), look(905, 7), look(895, 9), look(30, 50), look(20, 61)], QUARTER, period=10, now=NOW)

    assert [step.amounts for step in found.steps] == [(2, 0, 0, 0), None, (11, 0, 0, 0)]
    assert found.totals[ACCEPTED] == 13
    assert (found.peak, found.known_seconds) == (66.0, 20.0)


def test_without_looks_there_is_nothing() -> None:
    found = curves([], QUARTER, period=10, now=NOW)

    assert (found.steps, found.totals, found.peak) == ((), (0, 0, 0, 0), 0.0)


def test_short_steps_are_put_together_and_gaps_stay() -> None:
    known = [Step(start, start + 10, (1.0, 0, 0, 0)) for start in (0, 10, 20, 30)]
    gap = Step(40, 100, None)

    found = together([*known, gap, Step(100, 110, (5.0, 0, 0, 0))], 30)

    assert [(step.seconds, step.amounts and step.amounts[0]) for step in found] == [
        (30, 3),
        (10, 1),
        (60, None),
        (10, 5),
    ]


@given(
    st.lists(st.tuples(st.floats(0, 400), st.integers(0, 1000)), max_size=60),
    st.sampled_from([10.0, 30.0, 300.0]),
)
def test_whatever_the_looks_steps_follow_each_other_and_lose_nothing(
    looks: list[tuple[float, int]], seconds: float
) -> None:
    at, samples = NOW - 10_000, []
    for wait, count in looks:
        at += wait
        samples.append(Sample(at, (float(count), 0, 0, 0)))

    fine = between(samples, period=10)
    put_together = together(fine, seconds)

    assert all(step.amounts is None or min(step.amounts) >= 0 for step in fine)
    assert all(one.end <= other.start for one, other in pairwise(put_together))
    for kind in range(len(KINDS)):
        sums = [sum(step.amounts[kind] for step in steps if step.amounts) for steps in (fine, put_together)]
        assert sums[0] == sums[1]
