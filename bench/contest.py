"""One load on one engine: how fast alerts are accepted and told, how long that takes, and what it costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from bench.alerts import EVERYBODY, NOBODY, token
from bench.context import BenchFailedError
from bench.cpu import Usage, between, read
from bench.figures import percentile
from bench.memory import pss_mib
from bench.poster import Order, Posted, post
from bench.receiver import Receiver

POLL_SECONDS = 0.05
STALL_SECONDS = 60
POSTERS = 2
PACED_POSTERS = 16
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered: `per_second` alerts for each second that the measurement should take, `size` in a request.

    With `is_paced` they come at just that rate; without, as fast as the requests are answered.
    """

    name: str
    audience: str
    per_second: int
    size: int = 64
    is_paced: bool = False


class Engine(Protocol):
    """Who is measured."""

    @property
    def name(self) -> str:
        """Whose requests are sent to it."""

    @property
    def port(self) -> int:
        """Where it takes alerts."""

    @property
    def api_key(self) -> str:
        """What lets us in."""

    @property
    def pids(self) -> Mapping[str, int]:
        """Its own processes."""

    def count_evaluated(self) -> int:
        """How many alerts have met the rules so far."""

    def settle(self) -> None:
        """Wait until it has written down what it sent."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One round, or the middle of several. `usage` and `memory` (MiB by name) are of the engine alone.

    A latency is 0 where nobody is told.
    """

    count: int
    accepted_per_second: float
    told_per_second: float
    p50_ms: float
    p99_ms: float
    usage: Usage
    memory: Mapping[str, float]
    copies: int

    @property
    def memory_mib(self) -> float:
        """Memory of the engine's processes together."""
        return sum(self.memory.values())

    @property
    def cpu_ms_per_thousand(self) -> float:
        """CPU milliseconds of the engine for a thousand alerts."""
        return self.usage.total / self.count * 1e6


def measure(engine: Engine, receiver: Receiver, load: Load, *, clients: int, seconds: float) -> Measured:
    """Offer the load, wait until all is told, and return what it took."""
    order = _order(engine, load, clients, round(load.per_second * seconds))
    receiver.forget()
    known = engine.count_evaluated()
    before = read({**engine.pids, "receiver": receiver.pid})
    posted = post(order)
    ended = _wait_told(engine, receiver, order, known)
    engine.settle()
    usage = between(before, read({**engine.pids, "receiver": receiver.pid}), helpers={"poster": posted.cpu_seconds})
    own = Usage({name: seconds for name, seconds in usage.by_name.items() if name in engine.pids}, usage.strangers)
    waits = latencies(order, posted, receiver.arrivals())
    return Measured(
        count=order.count,
        accepted_per_second=order.count / (posted.ended - posted.began),
        told_per_second=order.count / (ended - posted.began),
        p50_ms=percentile(waits, 50) if waits else 0.0,
        p99_ms=percentile(waits, 99) if waits else 0.0,
        usage=own,
        memory={name: pss_mib(pid) for name, pid in engine.pids.items()},
        copies=receiver.tally().copies,
    )


def middle(rounds: Sequence[Measured]) -> Measured:
    """The median of each figure; copies are added up."""
    return Measured(
        count=rounds[0].count,
        accepted_per_second=median(each.accepted_per_second for each in rounds),
        told_per_second=median(each.told_per_second for each in rounds),
        p50_ms=median(each.p50_ms for each in rounds),
        p99_ms=median(each.p99_ms for each in rounds),
        usage=Usage(_medians([each.usage.by_name for each in rounds]), median(each.usage.strangers for each in rounds)),
        memory=_medians([each.memory for each in rounds]),
        copies=sum(each.copies for each in rounds),
    )


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def webhooks_of(audience: str, clients: int) -> int:
    """How many webhooks follow from one alert."""
    return {NOBODY: 0, EVERYBODY: clients}.get(audience, 1)


def latencies(order: Order, posted: Posted, arrivals: Mapping[str, float]) -> list[float]:
    """Milliseconds from when each alert's request was due until its webhook was read."""
    due = {token(order.run, number): posted.due[numbers.start] for numbers in order.requests() for number in numbers}
    return [(at - due[key.rpartition(" ")[2]]) * 1000 for key, at in arrivals.items()]


def _order(engine: Engine, load: Load, clients: int, count: int) -> Order:
    return Order(
        engine=engine.name,
        port=engine.port,
        api_key=engine.api_key,
        run=next(_runs),
        audience=load.audience,
        clients=clients,
        count=count,
        size=load.size,
        posters=PACED_POSTERS if load.is_paced else POSTERS,
        rate=load.per_second if load.is_paced else None,
    )


def _wait_told(engine: Engine, receiver: Receiver, order: Order, known: int) -> float:
    """Wait for the last webhook, or for the last alert that met the rules in vain; return when that was (Unix time)."""
    wanted = order.count * webhooks_of(order.audience, order.clients)
    if not wanted:
        return _wait(lambda: engine.count_evaluated() - known, order.count, engine.name)
    _wait(lambda: receiver.tally().arrived, wanted, engine.name)
    return max(receiver.arrivals().values())


def _wait(count: Callable[[], int], wanted: int, who: str) -> float:
    """Wait while something still happens."""
    found, progress_at = -1, time.monotonic()
    while (now := count()) < wanted:
        if now > found:
            found, progress_at = now, time.monotonic()
        elif time.monotonic() - progress_at > STALL_SECONDS:
            raise BenchFailedError(f"{who}: {wanted} should have come; for {STALL_SECONDS} s it has been {found}")
        time.sleep(POLL_SECONDS)
    return time.time()
