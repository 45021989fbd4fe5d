"""Replaying events in memory: windows, clocks and throttles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.rules.parser import parse
from sentinel.rules.rulings import HeldBack, Hit, Ruled, Ruling
from sentinel.rules.simulation import Simulation

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def hits(text: str, *events: tuple[float, dict[str, Any]]) -> list[Hit]:
    syntax = parse(f"when {text} then suppress()")
    return [
        Hit(7, 1, syntax, f"event-{number}", event, START + timedelta(seconds=at))
        for number, (at, event) in enumerate(events)
    ]


def fired(text: str, *events: tuple[float, dict[str, Any]]) -> list[int]:
    """Which of the events made the rule fire."""
    told = Simulation().decide(hits(text, *events))
    return [number for number, ruled in enumerate(told) if ruled.ruling is Ruling.FIRES]


def numbers(*values: Any) -> list[tuple[float, dict[str, Any]]]:
    """An event every ten seconds, with this x."""
    return [(10.0 * place, {"x": value}) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("text", "events", "expected"),
    [
        ("count() over 30s > 2", numbers(1, 1, 1, 1), [2, 3]),
        ("count() over 30s > 3", numbers(*[1] * 9), []),
        ("rate() over 20s >= 0.1", numbers(1, 1), [1]),
        ("sum(x) over 20s > 5", numbers(3, 3, 0, 6), [1, 3]),
        ("sum(x) over 20s > 5", numbers(3, "3", 3), []),
        ("avg(x) over 1m <= 2", numbers(5, 1, 0), [2]),
        ("min(x) over 20s < 0", numbers(-1, 1, 1), [0, 1]),
        ("max(x) over 20s >= 9", numbers(9, 1, 1), [0, 1]),
        ("distinct(x) over 1m >= 3", numbers(1, 1.0, True, "1"), [3]),
        ("first(x) over 20s", numbers("a", "a", "b", "a", "a"), [0, 2, 3]),
        ("first(x) over 20s", [(0, {"x": 1}), (20, {"x": 1})], [0, 1]),
        ("change(x)", numbers("up", "up", "down", "up"), [2, 3]),
        ("spike() over 20s >= 3", [(each, {}) for each in (0, 20, 21, 22, 23)], [3, 4]),
        ("count() over 30s by x > 1", numbers("a", "b", "a", "b"), [2, 3]),
        ("true for 20s", numbers(1, 1, 1, 1), [2]),
        ("true keep 20s", numbers(1, 1), [0]),
        ("true throttle 20s by x", numbers(1, 1, 1, 2), [0, 2, 3]),
        ("true throttle 2 per 30s by x", numbers(1, 1, 1, 1, 1, 2), [0, 1, 3, 4, 5]),
        ("true throttle 2 per 30s, 3 per 1m", numbers(*[1] * 7), [0, 1, 3, 6]),
    ],
)
def test_each_kind_of_memory_speaks_at_the_right_event(
    text: str, events: Sequence[tuple[float, dict[str, Any]]], expected: list[int]
) -> None:
    assert fired(text, *events) == expected


@given(
    gaps=st.lists(st.integers(0, 20_000), max_size=60),
    caps=st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 60)), min_size=1, max_size=3, unique_by=lambda cap: cap[1]
    ),
)
def test_caps_hold_in_every_stretch_of_time_and_are_used_up(gaps: list[int], caps: list[tuple[int, int]]) -> None:
    words = ", ".join(f"{times} per {seconds}s" for times, seconds in caps)
    asked = hits(f"true throttle {words}", *((sum(gaps[:place]) / 1000, {}) for place in range(len(gaps))))

    told = Simulation().decide(asked)

    spoke: list[datetime] = []
    held = 0
    for hit, ruled in zip(asked, told, strict=True):
        is_open = all(
            sum(each > hit.at - timedelta(seconds=seconds) for each in spoke) < times for times, seconds in caps
        )
        assert (ruled.ruling is Ruling.FIRES) == is_open
        if is_open:
            assert ruled.held_back == (HeldBack(held, spoke[-1]) if held else None)
            spoke.append(hit.at)
        held = 0 if is_open else held + 1


def test_a_replay_of_many_events_forgets_what_no_window_reaches() -> None:
    simulation = Simulation()
    many = hits("count() over 1m > 59", *((each, {}) for each in range(10_000)))

    told = simulation.decide(many)

    assert told.index(Ruled(Ruling.FIRES)) == 59
    assert set(told[59:]) == {Ruled(Ruling.FIRES)}
    (history,) = simulation._histories.values()
    assert len(history.times) < 5000


def test_silence_falls_due_as_the_replay_goes_on() -> None:
    simulation = Simulation()
    simulation.decide(hits("absent over 1m by device", (0, {"device": "a"}), (30, {"device": "b"})))

    assert simulation.due(START + timedelta(seconds=59)) == []
    assert [each.group for each in simulation.due(START + timedelta(seconds=60))] == [("a",)]
    assert [each.group for each in simulation.due(START + timedelta(seconds=120))] == [("b",)]
    assert simulation.due(START + timedelta(days=1)) == []
