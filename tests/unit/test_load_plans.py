"""Load tests: what is asked for is bounded, and what was settled is not offered again."""

from __future__ import annotations

import random
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.load.plan import Plan
from sentinel.load.tally import Tally
from sentinel.models import LoadTest
from sentinel.models.load_test import LoadTestStatus
from sentinel.services.loading import jobs, running
from sentinel.services.loading.curve import MOST_POINTS, extended, rates
from sentinel.services.loading.plans import DEVICES, PRESETS, Wish, checked, kept, made, read_plan
from sentinel.settings import Settings

SETTINGS = Settings(load_test_max_rate=500, load_test_max_events=10_000)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_begun(name: str) -> None:
    plan = checked(PRESETS[name].wish, Settings())

    assert plan.total is not None
    assert plan.total > 0


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        (Wish(), {"rate", "seconds"}),
        (Wish(rate=0, seconds=10), {"rate"}),
        (Wish(rate=501, seconds=10), {"rate"}),
        (Wish(rate=float("nan"), seconds=float("inf")), {"rate", "seconds"}),
        (Wish(rate=100, seconds=101), {"count"}),
        (Wish(rate=100, seconds=1e308), {"seconds"}),
        (Wish(rate=1e-9, count=1000), {"rate"}),
        (Wish(rate=0.0001, count=100), {"rate"}),
        (Wish(rate=100, count=5, source="a\0:100"), {"source"}),
        (Wish(rate=100, count=0, burst=0), {"count", "burst"}),
        (Wish(rate=100, count=5, seed=-1), {"seed"}),
        (Wish(kind="orders", rate=100, count=5), {"kind"}),
        (Wish(rate=100, count=5, severity="HIGH:70", source="api:50,db:50"), {"severity"}),
        (Wish(kind=DEVICES, rate=100, count=5, name="disk:100"), {"name"}),
        (Wish(rate=100, count=5, name="a" * 1001), {"name"}),
    ],
)
def test_a_wish_beyond_the_bounds_is_refused_by_its_fields(wish: Wish, fields: set[str]) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        checked(wish, SETTINGS)

    assert {each.field for each in refusal.value.errors} == fields
    assert all(each.remedy for each in refusal.value.errors)


def test_a_kept_plan_makes_the_same_events_each_time() -> None:
    wish = Wish(rate=50, count=40, severity="HIGH:70,LOW:30")
    plan = kept(wish, checked(wish, SETTINGS))

    first, second = (list(islice(made("alerts", 7, "alert-7-x", plan), 40)) for _ in range(2))

    assert first == second
    assert {each["severity"] for each in first} == {"HIGH", "LOW"}
    assert read_plan(plan, 40).total == 40


def test_what_an_outage_held_up_is_offered_after_it() -> None:
    wish = Wish(rate=10, seconds=6)
    plan = read_plan(kept(wish, checked(wish, SETTINGS)), 60)

    assert (plan.seconds, plan.total) == (None, 60)


@given(st.integers(1, 200), st.integers(1, 17), st.randoms())
def test_in_whatever_order_requests_are_answered_the_place_is_the_first_that_was_not(
    total: int, batch: int, chance: random.Random
) -> None:
    starts = [start for start, _ in zip(range(0, total, batch), range(total), strict=False)]
    chance.shuffle(starts)
    tally, settled = Tally(), set[int]()

    for start in starts:
        tally.settle(start, min(batch, total - start))
        settled.add(start)
        first_open = next((each for each in range(0, total, batch) if each not in settled), total)
        assert tally.place == first_open
        assert all(tally.is_settled(each) == (each in settled) for each in range(0, total, batch))

    assert (tally.place, tally.ahead) == (total, {})


def row(**values: object) -> LoadTest:
    usual = {"label": "alert-7-x", "plan": {"rate": 10, "burst": 1, "batch": 4, "connections": 8}, "total": 10}
    counts = dict.fromkeys(("accepted", "duplicates", "refused", "failed", "given_up", "waits", "place", "seconds"), 0)
    return LoadTest(**(usual | counts | {"ahead": [], "curve": [], "problem": None} | values))


def test_the_next_process_knows_what_the_one_before_has_settled() -> None:
    tally = running.tally_of(row(place=4, ahead=[8], accepted=6, seconds=2.5, given_up=1))

    tally.settle(4, 4)

    assert (tally.place, tally.ahead, tally.answered, tally.seconds) == (10, {}, 6, 2.5)
    assert tally.given_up == 1


@pytest.mark.parametrize(
    ("tally", "trouble", "problem", "end"),
    [
        (Tally(place=10), None, None, (LoadTestStatus.FINISHED, None)),
        (Tally(place=10, problem="severity: no"), None, None, (LoadTestStatus.FINISHED, "severity: no")),
        (Tally(place=7), None, "stopped by ann", (LoadTestStatus.STOPPED, "stopped by ann")),
        (Tally(place=7), "401 no", None, (LoadTestStatus.FAILED, "401 no")),
        (Tally(place=7, given_up=1, problem="no answer"), None, None, (LoadTestStatus.FAILED, "no answer")),
    ],
)
def test_how_it_ends_follows_from_what_is_settled(
    tally: Tally, trouble: str | None, problem: str | None, end: tuple[str, str | None]
) -> None:
    assert running.ending(row(problem=problem), tally, trouble) == end


def test_a_sample_is_all_while_there_are_few_and_spread_when_there_are_many() -> None:
    assert jobs.sample(row(place=3)) == ["alert-7-x-1", "alert-7-x-2", "alert-7-x-3"]
    assert jobs.sample(row(place=0)) == []

    numbers = [int(each.rpartition("-")[2]) for each in jobs.sample(row(place=100_000))]
    assert (len(set(numbers)), min(numbers)) == (jobs.LOOKED_AT, 1)
    assert 99_000 < max(numbers) <= 100_000


@given(st.lists(st.tuples(st.floats(0.01, 5), st.integers(0, 500)), max_size=700))
def test_a_curve_stays_short_and_keeps_its_end(steps: list[tuple[float, int]]) -> None:
    points: list[list[float]] = []
    second, answered = 0.0, 0
    for length, count in steps:
        second, answered = second + length, answered + count
        points = extended(points, second, answered)

    assert len(points) <= MOST_POINTS
    assert all(later[0] > earlier[0] and later[1] >= earlier[1] for earlier, later in pairwise(points))
    if steps:
        assert points[-1] == [round(second, 2), answered]
    assert all(rate >= 0 for _, rate in rates(points))


def test_load_tests_wait_two_minutes_for_an_api_and_the_command_line_one_and_not_at_its_start() -> None:
    plan = Plan(1.0, 1.0, None, 1, 1, 1)
    load_test = read_plan(row().plan, 10)

    assert (plan.patience_seconds, plan.start_seconds) == (60, 0)
    assert (load_test.patience_seconds, load_test.start_seconds) == (120, 120)
