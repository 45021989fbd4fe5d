"""What rules remember from event to event: windows, clocks and throttles on Redis. docs/decisions/033 tells how.

One script call rules on one hit, a pipeline of them on a batch. Times are those of events; Redis' clock only forgets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

import redis

from sentinel.clock import utc_now
from sentinel.errors import SentinelError
from sentinel.logs import get_logger
from sentinel.once import Once
from sentinel.rules import limits
from sentinel.rules.rulings import (
    GROUPS,
    LATENESS_SECONDS,
    Clock,
    Due,
    HeldBack,
    Hit,
    Ruled,
    Ruling,
    group_of,
    is_stateful,
    milliseconds,
    moment,
    plan,
    short,
    value_key,
)
from sentinel.rules.syntax import Every, Path, Window
from sentinel.rules.windows import OF_NUMBERS, group_key_of, sample
from sentinel.store import get_store

__all__ = ["Due", "Hit", "RuleState", "RuleStateError", "Ruled", "Ruling", "get_rule_state", "is_stateful"]

log = get_logger(__name__)

EXACT = 1000
"""Counts and different values are exact up to here, and estimated beyond."""
LOGGED = 128
"""Values that a sum, mean, least or greatest is taken of exactly, for each group; beyond, thirtieths of the window."""
BUCKETS = 30
VALUES = 10_000
"""Values that `first` remembers of each group."""
TOLD_SECONDS = 600
"""Rulings on events of one stretch of this length are remembered together."""
REMEMBERED_SECONDS = 1800
"""How much longer than its windows anything is remembered: a backlog is judged as if it came in time."""
CLOCK_SECONDS = 30 * 86_400
"""What only an event ends, a clock or the last value, ends by itself when none has come for so long."""
LEASE_SECONDS = 30
MOST_DUE = 500
MOST_AT_ONCE = 1000
DUE, CLAIMED = "sentinel:rules:due", "sentinel:rules:claimed"

DECIDE = ("numbers", "groups", "throttles", "windows", "clocks", "decide")
CLAIM = ("numbers", "throttles", "claim")

CACHED_CAPS = 10_000
COMMON = {each.value: Ruled(each) for each in Ruling}
"""Most answers, made once."""

Arguments = Iterator[str | int | float]


class RuleStateError(SentinelError):
    """Redis is away or out of order: windows cannot be judged now. Nothing is lost, ask again."""


class RuleState:
    """Rulings on hits, the same for every worker. Each answer is safe to ask for again."""

    def __init__(self, store: redis.Redis) -> None:
        self._store = store
        self._decide = store.register_script(_script(DECIDE))
        self._claim = store.register_script(_script(CLAIM))

    def decide(self, hits: Sequence[Hit]) -> list[Ruled]:
        """Rule on hits, in the order of their time. An event that comes again gets the same ruling and adds nothing.

        Hits that do not hold are answered WAITING. Raises `RuleStateError`; what was decided by then stays decided.
        """
        answers: list[str] = []
        for start in range(0, len(hits), MOST_AT_ONCE):
            answers += self._ask(hits[start : start + MOST_AT_ONCE])
        crowded = {hit.rule_id for hit, answer in zip(hits, answers, strict=True) if answer.endswith("!")}
        if crowded:
            log.warning("rule_has_too_many_groups", rules=sorted(crowded), at_most=GROUPS)
        return [_ruled(answer.rstrip("!")) for answer in answers]

    def refute(self, misses: Sequence[Hit]) -> None:
        """Tell the clocks of `for` and `keep` that these events do not satisfy their rules.

        Given to `decide` in their place among the hits, with `holds` false, they are judged more exactly.
        """
        self.decide([replace(each, holds=False) for each in misses])

    def due(self, now: datetime) -> list[Due]:
        """Claim clocks that have run out, up to a few hundred. `now`: up to when events have been decided.

        Several may call at once, each gets others. What is not `done` within the lease is given again.
        """
        try:
            arguments = [milliseconds(now), MOST_DUE, LEASE_SECONDS * 1000]
            found = self._claim(keys=[DUE, CLAIMED], args=arguments)
        except redis.RedisError as error:
            raise RuleStateError(f"clocks cannot be read: {error}") from error
        return [_due(each.decode()) for each in found]

    def done(self, due: Due) -> None:
        """What fell due has been seen to, for good."""
        try:
            self._store.zrem(CLAIMED, due.token)
        except redis.RedisError as error:
            raise RuleStateError(f"a clock cannot be written: {error}") from error

    def _ask(self, hits: Sequence[Hit]) -> list[str]:
        now = utc_now()
        try:
            with self._store.pipeline(transaction=False) as batch:
                for hit in hits:
                    # One clock that runs ahead must not make all others late.
                    at = milliseconds(min(hit.at, now))
                    self._decide(keys=[_told_key(hit), DUE], args=list(_arguments(hit, at)), client=batch)
                for key in {_told_key(hit) for hit in hits if hit.holds}:
                    batch.expire(key, TOLD_SECONDS + REMEMBERED_SECONDS)
                return [answer.decode() for answer in batch.execute()[: len(hits)]]
        except redis.RedisError as error:
            raise RuleStateError(f"windows cannot be judged: {error}") from error


def _arguments(hit: Hit, at: int) -> Arguments:
    """What decide.lua takes, in its order."""
    asked = plan(hit.syntax)
    prefix = f"sentinel:rule:{hit.rule_id}:{hit.version}:"
    yield from (hit.event_id, at, int(hit.holds), len(asked.windows))
    for slot, window in enumerate(asked.windows):
        yield from _of_window(window, hit.event, f"{prefix}{slot}:")
    spoken = f"{prefix}spoken:"
    group = _group(asked.throttle.by, hit.event) if asked.throttle else ""
    caps = _caps(asked.throttle) if asked.throttle else ""
    yield from _of_clock(asked.clock, hit.event, f"{prefix}clock:", (f"{spoken}{group}" if caps else "", caps))
    if asked.throttle:
        yield from (spoken, group, caps, _kept(asked.throttle))


def _of_window(window: Window, event: Mapping[str, Any], base: str) -> Arguments:
    added = sample(window, event)
    seconds = window.seconds or 0
    span = 2 * seconds if window.kind == "spike" else seconds
    kept = span + LATENESS_SECONDS + REMEMBERED_SECONDS if seconds else CLOCK_SECONDS
    yield from (window.kind if added else "none", base, _group(window.by, event), seconds * 1000, kept * 1000)
    yield from (window.comparison.operator, window.comparison.number) if window.comparison else ("", 0)
    yield _most(window)
    if added is None:
        yield 0
    else:
        yield repr(added.value) if window.kind in OF_NUMBERS else value_key(added.value)


def _most(window: Window) -> int:
    """The members that a set must hold to answer exactly; 0: it would be too many, or members do not answer."""
    if window.kind == "first":
        return VALUES
    if window.comparison is None or window.kind not in {"count", "rate", "distinct"}:
        return 0
    seconds = (window.seconds or 0) if window.kind == "rate" else 1
    wanted = max(1, math.floor(window.comparison.number * seconds) + 2)
    if wanted > EXACT:
        return EXACT + 1 if window.kind == "distinct" else 0
    # In a window shorter than the allowed lateness the newest members are not all that count.
    return wanted if (window.seconds or 0) >= LATENESS_SECONDS else EXACT


def _of_clock(clock: Clock | None, event: Mapping[str, Any], base: str, throttle: tuple[str, str]) -> Arguments:
    if clock is None:
        yield ""
        return
    hold, keep = clock.hold_seconds * 1000, clock.keep_seconds * 1000
    kind = "absent" if clock.is_absent else "hold"
    yield from (kind, base, _group(clock.by, event), hold, keep, hold + keep + CLOCK_SECONDS * 1000)
    yield json.dumps(group_of(clock.by, event))
    yield from throttle


@lru_cache(maxsize=CACHED_CAPS)
def _caps(throttle: Every) -> str:
    """Caps as throttles.lua reads them."""
    return " ".join(f"{each.times}/{each.seconds * 1000}" for each in throttle.caps)


def _kept(throttle: Every) -> int:
    longest = max(each.seconds for each in throttle.caps)
    return (longest + LATENESS_SECONDS + REMEMBERED_SECONDS) * 1000


def _group(by: tuple[Path, ...], event: Mapping[str, Any]) -> str:
    """The name of a group; none without `by`."""
    return short(group_key_of(by, event)) if by else ""


def _told_key(hit: Hit) -> str:
    return f"sentinel:rule:{hit.rule_id}:{hit.version}:told:{int(hit.at.timestamp()) // TOLD_SECONDS}"


def _due(token: str) -> Due:
    key, since, event_id, group, *held = token.split("\n")
    _, _, rule_id, version, *_ = key.split(":")
    values = tuple(json.loads(group))
    return Due(int(rule_id), int(version), values, moment(int(since)), event_id, _held_back(held), token)


def _ruled(answer: str) -> Ruled:
    """Read `waiting`, or `fires 37 1780315200000` after 37 that were held back since that moment."""
    return COMMON.get(answer) or _uncommon(*answer.split(" "))


def _uncommon(ruling: str, *held: str) -> Ruled:
    return Ruled(Ruling(ruling), _held_back(held))


def _held_back(written: Sequence[str]) -> HeldBack | None:
    if not written:
        return None
    count, since = written
    return HeldBack(int(count), moment(int(since)))


def _script(names: Sequence[str]) -> str:
    folder = resources.files("sentinel.rules").joinpath("state")
    constants = {
        "LATENESS": LATENESS_SECONDS * 1000,
        "REMEMBERED": REMEMBERED_SECONDS * 1000,
        "LONGEST": 2 * limits.SECONDS * 1000,
        "GROUPS": GROUPS,
        "EXACT": EXACT,
        "LOGGED": LOGGED,
        "BUCKETS": BUCKETS,
    }
    lines = [f"local {name} = {value}" for name, value in constants.items()]
    return "\n".join([*lines, *(folder.joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in names)])


@Once
def get_rule_state() -> RuleState:
    """Return the state as this process sees it."""
    return RuleState(get_store())
