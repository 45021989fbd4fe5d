"""What groups decide, over days of random alerts: nothing lost, nothing twice, nothing late, nothing untrue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.models.status import Reason
from sentinel.rules.grouping import Terms
from sentinel.schedules import reading as schedules
from sentinel.services.holding.decision import (
    Alert,
    Belief,
    Circumstances,
    Decision,
    Group,
    Quiet,
    decide,
    remembers,
    tell_all,
    tick,
)

START = datetime(2026, 3, 27, 20, 0, tzinfo=UTC)
"""Two days before clocks go forward in Europe."""

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Said:
    """What was told at a moment."""

    at: datetime
    firing: frozenset[str]
    resolved: frozenset[str]
    flapping: frozenset[str]
    is_repeated: bool


@dataclass
class World:
    """A group as the database would keep it, and all that was told of it."""

    terms: Terms
    now: datetime = START
    group: Group | None = None
    due_at: datetime | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    muted: dict[str, Reason] = field(default_factory=dict)
    quiet: Callable[[datetime], Quiet | None] = lambda _: None
    said: list[Said] = field(default_factory=list)
    ended: list[tuple[str, Reason | None]] = field(default_factory=list)

    def speak(self, key: str, *, is_firing: bool) -> None:
        """An event says that an alert fires, or is over: as the fan-out does."""
        if self.group is None:  # none, or one that only remembers
            self.group = Group(self.terms, self.now)
            self.due_at = tick(self.group, None, self.now)
        else:
            due = tick(self.group, self.group.last_told_at, self.now)
            self.due_at = min(due, self.due_at or due)
        known = self.alerts.get(key, Alert(key, is_firing=False, since=self.now))
        if known.is_firing != is_firing:
            changes = (self.now, *known.changes)[: self.terms.flap_changes + 1]
            known = replace(known, is_firing=is_firing, since=self.now, changes=changes)
        self.alerts[key] = known
        self.held[key] = self.held.get(key, 0) + 1

    def go_to(self, moment: datetime) -> None:
        """Let time pass; whatever is due on the way is flushed when it is."""
        while self.due_at is not None and self.due_at <= moment:
            self.now = self.due_at
            self._flush()
        self.now = moment

    def _flush(self) -> None:
        group = self.group or Group(self.terms, START)
        found = decide(
            group, self.alerts.values(), Circumstances(self.now, muted=self.muted, quiet=self.quiet(self.now))
        )
        if found.tells:
            self.said.append(_said(self.now, found))
        for key in [key for key in self.held if key not in found.stays]:
            self.ended += [(key, found.reasons.get(key))] * self.held.pop(key)
        for key, alert in self.alerts.items():
            if key not in found.stays or key in found.beliefs:
                self.alerts[key] = replace(alert, told=found.beliefs.get(key, alert.standing))
        self.alerts = {key: alert for key, alert in self.alerts.items() if not self._is_forgotten(alert)}
        assert found.next_at is None or found.next_at > self.now, "it would be due for ever"
        told_at = self.now if found.tells else group.last_told_at
        self.due_at = found.next_at
        self.group = None if found.next_at is None or found.is_over else replace(group, last_told_at=told_at)
        if found.next_at is None:
            assert not self.held
            self.alerts = {}

    def _is_forgotten(self, alert: Alert) -> bool:
        is_over = not alert.is_firing and alert.told is Belief.RESOLVED
        return is_over and not remembers(alert.changes, self.terms, self.now)

    def beliefs(self) -> dict[str, Belief]:
        """What somebody holds who has read all that was told, and nothing else."""
        found: dict[str, Belief] = {}
        for each in self.said:
            for keys, belief in (
                (each.firing, Belief.FIRING),
                (each.resolved, Belief.RESOLVED),
                (each.flapping, Belief.FLAPPING),
            ):
                found |= dict.fromkeys(keys, belief)
        return found


def _said(at: datetime, found: Decision) -> Said:
    return Said(at, frozenset(found.firing), frozenset(found.resolved), frozenset(found.flapping), found.is_repeated)


terms = st.builds(
    Terms,
    wait_seconds=st.sampled_from([0, 10, 30]),
    interval_seconds=st.sampled_from([60, 300]),
    repeat_seconds=st.sampled_from([None, 120, 3600, 14_400]),
    pause_seconds=st.sampled_from([0, 45, 400]),
    says_resolved=st.booleans(),
    flap_changes=st.sampled_from([0, 2, 5]),
    flap_seconds=st.sampled_from([120, 900]),
)
steps = st.lists(
    st.tuples(st.sampled_from([0, 1, 20, 59, 61, 301, 3600, 30_000]), st.sampled_from("abc"), st.booleans()),
    max_size=40,
)


def lived(
    terms: Terms, steps: Sequence[tuple[int, str, bool]], quiet: Callable[[datetime], Quiet | None] = lambda _: None
) -> tuple[World, dict[str, bool]]:
    """A world in which all this was said, and what is true at its end."""
    world, truth = World(terms, quiet=quiet), {}
    for seconds, key, is_firing in steps:
        world.go_to(world.now + timedelta(seconds=seconds))
        world.speak(key, is_firing=is_firing)
        truth[key] = is_firing
    return world, truth


@given(terms, steps)
@settings(max_examples=150, deadline=None)
def test_in_the_end_everybody_knows_what_is_true_and_nothing_is_held(
    terms: Terms, steps: list[tuple[int, str, bool]]
) -> None:
    world, truth = lived(terms, steps)

    world.go_to(world.now + timedelta(seconds=2 * (400 + 900 + 300 + 30)))

    known = world.beliefs()
    fires = {key for key, is_firing in truth.items() if is_firing}
    assert {key for key, belief in known.items() if belief is Belief.FIRING} >= fires
    if terms.says_resolved:
        assert {key for key, belief in known.items() if belief is not Belief.RESOLVED} == fires
    assert world.held == {}
    assert {key for key, alert in world.alerts.items() if alert.is_firing} == fires
    assert (world.group is not None) == bool(fires)


@given(terms, steps)
@settings(max_examples=150, deadline=None)
def test_every_message_ends_once_and_every_end_has_its_reason(terms: Terms, steps: list[tuple[int, str, bool]]) -> None:
    world, _ = lived(terms, steps)

    world.go_to(world.now + timedelta(days=1))

    assert len(world.ended) == len(steps)
    reasons = {reason for _, reason in world.ended}
    assert reasons <= {None, Reason.OUTDATED, Reason.FLAPPING} | (
        set() if terms.says_resolved else {Reason.RESOLVED_OFF}
    )


@given(terms.map(lambda each: replace(each, says_resolved=True)), steps)
@settings(max_examples=150, deadline=None)
def test_nothing_is_told_twice_nor_sooner_than_the_interval_nor_resolved_before_it_fired(
    terms: Terms, steps: list[tuple[int, str, bool]]
) -> None:
    world, _ = lived(terms, steps)

    world.go_to(world.now + timedelta(days=1))

    known: dict[str, Belief] = {}
    for number, each in enumerate(world.said):
        news = {key for key in each.firing if known.get(key) is not Belief.FIRING}
        assert all(known.get(key) in (Belief.FIRING, Belief.FLAPPING) for key in each.resolved)
        assert all(known.get(key) is not Belief.FLAPPING for key in each.flapping)
        assert each.is_repeated == (not news and not each.resolved and not each.flapping)
        if number and each.is_repeated:
            assert terms.repeat_seconds is not None
            apart = timedelta(seconds=max(terms.repeat_seconds, terms.interval_seconds or 0))
            assert each.at - world.said[number - 1].at >= apart
        known |= dict.fromkeys(each.firing, Belief.FIRING)
        known |= dict.fromkeys(each.resolved, Belief.RESOLVED)
        known |= dict.fromkeys(each.flapping, Belief.FLAPPING)


@given(terms, st.sampled_from([0, 10, 44, 46, 399, 401, 5000]))
def test_an_alert_is_told_as_soon_as_it_may_be_and_not_if_it_is_over_by_then(terms: Terms, lasts: int) -> None:
    world = World(terms)
    world.speak("a", is_firing=True)
    ripe = timedelta(seconds=max(terms.wait_seconds, terms.pause_seconds))

    world.go_to(START + timedelta(seconds=lasts))
    world.speak("a", is_firing=False)
    world.go_to(START + timedelta(days=2))

    if timedelta(seconds=lasts) < ripe:
        assert world.said == []
    else:
        assert (world.said[0].at, world.said[0].firing) == (START + ripe, {"a"})
        assert bool(world.said[-1].resolved) == terms.says_resolved


def test_a_flapping_alert_is_said_once_and_then_as_it_stands() -> None:
    world = World(Terms(wait_seconds=0, interval_seconds=60, repeat_seconds=None, flap_changes=3, flap_seconds=600))
    for number in range(20):
        world.speak("a", is_firing=number % 2 == 0)
        world.go_to(world.now + timedelta(seconds=30))
    world.speak("a", is_firing=True)
    steady_at = world.now + timedelta(seconds=600)
    world.go_to(START + timedelta(hours=2))

    told = [(sorted(each.firing), sorted(each.resolved), sorted(each.flapping)) for each in world.said]
    assert told[-2:] == [([], [], ["a"]), (["a"], [], [])]
    assert sum(bool(each.flapping) for each in world.said) == 1
    assert steady_at <= world.said[-1].at < steady_at + timedelta(seconds=60)


@pytest.mark.parametrize("says_resolved", [True, False])
def test_the_rest_is_told_though_one_of_them_flaps(says_resolved: bool) -> None:  # noqa: FBT001 - a parameter
    terms = Terms(wait_seconds=0, interval_seconds=60, flap_changes=3, flap_seconds=600, says_resolved=says_resolved)
    world = World(terms)
    for number in range(10):
        world.speak("a", is_firing=number % 2 == 0)
        world.go_to(world.now + timedelta(seconds=20))

    world.speak("b", is_firing=True)
    world.go_to(world.now + timedelta(seconds=60))

    assert (world.said[-1].firing, world.said[-1].flapping) == ({"b"}, frozenset())


def test_a_muted_alert_is_told_once_it_is_not_muted_any_more() -> None:
    world = World(Terms())
    world.speak("a", is_firing=True)
    world.speak("b", is_firing=True)
    world.muted = {"a": Reason.SILENCED}
    world.go_to(START + timedelta(seconds=400))
    assert [each.firing for each in world.said] == [{"b"}]
    assert ("a", Reason.SILENCED) in world.ended

    world.muted = {}
    world.go_to(START + timedelta(seconds=700))

    assert [each.firing for each in world.said] == [{"b"}, {"a", "b"}]


def test_what_is_over_while_it_is_muted_is_told_to_nobody() -> None:
    world = World(Terms())
    world.speak("a", is_firing=True)
    world.go_to(START + timedelta(seconds=31))
    world.muted = {"a": Reason.SILENCED}
    world.speak("a", is_firing=False)
    world.go_to(START + timedelta(hours=1))
    world.muted = {}
    world.go_to(START + timedelta(days=1))

    assert [(each.firing, each.resolved) for each in world.said] == [({"a"}, frozenset())]


@given(terms, st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
def test_a_group_whose_terms_are_gone_is_told_what_is_new_and_ends(terms: Terms, keys: list[str]) -> None:
    alerts = [Alert(key, is_firing=True, since=START) for key in keys]
    known = Alert("d", is_firing=True, since=START, told=Belief.FIRING)

    found = decide(Group(terms, START), [*alerts, known], Circumstances(START, is_last=True))

    assert (found.tells, set(found.firing), found.next_at, found.stays) == (True, {*keys, "d"}, None, [])


@given(terms, st.integers(0, 5))
def test_a_group_that_is_told_once_is_over_afterwards(terms: Terms, singles: int) -> None:
    once = replace(terms, interval_seconds=None, pause_seconds=0)
    alert = Alert("a", is_firing=True, since=START)

    found = decide(Group(once, START), [alert], Circumstances(START + timedelta(hours=8), singles))

    assert (found.tells, found.firing, found.next_at) == (True, ["a"], None)


NIGHTS = schedules.read({"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-07:00"]}]}, "windows")


def night(*, drops: bool) -> Callable[[datetime], Quiet | None]:
    """Nights in which `a` alone is urgent."""

    def quiet(now: datetime) -> Quiet | None:
        until = NIGHTS.until(now) if NIGHTS.holds(now) else None
        return None if until is None else Quiet(until, frozenset("bc"), drops=drops)

    return quiet


@given(terms, steps, st.booleans().map(lambda drops: night(drops=drops)))
@settings(max_examples=150, deadline=None)
def test_at_night_only_what_is_urgent_is_told_and_in_the_morning_what_is_true(
    terms: Terms, steps: list[tuple[int, str, bool]], quiet: Callable[[datetime], Quiet | None]
) -> None:
    world, truth = lived(terms, steps, quiet)

    world.go_to(world.now + timedelta(days=2, hours=12))

    for each in world.said:
        if NIGHTS.holds(each.at):
            assert each.firing | each.resolved | each.flapping <= {"a"}
    fires = {key for key, is_firing in truth.items() if is_firing}
    known = world.beliefs()
    assert {key for key, belief in known.items() if belief is Belief.FIRING} >= fires
    if terms.says_resolved:
        assert {key for key, belief in known.items() if belief is not Belief.RESOLVED} == fires
    assert world.held == {}
    assert len(world.ended) == len(steps)


def test_what_waits_for_the_morning_is_told_as_it_begins_and_not_at_the_next_interval() -> None:
    world = World(Terms(interval_seconds=7200), quiet=night(drops=False))
    world.go_to(START + timedelta(hours=2))
    world.speak("a", is_firing=True)
    world.speak("b", is_firing=True)

    world.go_to(START + timedelta(days=1))

    morning = NIGHTS.until(START + timedelta(hours=2))
    assert next(each.at for each in world.said if "b" in each.firing) == morning


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=6), st.integers(0, 3))
def test_what_was_held_for_another_reason_than_to_be_grouped_is_told_whole_as_it_stands(
    found: list[tuple[str, bool]], singles: int
) -> None:
    alerts = [Alert(key, is_firing, START) for key, is_firing in dict(found).items()]
    quiet = Quiet(START + timedelta(hours=9), frozenset("abc"))

    waiting = tell_all(alerts, Circumstances(START, quiet=quiet))
    told = tell_all(alerts, Circumstances(START, singles, muted={"c": Reason.SILENCED}))

    assert (waiting.tells, waiting.next_at, set(waiting.stays)) == (False, quiet.until, set(dict(found)))
    assert (told.next_at, told.stays) == (None, [])
    assert {*told.firing, *told.resolved} == set(dict(found)) - {"c"}
    assert told.tells == bool(singles or set(dict(found)) - {"c"})
    assert set(told.reasons) == set(dict(found)) & {"c"}
