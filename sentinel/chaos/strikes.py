"""What is broken when: a plan that follows from its seed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sentinel.chaos.installation import PROGRAMS

KILL, TERMINATE, EMPTY, RESTART, REDELIVER = "kill -9", "SIGTERM", "kill -9, data gone", "restart", "redelivery"
POSTGRES, VALKEY, PROVIDER, BROKER = "postgres", "valkey", "provider", "broker"

FIRST_PART, LAST_PART = 0.04, 0.94
"""Strikes fall into this part of the run: the load is under way, and goes on after the last one."""

RECOVERY_SECONDS = 1.0
"""The same part is not struck again before it had this long."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to break one part, and for how many seconds."""

    name: str
    target: str
    shortest: float
    longest: float


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `at` seconds after the load began, for so many `seconds`."""

    at: float
    kind: str
    target: str
    seconds: float


KINDS = (
    *(Kind(KILL, name, 0.2, 2.0) for name in PROGRAMS),
    *(Kind(TERMINATE, name, 0.0, 1.0) for name in PROGRAMS),
    Kind(KILL, VALKEY, 0.3, 3.0),
    Kind(EMPTY, VALKEY, 0.3, 3.0),
    Kind(KILL, POSTGRES, 0.3, 3.0),
    Kind(RESTART, POSTGRES, 0.3, 3.0),
    *(Kind(name, PROVIDER, 1.0, 4.0) for name in ("reset", "reset unread", "slow", "silence", "429", "500", "503")),
    Kind(REDELIVER, BROKER, 0.0, 0.0),
    Kind(REDELIVER, BROKER, 0.0, 0.0),
)


def plan_strikes(seed: int, *, seconds: float, count: int) -> list[Strike]:
    """Spread `count` strikes over the run; every kind comes before one comes again, no part is struck while it is down.

    Each has a slot of its own and begins anywhere in it, so that now and then two overlap.
    """
    chance = random.Random(seed)  # noqa: S311 - a plan is no secret
    cards = _cards(chance)
    slot = seconds * (LAST_PART - FIRST_PART) / max(1, count)
    free_at: dict[str, float] = {}
    waiting: deque[Kind] = deque()
    strikes = []
    for number in range(count):
        at = seconds * FIRST_PART + (number + chance.random()) * slot
        kind = _draw(cards, waiting, free_at, at)
        length = min(chance.uniform(kind.shortest, kind.longest), seconds * (1 - LAST_PART) + slot)
        at = max(at, free_at.get(kind.target, 0.0))
        free_at[kind.target] = at + length + RECOVERY_SECONDS
        strikes.append(Strike(at, kind.name, kind.target, length))
    return sorted(strikes, key=lambda each: each.at)


def _cards(chance: random.Random) -> Iterator[Kind]:
    while True:
        yield from chance.sample(KINDS, len(KINDS))


def _draw(cards: Iterator[Kind], waiting: deque[Kind], free_at: dict[str, float], at: float) -> Kind:
    """Take the next kind whose target is whole at that moment; the ones passed over come first next time."""
    for _ in range(len(waiting)):
        kind = waiting.popleft()
        if free_at.get(kind.target, 0.0) <= at:
            return kind
        waiting.append(kind)
    for kind in cards:
        if free_at.get(kind.target, 0.0) <= at or len(waiting) >= len(KINDS):
            return kind
        waiting.append(kind)
    raise AssertionError("cards come without end")
