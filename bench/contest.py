"""One load on one engine: how fast alerts are accepted and told, how long that takes, and what it costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from bench.alerts import EVERYBODY, NOBODY, ONE, token
from bench.cpu import Usage, between, read
from bench.figures import percentile
from bench.memory import pss_mib
from bench.poster import Order, Posted, post
from bench.receiver import Receiver
from bench.sampling import Samples, sampling
from bench.waiting import wait_for_none

POSTERS = 2
RECEIVER = "receiver"
POSTER = "poster"
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered: `count` alerts, `size` in a request, as fast as the requests are answered."""

    count: int
    size: int
    clients: int
    audience: str = ONE


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

    def settle(self, since: float, count: int) -> float:
        """Wait until it has written down what it sent."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One round, or the middle of several. `usage` has the engine's processes, receiver and poster.

    A latency is 0 where nothing goes to the receiver. `told_at` is when each came there (Unix time).
    """

    count: int
    accepted_per_second: float
    told_per_second: float
    p50_ms: float
    p99_ms: float
    usage: Usage
    memory_mib: float
    copies: int
    most_held: int
    began: float
    told_at: tuple[float, ...]
    samples: Samples

    @property
    def cpu_us_each(self) -> float:
        """CPU microseconds of the engine for an alert."""
        own = sum(seconds for name, seconds in self.usage.by_name.items() if name not in {RECEIVER, POSTER})
        return own / self.count * 1e6


def measure(engine: Engine, receiver: Receiver, load: Load, *, is_received: bool = True) -> Measured:
    """Offer the load, wait until all is told, and return what it took.

    What the receiver gets is counted there; without `is_received` the engine's own books say when all was sent.
    """
    order = order_for(engine, load)
    wanted = load.count * webhooks_of(load.audience, load.clients)
    receiver.forget()
    pids = {**engine.pids, RECEIVER: receiver.pid}
    since, before = time.time(), read(pids)
    with sampling(pids) as samples:
        posted = post(order)
        if is_received:
            wait_for_none(lambda: wanted - receiver.tally().arrived, f"webhooks of {engine.name} have not come")
        ended = engine.settle(since, wanted)
    usage = between(before, read(pids), helpers={POSTER: posted.cpu_seconds})
    arrivals, tally = receiver.arrivals(), receiver.tally()
    waits = latencies(order, posted, arrivals)
    return Measured(
        count=order.count,
        accepted_per_second=order.count / (posted.ended - posted.began),
        told_per_second=order.count / (max(arrivals.values(), default=ended) - posted.began),
        p50_ms=percentile(waits, 50) if waits else 0.0,
        p99_ms=percentile(waits, 99) if waits else 0.0,
        usage=usage,
        memory_mib=sum(pss_mib(pid) for pid in engine.pids.values()),
        copies=tally.copies,
        most_held=tally.most_held,
        began=posted.began,
        told_at=tuple(sorted(arrivals.values())),
        samples=samples,
    )


def middle(rounds: Sequence[Measured]) -> Measured:
    """The median of each figure; copies are added up; moments are those of the last round."""
    last = rounds[-1]
    return Measured(
        count=last.count,
        accepted_per_second=median(each.accepted_per_second for each in rounds),
        told_per_second=median(each.told_per_second for each in rounds),
        p50_ms=median(each.p50_ms for each in rounds),
        p99_ms=median(each.p99_ms for each in rounds),
        usage=Usage(_medians([each.usage.by_name for each in rounds]), median(each.usage.strangers for each in rounds)),
        memory_mib=median(each.memory_mib for each in rounds),
        copies=sum(each.copies for each in rounds),
        most_held=max(each.most_held for each in rounds),
        began=last.began,
        told_at=last.told_at,
        samples=last.samples,
    )


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def webhooks_of(audience: str, clients: int) -> int:
    """How many webhooks follow from one alert."""
    return {NOBODY: 0, EVERYBODY: clients}.get(audience, 1)


def latencies(order: Order, posted: Posted, arrivals: Mapping[str, float]) -> list[float]:
    """Milliseconds from when each alert's request was sent until its webhook was read."""
    sent = {token(order.run, number): posted.sent[numbers.start] for numbers in order.requests() for number in numbers}
    return [(at - sent[key.rpartition(" ")[2]]) * 1000 for key, at in arrivals.items()]


def order_for(engine: Engine, load: Load) -> Order:
    """What the poster is told to do."""
    return Order(
        engine=engine.name,
        port=engine.port,
        api_key=engine.api_key,
        run=next(_runs),
        audience=load.audience,
        clients=load.clients,
        count=load.count,
        size=load.size,
        posters=POSTERS,
    )
