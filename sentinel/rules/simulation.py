"""The state of rules in memory, for replaying stored events: the same rulings as on Redis, with nothing left out.

Times and values are kept as they came, so that this is also the plain model that the state on Redis is tested against.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sentinel.rules.rulings import (
    LATENESS_SECONDS,
    Clock,
    Due,
    HeldBack,
    Hit,
    Plan,
    Ruled,
    Ruling,
    group_of,
    milliseconds,
    moment,
    plan,
    value_key,
)
from sentinel.rules.syntax import Cap, Window
from sentinel.rules.windows import group_key_of, is_reached, sample

LATENESS = LATENESS_SECONDS * 1000
KEPT = 4096
"""A history is looked through for what is too old each time it has grown by so much."""


class Simulation:
    """Rulings on hits in the order in which they are given, which should be that of time, and what falls due."""

    def __init__(self) -> None:
        self._told: dict[Hashable, Ruled] = {}
        self._histories: dict[Hashable, History] = {}
        self._last: dict[Hashable, tuple[int, str]] = {}
        self._seen: dict[Hashable, int] = {}
        self._clocks: dict[Hashable, Episode] = {}
        self._spoken: dict[Hashable, Spoken] = {}

    def decide(self, hits: Sequence[Hit]) -> list[Ruled]:
        """Rule on each; an event that comes again gets the same ruling and adds nothing."""
        return [self._decide(hit) for hit in hits]

    def due(self, now: datetime) -> list[Due]:
        """The clocks whose time has come by `now`, earliest first; each once."""
        ready = [each for each in self._clocks.values() if each.is_armed and each.due_at <= milliseconds(now)]
        return [due for each in sorted(ready, key=lambda each: each.due_at) if (due := self._fall_due(each))]

    def _decide(self, hit: Hit) -> Ruled:
        key = (hit.rule_id, hit.version, hit.event_id)
        if not hit.holds:
            return self._judge(hit, plan(hit.syntax))
        if key not in self._told:
            self._told[key] = self._judge(hit, plan(hit.syntax))
        return self._told[key]

    def _judge(self, hit: Hit, asked: Plan) -> Ruled:
        # Every window counts the event, also behind one that is not reached.
        reached = [hit.holds and self._window(hit, slot, window) for slot, window in enumerate(asked.windows)]
        holds = hit.holds and all(reached)
        fires = self._clock(hit, asked, asked.clock, holds=holds) if asked.clock else holds
        if not fires:
            return Ruled(Ruling.WAITING)
        return self._throttled(asked, hit, milliseconds(hit.at))

    def _window(self, hit: Hit, slot: int, window: Window) -> bool:
        added = sample(window, hit.event)
        if added is None:
            return False
        key = (hit.rule_id, hit.version, slot, added.group)
        at = milliseconds(hit.at)
        if window.kind == "change":
            return self._changed(key, at, value_key(added.value))
        if window.kind == "first":
            return self._is_first((*key, value_key(added.value)), at, _length(window))
        history = self._histories.setdefault(key, History())
        history.add(at, value_key(added.value) if window.kind == "distinct" else added.value, 2 * _length(window))
        return is_reached(window, _figure(window, history, at))

    def _changed(self, key: Hashable, at: int, value: str) -> bool:
        before = self._last.get(key)
        if before and at < before[0]:
            return False
        self._last[key] = (at, value)
        return before is not None and before[1] != value

    def _is_first(self, key: Hashable, at: int, length: int) -> bool:
        before = self._seen.get(key)
        self._seen[key] = at if before is None else max(at, before)
        return before is None or before <= at - length

    def _clock(self, hit: Hit, asked: Plan, clock: Clock, *, holds: bool) -> bool:
        key = (hit.rule_id, hit.version, group_key_of(clock.by, hit.event))
        episode = self._clocks.setdefault(key, Episode(hit, clock, asked))
        if clock.is_absent:
            episode.wait(hit, holds=holds)
            return False
        return episode.holds(hit) if holds else episode.misses(hit)

    def _fall_due(self, episode: Episode) -> Due | None:
        episode.has_fired, episode.is_armed = True, False
        hit, group = episode.hit, group_of(episode.clock.by, episode.hit.event)
        ruled = self._throttled(episode.asked, hit, episode.due_at)
        if ruled.ruling is Ruling.THROTTLED:
            return None
        return Due(hit.rule_id, hit.version, group, moment(episode.since or 0), hit.event_id, ruled.held_back)

    def _throttled(self, asked: Plan, hit: Hit, at: int) -> Ruled:
        """Ask the throttle about a rule that would speak."""
        if asked.throttle is None:
            return Ruled(Ruling.FIRES)
        key = (hit.rule_id, hit.version, group_key_of(asked.throttle.by, hit.event))
        return self._spoken.setdefault(key, Spoken()).speak(asked.throttle.caps, at)


@dataclass(slots=True)
class Spoken:
    """When a rule spoke of a group, and how often it was held back since."""

    times: list[int] = field(default_factory=list)
    held_back: int = 0

    def speak(self, caps: Sequence[Cap], at: int) -> Ruled:
        """Let it speak if all caps allow it."""
        if any(self._since(at - each.seconds * 1000) >= each.times for each in caps):
            self.held_back += 1
            return Ruled(Ruling.THROTTLED)
        held_back = HeldBack(self.held_back, moment(self.times[-1])) if self.held_back else None
        insort(self.times, at)
        del self.times[: -max(each.times for each in caps)]
        self.held_back = 0
        return Ruled(Ruling.FIRES, held_back)

    def _since(self, start: int) -> int:
        return len(self.times) - bisect_right(self.times, start)


@dataclass(slots=True)
class History:
    """What came in one group, by time."""

    times: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, at: int, value: Any, kept: int) -> None:
        """Put a value in its place, and forget now and then what no window reaches any more."""
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        self.values.insert(place, value)
        if len(self.times) % KEPT == 0:
            old = bisect_left(self.times, self.times[-1] - kept - LATENESS)
            del self.times[:old], self.values[:old]

    def newest(self, at: int, length: int) -> int:
        """The end of the window that an event of the time `at` is judged in."""
        return self.times[bisect_left(self.times, at + min(LATENESS, length)) - 1]

    def within(self, start: int, end: int) -> list[Any]:
        """The values after `start`, up to `end`."""
        return self.values[bisect_right(self.times, start) : bisect_right(self.times, end)]


@dataclass(slots=True)
class Episode:
    """The clock of a group: since when it is true, whether it has fired, and since when it is false again."""

    hit: Hit
    clock: Clock
    asked: Plan
    since: int | None = None
    last: int = 0
    missed: int | None = None
    ended: int | None = None
    has_fired: bool = False
    is_armed: bool = False

    @property
    def due_at(self) -> int:
        """When it fires without another event."""
        return (self.since or 0) + self.clock.hold_seconds * 1000

    def wait(self, hit: Hit, *, holds: bool) -> None:
        """`absent`: an event starts the waiting again, or ends it if the rule's other windows are not reached."""
        at = milliseconds(hit.at)
        if hit.holds and (self.since is None or at > self.since):
            self.since, self.hit, self.is_armed = at, hit, holds
            if not holds:
                self.since = None

    def holds(self, hit: Hit) -> bool:
        """The condition is true: whether that has lasted long enough now, for the first time."""
        at = milliseconds(hit.at)
        if self.missed is not None and at <= self.missed:
            return False
        is_over = self.ended is not None and at - self.ended > self.clock.keep_seconds * 1000
        if self.since is None or is_over:
            self.since, self.last, self.has_fired, self.hit = at, at, False, hit
        self.ended = None
        self.since = min(self.since, at)
        if at >= self.last:
            self.last, self.hit = at, hit
        fires = not self.has_fired and self.last >= self.due_at
        self.has_fired = self.has_fired or fires
        self.is_armed = not self.has_fired
        return fires

    def misses(self, hit: Hit) -> bool:
        """The condition is false: an episode ends, at once or when `keep` has passed."""
        at = milliseconds(hit.at)
        if self.since is None:
            return False
        self.missed = at if self.missed is None else max(at, self.missed)
        if at < self.since:
            return False
        if self.has_fired and self.clock.keep_seconds:
            self._keep(at)
        elif self.last > at:
            self._restart()
        else:
            self.since, self.has_fired, self.is_armed = None, False, False
        return False

    def _keep(self, at: int) -> None:
        if self.last <= at:
            self.ended = at if self.ended is None else min(at, self.ended)
        elif self.last - at > self.clock.keep_seconds * 1000:
            self._restart()

    def _restart(self) -> None:
        """A miss that came late: the newest event that satisfied the rule starts the clock."""
        self.since, self.has_fired, self.is_armed = self.last, False, True


def _length(window: Window) -> int:
    return (window.seconds or 0) * 1000


def _figure(window: Window, history: History, at: int) -> float:
    length = _length(window)
    end = history.newest(at, length)
    values = history.within(end - length, end)
    if window.kind == "spike":
        return len(values) / max(1, len(history.within(end - 2 * length, end - length)))
    if window.kind == "rate":
        return len(values) / (length / 1000)
    return FIGURES[window.kind](values)


FIGURES: dict[str, Callable[[list[Any]], float]] = {
    "count": len,
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "distinct": lambda values: len(set(values)),
}
