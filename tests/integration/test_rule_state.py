"""Windows, clocks and throttles on the real store rule as the plain model in memory does, and only once per event."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import redis
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel import rule_state
from sentinel.clock import utc_now
from sentinel.rule_state import Due, Hit, Ruled, RuleState, RuleStateError, Ruling, get_rule_state, is_stateful
from sentinel.rules.parser import parse
from sentinel.rules.rulings import HeldBack
from sentinel.rules.simulation import Simulation
from sentinel.rules.syntax import RuleSyntax
from tests.conftest import Configure

FIRES, WAITING, THROTTLED = Ruled(Ruling.FIRES), Ruled(Ruling.WAITING), Ruled(Ruling.THROTTLED)
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
_rules = count(1)


@pytest.fixture
def state(database: Configure) -> RuleState:
    """The state as a worker has it."""
    return get_rule_state()


@pytest.fixture
def store(database: Configure) -> Iterator[redis.Redis]:
    """The store itself."""
    with redis.Redis.from_url(database().redis_url.get_secret_value()) as opened:
        yield opened


class Asked:
    """One rule and what is said to it: `at` in seconds from the start."""

    def __init__(self, text: str) -> None:
        self.syntax: RuleSyntax = parse(f"when {text} then suppress()")
        self.id = next(_rules)
        self._events = count(1)

    def hit(self, at: float, event: dict[str, Any] | None = None, *, holds: bool = True, name: str = "") -> Hit:
        event_id = name or f"event-{next(self._events)}"
        return Hit(self.id, 1, self.syntax, event_id, event or {}, START + timedelta(seconds=at), holds)


def rulings(state: RuleState | Simulation, asked: Asked, *events: tuple[float, dict[str, Any]]) -> list[Ruled]:
    return state.decide([asked.hit(at, event) for at, event in events])


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def shown(found: Sequence[Due]) -> list[Due]:
    return [replace(each, token="") for each in found]


def test_more_than_three_in_a_minute_for_each_device(state: RuleState) -> None:
    asked = Asked("count() over 1m by device > 3")
    one, other = {"device": "a"}, {"device": "b"}

    told = rulings(state, asked, (0, one), (1, one), (2, other), (3, one), (4, one), (61, one), (62, one))

    assert told == [WAITING, WAITING, WAITING, WAITING, FIRES, WAITING, FIRES]


WINDOWS = [
    "count() over {w} by g > {n}",
    "count() over {w} <= {n}",
    "count() over {w} by g == {n}",
    "count() over {w} by g > 2.5",
    "rate() over {w} > 0.05",
    "sum(x) over {w} by g > {n}",
    "avg(x) over {w} >= {n}",
    "min(x) over {w} by g < {n}",
    "max(x) over {w} > {n}",
    "distinct(v) over {w} by g >= {n}",
    "spike() over {w} by g >= 2",
    "first(v) over {w} by g",
    "change(v) by g",
    "count() over {w} > 1 and sum(x) over 2m by g > 3",
    "true for {w} by g",
    "true for {w} by g keep 2m",
    "true keep {w} by g",
    "count() over {w} > 1 for 2m by g",
    "true throttle {w} by g",
    "count() over 2m > 1 throttle {w}",
    "sum(x) over 2m > 1 for 1m by g throttle {w}",
    "true throttle 2 per {w} by g",
    "true throttle 2 per 30s, 5 per {w}",
    "true for 1m by g throttle 1 per 30s, 2 per {w}",
]
BODIES = st.fixed_dictionaries(
    {"g": st.sampled_from(["a", "b", 1])},
    optional={
        "x": st.integers(-3, 5) | st.sampled_from([0.5, 2.25]) | st.just("text"),
        "v": st.sampled_from(["p", "q", 1, 1.0, True]),
    },
)
STEPS = st.lists(
    st.tuples(st.sampled_from([0, 0.5, 1, 7, 30, 59, 60, 61, 150]), BODIES, st.sampled_from([True, True, True, False])),
    max_size=25,
)
REAL = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def hits_of(asked: Asked, steps: Sequence[tuple[float, dict[str, Any], bool]]) -> list[Hit]:
    found, now = [], 0.0
    for gap, body, holds in steps:
        now += gap
        found.append(asked.hit(now, body, holds=holds))
    return found


@pytest.mark.parametrize("text", WINDOWS)
@given(steps=STEPS, length=st.sampled_from(["1m", "90s", "5m"]), number=st.integers(0, 6))
@REAL
def test_the_store_and_the_plain_model_rule_alike(
    text: str, steps: list[tuple[float, dict[str, Any], bool]], length: str, number: int, database: Configure
) -> None:
    asked = Asked(text.format(w=length, n=number))
    hits = hits_of(asked, steps)
    state, model = get_rule_state(), Simulation()

    assert state.decide(hits) == model.decide(hits)
    due, expected = shown(state.due(at(10_000))), model.due(at(10_000))
    # Of groups that fall due at the same moment and share a throttle, either may be the one that speaks.
    assert sorted(each.since for each in due) == sorted(each.since for each in expected)
    assert "throttle" in text or sorted(due, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("text", [each for each in WINDOWS if "change" not in each])
@given(steps=STEPS, seed=st.integers(0, 2**16))
@REAL
def test_they_rule_alike_when_events_come_up_to_a_minute_late(
    text: str, steps: list[tuple[float, dict[str, Any], bool]], seed: int, database: Configure
) -> None:
    chance = random.Random(seed)  # noqa: S311 - tests need no secrets
    hits = hits_of(Asked(text.format(w="2m", n=2)), steps)
    hits.sort(key=lambda hit: hit.at + timedelta(seconds=chance.uniform(0, 59)))

    assert get_rule_state().decide(hits) == Simulation().decide(hits)


@pytest.mark.parametrize("text", WINDOWS)
@given(steps=STEPS, again=st.lists(st.integers(0, 24), max_size=12))
@REAL
def test_an_event_that_comes_again_in_any_order_gets_the_same_ruling_and_adds_nothing(
    text: str, steps: list[tuple[float, dict[str, Any], bool]], again: list[int], database: Configure
) -> None:
    asked = Asked(text.format(w="2m", n=2))
    hits = [hit for hit in hits_of(asked, steps) if hit.holds]
    state, model = get_rule_state(), Simulation()
    half = len(hits) // 2
    first = state.decide(hits[:half])

    for place in again:
        if place < half:
            assert state.decide([hits[place]]) == [first[place]]

    assert [*first, *state.decide(hits[half:])] == model.decide(hits)


def test_a_batch_that_was_half_decided_can_be_decided_again(state: RuleState) -> None:
    asked = Asked("count() over 5m > 4 throttle 1h")
    hits = [asked.hit(each) for each in range(10)]
    state.decide(hits[:7])

    told = state.decide(hits)

    assert told == [WAITING] * 4 + [FIRES] + [THROTTLED] * 5


def test_long_after_its_ruling_was_forgotten_an_event_still_counts_once(state: RuleState, store: redis.Redis) -> None:
    asked = Asked("count() over 5m > 2 throttle 1h")
    hits = [asked.hit(each) for each in range(3)]
    state.decide(hits)
    for key in store.scan_iter("sentinel:rule:*:told:*"):
        store.delete(key)

    assert state.decide([hits[2], hits[1], hits[1], hits[2]])[0] == FIRES
    assert store.zcard(f"sentinel:rule:{asked.id}:1:0:") == 3


def test_workers_that_decide_the_same_batch_at_once_are_told_the_same(state: RuleState, store: redis.Redis) -> None:
    asked = Asked("count() over 5m by g > 5 and sum(x) over 5m by g > 20 throttle 10s by g")
    hits = [asked.hit(each, {"g": each % 3, "x": each}) for each in range(120)]

    with ThreadPoolExecutor(4) as workers:
        told = list(workers.map(state.decide, [hits] * 4))

    assert told == [Simulation().decide(hits)] * 4


def test_an_edited_rule_starts_afresh(state: RuleState) -> None:
    asked = Asked("count() over 5m > 1")
    rulings(state, asked, (0, {}))

    assert state.decide([replace(asked.hit(1), version=2)]) == [WAITING]
    assert state.decide([asked.hit(1)]) == [FIRES]


def test_every_key_has_a_time_to_live(state: RuleState, store: redis.Redis) -> None:
    for text in (*WINDOWS, "absent over {w} by g", "sum(x) over {w} by g > 1 throttle 5m by v"):
        asked = Asked(text.format(w="1m", n=1))
        rulings(state, asked, *((each * 20, {"g": each % 2, "x": each, "v": str(each)}) for each in range(6)))
    state.due(at(10_000))

    keys = list(store.scan_iter("sentinel:rule*"))
    assert len(keys) > 50
    assert [key for key in keys if int(str(store.ttl(key))) < 0] == []


@pytest.mark.parametrize(
    ("text", "limit"),
    [("count() over 1h > 3000", 3000), ("rate() over 1h >= 1", 3600), ("sum(x) over 1h > 4000", 4000)],
)
def test_large_windows_are_right_to_a_thirtieth_of_their_length(state: RuleState, text: str, limit: int) -> None:
    asked = Asked(text)

    told = rulings(state, asked, *((each / 2, {"x": 1}) for each in range(4500)))

    assert told.index(FIRES) == limit - (1 if ">=" in text else 0)
    assert set(told[told.index(FIRES) :]) == {FIRES}
    later = [asked.hit(3600 + each, {"x": 1}) for each in range(0, 4000, 120)]
    gone = [hit.at for hit, ruling in zip(later, state.decide(later), strict=True) if ruling == WAITING]
    # At 3600 + t only the events of the last 2250 - t seconds are left.
    exact = at(3600 + 2250 - limit / 2)
    assert abs((gone[0] - exact).total_seconds()) <= 120 + 3600 / 30


@pytest.mark.parametrize("limit", [500, 5000])
def test_many_different_values_are_counted_or_estimated(state: RuleState, limit: int) -> None:
    asked = Asked(f"distinct(v) over 1h > {limit}")

    told = rulings(state, asked, *((each / 10, {"v": f"v{each % (limit + limit // 10)}"}) for each in range(2 * limit)))

    first = told.index(FIRES)
    assert first == limit if limit == 500 else abs(first - limit) < limit * 0.05


def test_many_values_have_the_least_and_the_greatest_in_buckets_too(state: RuleState) -> None:
    low, high, spike = (Asked(f"{each} over 1h {than}") for each, than in FIGURES_OF_MANY)
    values = [(each, {"x": each % 100 + 1}) for each in range(1000)]

    assert set(rulings(state, low, *values)[100:]) == {FIRES}
    assert set(rulings(state, high, *values)[100:]) == {FIRES}
    assert rulings(state, spike, *((each, {}) for each in range(0, 3600, 12)))[-1] == FIRES
    assert rulings(state, spike, *((3600 + each, {}) for each in range(0, 3600, 12)))[-1] == WAITING
    assert rulings(state, spike, *((7200 + each, {}) for each in range(0, 3600, 2)))[-1] == FIRES


FIGURES_OF_MANY = (("min(x)", "== 1"), ("max(x)", "== 100"), ("spike()", ">= 3"))


def test_a_rule_has_ten_thousand_groups_at_most(
    state: RuleState, store: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked("count() over 1m by g > 0")

    told = rulings(state, asked, *((0, {"g": each}) for each in range(10_002)), (0, {"g": 5}))

    assert told == [FIRES] * 10_000 + [WAITING] * 2 + [FIRES]
    assert store.zcard(f"sentinel:rule:{asked.id}:1:0:groups") == 10_000
    later = 60 + rule_state.REMEMBERED_SECONDS + 120
    assert rulings(state, asked, (later, {"g": "new"})) == [FIRES]


def test_a_throttle_that_is_crowded_lets_through(state: RuleState) -> None:
    asked = Asked("true throttle 1h by g")

    told = rulings(state, asked, *((0, {"g": each}) for each in range(10_001)), (1, {"g": 10_000}), (1, {"g": 7}))

    assert told[10_000:] == [FIRES, FIRES, THROTTLED]


def held(count: int, since: float) -> Ruled:
    """The rule speaks again."""
    return Ruled(Ruling.FIRES, HeldBack(count, at(since)))


def test_all_caps_must_allow_it(state: RuleState) -> None:
    asked = Asked("true throttle 2 per 1m, 3 per 1h")

    told = rulings(state, asked, *((each, {}) for each in (0, 10, 20, 30, 70, 100, 3601, 3602)))

    assert told == [FIRES, FIRES, THROTTLED, THROTTLED, held(2, 10), THROTTLED, held(1, 70), THROTTLED]


def test_a_rule_that_speaks_again_knows_how_often_it_was_held_back_whoever_asks(state: RuleState) -> None:
    asked = Asked("true throttle 10m by g")
    hits = [asked.hit(each, {"g": "a"}) for each in (0, 1, 2, 600)]

    first = state.decide(hits)

    assert first == [FIRES, THROTTLED, THROTTLED, held(2, 0)]
    assert state.decide(hits) == first


def test_what_falls_due_tells_what_was_held_back(state: RuleState) -> None:
    asked = Asked("absent over 1m by g throttle 10m")
    rulings(state, asked, (0, {"g": "a"}), (1, {"g": "b"}))
    state.due(at(120))
    rulings(state, asked, (700, {"g": "a"}))

    assert [each.held_back for each in state.due(at(760))] == [None, HeldBack(1, at(60))]


def test_a_clock_that_was_armed_by_an_older_release_is_not_held_back(state: RuleState, store: redis.Redis) -> None:
    asked = Asked("absent over 1m throttle 10m")
    rulings(state, asked, (0, {}))
    store.hdel(f"sentinel:rule:{asked.id}:1:clock:", "spoken", "caps")

    assert len(state.due(at(120))) == 1


def test_a_clock_that_runs_ahead_does_not_make_the_others_late(state: RuleState) -> None:
    asked = Asked("count() over 5m > 2")
    now = utc_now()
    ahead = [replace(asked.hit(0), at=now + timedelta(days=400)) for _ in range(4)]
    state.decide(ahead)

    # Those that ran ahead count as of now, and leave the window with it.
    assert state.decide([replace(asked.hit(0), at=now)]) == [FIRES]
    with time_machine.travel(now + timedelta(minutes=6), tick=False):
        later = [replace(asked.hit(0), at=now + timedelta(minutes=6)) for _ in range(3)]
        assert state.decide(later) == [WAITING, WAITING, FIRES]


def test_silence_is_due_once_for_each_device_and_again_after_it_was_heard_of(state: RuleState) -> None:
    asked = Asked("absent over 5m by device.id")
    told = rulings(state, asked, (0, {"device": {"id": "a"}}), (100, {"device": {"id": "b"}}))

    assert told == [WAITING, WAITING]
    assert state.due(at(299)) == []
    (due,) = state.due(at(300))
    assert shown([due]) == [Due(asked.id, 1, ("a",), at(0), "event-1")]
    state.done(due)
    rulings(state, asked, (390, {"device": {"id": "a"}}))
    assert [(each.group, each.since) for each in state.due(at(1000))] == [(("b",), at(100)), (("a",), at(390))]


def test_silence_counts_only_where_the_other_windows_are_reached(state: RuleState) -> None:
    asked = Asked("count() over 1h by g > 1 and absent over 5m by g")
    rulings(state, asked, (0, {"g": "often"}), (1, {"g": "often"}), (2, {"g": "once"}))

    assert [each.group for each in state.due(at(1000))] == [("often",)]


def test_what_falls_due_belongs_to_one_caller_until_its_lease_runs_out(state: RuleState) -> None:
    asked = Asked("true for 5m by g")
    rulings(state, asked, (0, {"g": 1}), (0, {"g": 2}))

    first = state.due(at(301))
    assert len(first) == 2
    assert state.due(at(302)) == []
    state.done(first[0])

    assert rulings(state, asked, (303, {"g": 1}), (303, {"g": 2})) == [WAITING, WAITING]
    assert state.due(at(301 + rule_state.LEASE_SECONDS)) == first[1:]
    state.done(first[1])
    assert state.due(at(10_000)) == []


def test_for_fires_once_until_it_was_false_by_event_or_by_time(state: RuleState) -> None:
    asked = Asked("true for 5m by g")
    one = {"g": 1}

    assert rulings(state, asked, (0, one), (299, one), (300, one), (400, one)) == [WAITING, WAITING, FIRES, WAITING]
    assert state.due(at(10_000)) == []
    state.refute([asked.hit(500, one)])
    assert rulings(state, asked, (600, one), (900, one)) == [WAITING, FIRES]
    state.refute([asked.hit(1000, one), asked.hit(1000, {"g": "never seen"})])
    assert rulings(state, asked, (1100, one)) == [WAITING]
    assert [each.since for each in state.due(at(1400))] == [at(1100)]


def test_a_miss_among_the_hits_starts_the_clock_again(state: RuleState) -> None:
    asked = Asked("true for 5m")

    told = state.decide([asked.hit(0), asked.hit(100, holds=False), asked.hit(200), asked.hit(400), asked.hit(500)])

    assert told == [WAITING, WAITING, WAITING, WAITING, FIRES]


def test_what_comes_late_from_before_a_miss_does_not_start_the_clock(state: RuleState) -> None:
    asked = Asked("true for 5m")

    told = state.decide([asked.hit(100), asked.hit(150, holds=False), asked.hit(120), asked.hit(430)])

    assert told == [WAITING] * 4
    assert [each.since for each in state.due(at(800))] == [at(430)]


def test_a_value_seen_late_is_as_young_as_it_was(state: RuleState) -> None:
    asked = Asked("distinct(v) over 1m >= 2")

    assert rulings(state, asked, (60, {"v": "p"}), (5, {"v": "p"}), (100, {"v": "q"})) == [WAITING, WAITING, FIRES]


def test_keep_bridges_short_interruptions(state: RuleState) -> None:
    asked = Asked("true for 1m keep 5m")

    told = state.decide(
        [
            asked.hit(0),
            asked.hit(60),
            asked.hit(100, holds=False),
            asked.hit(390),
            asked.hit(400, holds=False),
            asked.hit(701),
            asked.hit(761),
        ]
    )

    assert told == [WAITING, FIRES, WAITING, WAITING, WAITING, WAITING, FIRES]


def test_what_falls_due_is_throttled_like_events(state: RuleState) -> None:
    asked = Asked("absent over 1m by g throttle 10m")
    rulings(state, asked, (0, {"g": "a"}), (1, {"g": "b"}))

    assert [each.group for each in state.due(at(120))] == [("a",)]
    rulings(state, asked, (700, {"g": "a"}))
    assert [each.group for each in state.due(at(760))] == [("a",), ("a",)]


def test_rules_without_memory_are_known() -> None:
    texts = ("a == 1", "count() over 1m > 1", "a for 1m", "a keep 1m", "a throttle 1m", "a severity high priority 5")

    assert [is_stateful(Asked(text).syntax) for text in texts] == [False, True, True, True, True, False]


def test_without_the_store_windows_cannot_be_judged() -> None:
    away = RuleState(redis.Redis.from_url("redis://127.0.0.1:1"))
    asked = Asked("count() over 1m > 1")

    for question in (lambda: away.decide([asked.hit(0)]), lambda: away.due(at(0))):
        with pytest.raises(RuleStateError, match=r"cannot be"):
            question()


def test_a_store_that_was_restarted_learns_the_scripts_again(state: RuleState, store: redis.Redis) -> None:
    asked = Asked("count() over 5m > 1")
    rulings(state, asked, (0, {}))
    store.script_flush()

    assert rulings(state, asked, (1, {})) == [FIRES]
    store.script_flush()
    assert state.due(at(1)) == []


def test_each_hit_is_one_call_of_the_script(state: RuleState, store: redis.Redis) -> None:
    asked = Asked("count() over 5m by g > 10 throttle 1m by g")
    hits = [asked.hit(each / 10, {"g": each % 7}) for each in range(1000)]
    state.decide(hits[:1])
    before = _calls(store)

    state.decide(hits)

    assert _calls(store) - before == 1000


def _calls(store: redis.Redis) -> int:
    statistics: Any = store.info("commandstats")
    return int(statistics["cmdstat_evalsha"]["calls"])
