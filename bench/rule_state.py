"""What a hit of a rule with a window, a clock or a throttle takes, in Redis and in the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from bench.context import Context
from bench.figures import Cell, Figures, Table
from sentinel.embedded.servers import throwaway_servers
from sentinel.rule_state import Hit, RuleState
from sentinel.rules.parser import parse

HITS = 20_000
BATCH = 500
GROUPS = 100
START = datetime(2026, 5, 1, tzinfo=UTC)
RULES = (
    "count() over 5m by x > 10",
    "count() over 5m by x > 10 throttle 1m by x",
    "count() over 5m by x > 100",
    "count() over 1h by x > 5000",
    "sum(a) over 5m by x > 1000",
    "distinct(v) over 5m by x > 10",
    "first(v) over 1d by x",
    "absent over 5m by x",
    "true for 5m by x",
    "true throttle 5m by x",
)


def run(context: Context) -> Figures:
    """Measure each kind alone, on a Redis of its own."""
    with throwaway_servers() as servers, redis.Redis.from_url(servers.redis_url) as store:
        state = RuleState(store)
        rows = []
        for number, text in enumerate(RULES, start=1):
            context.say(text)
            rows.append(measure(store, state, number, text))
    columns = ("rule", "Redis us", "worker us", "B of a group", "B of a ruling")
    return Figures((Table("One hit", columns, tuple(rows), NOTE),))


NOTE = f"CPU per hit, in batches of {BATCH} over {GROUPS} groups, 30 hits a second; a ruling is kept for half an hour"


def measure(store: redis.Redis, state: RuleState, number: int, text: str) -> tuple[Cell, ...]:
    """One row."""
    syntax = parse(f"when {text} then suppress()")
    hits = [
        Hit(number, 1, syntax, f"0190a1b2-{each:012d}-aaaabbbb", body(each), START + timedelta(seconds=each / 30))
        for each in range(HITS)
    ]
    redis_before, worker_before = redis_cpu(store), time.process_time()
    for start in range(0, HITS, BATCH):
        state.decide(hits[start : start + BATCH])
    worker, in_redis = time.process_time() - worker_before, redis_cpu(store) - redis_before
    kept, told = list(sizes(store, number, told=False)), list(sizes(store, number, told=True))
    figures = (in_redis / HITS * 1e6, worker / HITS * 1e6, sum(kept) / GROUPS, sum(told) / HITS)
    return (text, *(float(f"{each:.3g}") for each in figures))


def body(number: int) -> dict[str, Any]:
    """An event."""
    return {"x": number % GROUPS, "a": number % 7, "v": number % 50}


def redis_cpu(store: redis.Redis) -> float:
    """Seconds that the server has used."""
    used: Any = store.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def sizes(store: redis.Redis, number: int, *, told: bool) -> Iterator[int]:
    """Bytes of the keys of a rule: those of its rulings, or of its groups."""
    for key in store.scan_iter(f"sentinel:rule:{number}:1:*"):
        if (b":told:" in key) == told:
            size: Any = store.memory_usage(key, samples=0)
            yield int(size)
