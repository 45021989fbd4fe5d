"""What a chain costs: four empty Celery tasks beside our four stages with 1, 10, 100 and 500 ids."""

from __future__ import annotations

import time

from bench.bare_worker import CHAINS_PER_SECOND, Series, bare_chains, bare_worker
from bench.context import Context
from bench.costs import cost_table
from bench.cpu import Usage, between, read
from bench.figures import Cell, Figures, Table
from bench.installation import Installation, installation
from bench.publishing import prepared

WORKER = "worker"
IDS_PER_SECOND = {1: 60, 10: 400, 100: 1500, 500: 2000}
"""By batch size: how many ids to store for each second that the measurement should take."""


def run(context: Context) -> Figures:
    """One worker process at a time, first for the bare chains, then for ours."""
    context.say("bare chains")
    with bare_worker(context) as worker:
        bare_chains(worker, 20)  # imports, pools, caches
        bare = bare_chains(worker, round(CHAINS_PER_SECOND * context.seconds))
    ours: dict[int, Series] = {}
    workers = {WORKER: ("--pipeline", "--channel", "sms")}
    with installation(context, "chains", workers=workers, is_live=False, has_api=False) as running:
        _ours(running, size=100, count=200)  # imports, pools, caches
        for size, rate in IDS_PER_SECOND.items():
            context.say(f"batches of {size}")
            ours[size] = _ours(running, size=size, count=max(size, round(rate * context.seconds)))
    return Figures((_rates(bare, ours), _costs(bare, ours)))


def _ours(running: Installation, *, size: int, count: int) -> Series:
    since = time.time()
    wanted = ("sms", str(size), str(count), str(running.fresh_numbers()))
    with prepared("bench.feeder", *wanted, environment=running.system.environment) as publish:
        before = read(running.pids)
        told = publish()
        ended = running.wait_sent(since, count)
        usage = between(before, read(running.pids), helpers={"publisher": told.cpu_seconds})
    return Series(count, ended - told.started, usage)


def _rates(bare: Series, ours: dict[int, Series]) -> Table:
    rows: list[tuple[Cell, ...]] = [("bare chain", bare.count, bare.per_second, bare.per_second, 1.0)]
    for size, series in ours.items():
        chains = series.per_second / size
        rows.append((f"ours, {size}", series.count, chains, series.per_second, series.per_second / bare.per_second))
    return Table(
        "Chains through one worker process",
        ("ids in a chain", "ids", "chains/s", "ids/s", "ids/s / bare chains/s"),
        tuple(rows),
        "The bare chain is four empty tasks. Ours is evaluate, dedupe, rate_limit and deliver to the sandbox, "
        "from stored rows to SENT.",
    )


def _costs(bare: Series, ours: dict[int, Series]) -> Table:
    costs: dict[Cell, tuple[Usage, int]] = {"bare chain": (bare.usage, bare.count)}
    costs |= {f"ours, {size}": (series.usage, series.count) for size, series in ours.items()}
    return cost_table("CPU per bare chain and per id", "ids in a chain", costs)
